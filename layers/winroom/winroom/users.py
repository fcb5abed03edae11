"""People: who may log in, as what. Passwords are kept as argon2id hashes only."""

from uuid import UUID

from winroom import queries
from winroom.db import Connection, Row, only

_SQL = queries.load("users")


def create(conn: Connection, tenant_id: UUID, email: str, display_name: str, role: str, password: str) -> Row:
    """Adds a person to a company."""
    # Imported here: hashing belongs to signing up and logging in, not to every cold start.
    from argon2 import PasswordHasher

    return only(
        conn.execute(
            _SQL["create"],
            {
                "tenant_id": tenant_id,
                "email": email.lower(),
                "display_name": display_name,
                "role": role,
                "password_hash": PasswordHasher().hash(password),
            },
        )
    )
