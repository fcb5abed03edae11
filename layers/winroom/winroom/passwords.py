"""Passwords: what makes one, and their hashes. In plain they are seen once, by whom they belong to."""

import secrets
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from winroom import copy
from winroom.errors import Invalid
from winroom.validation import Published

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_LENGTH = range(12, 129)
# The long ones among those that attackers try first.
_COMMON = frozenset(
    {
        "000000000000",
        "111111111111",
        "123123123123",
        "1234567890123",
        "123456789012",
        "123456789123",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "administrator",
        "changemenow1",
        "iloveyou1234",
        "letmeinplease",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "q1w2e3r4t5y6",
        "qwerty123456",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdfghjkl",
        "welcome12345",
        "winroomwinroom",
    }
)
# Nobody's password, hashed as everybody's: checking it takes as long.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$XUnCbCP8f6bHP01rCxLuZQ$oiOfISZBULPhUmsEOigWkFyYdp/vK63UPjbC1LQH4fQ"
)


def _sound(password: str) -> str:
    if len(password) not in _LENGTH:
        raise PydanticCustomError("password_length", "")
    if password.lower() in _COMMON:
        raise PydanticCustomError("password_common", "")
    return password


# As somebody chooses it, and as somebody types it: spaces at its ends belong to it.
New = Annotated[
    str,
    StringConstraints(strip_whitespace=False),
    AfterValidator(_sound),
    Published(minLength=_LENGTH[0], maxLength=_LENGTH[-1]),
]
Typed = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=_LENGTH[-1])]


def must_differ(password: str, email: str, field: str) -> None:
    """Raises Invalid, naming the field, where the password is the email."""
    if password.strip().lower() == email.lower():
        message = copy.PASSWORD_IS_EMAIL.format(field=field)
        raise Invalid(details=[{"field": field, "message": message}])


def random() -> str:
    """One to be shown once and changed by its owner."""
    return secrets.token_urlsafe(12)


def hashed(password: str) -> str:
    """What is kept of it: argon2id with a salt of its own."""
    return _hasher().hash(password)


def is_right(password_hash: str, password: str) -> bool:
    """Whether it is the password that was hashed."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether it was hashed with other parameters than those of today."""
    return _hasher().check_needs_rehash(password_hash)


@cache
def _hasher() -> "PasswordHasher":
    # Imported here: hashing belongs to signing up and logging in, not to every cold start.
    from argon2 import PasswordHasher

    return PasswordHasher()
