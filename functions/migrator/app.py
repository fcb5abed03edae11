"""CloudFormation custom resource: migrates before new code is published. It only ever goes up."""

import json
import urllib.request
from typing import Any

from winroom import schema, telemetry, vault
from winroom.settings import settings


@telemetry.door
def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation, also when migrating failed: an unanswered request hangs for an hour."""
    reason = ""
    try:
        # Deleting the stack keeps the data, and a rollback keeps the schema: it is backward compatible.
        if event["RequestType"] != "Delete":
            owner_url = vault.read(settings().owner_database_secret)
            passwords = {login: vault.read(settings().password_secret(login)) for login in schema.LOGINS}
            applied = schema.migrate(owner_url, passwords)
            telemetry.logger().info("migrated", applied=applied)
    except Exception as error:
        telemetry.logger().exception("migration failed")
        reason = f"{type(error).__name__}: {error}"[:1000]
    _answer(event, "FAILED" if reason else "SUCCESS", reason)


def _answer(event: dict[str, Any], status: str, reason: str) -> None:
    body = {
        "Status": status,
        "Reason": reason or "done",
        "PhysicalResourceId": event.get("PhysicalResourceId", "winroom-schema"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    # The address is CloudFormation's own, https, signed for this one answer.
    request = urllib.request.Request(  # noqa: S310 (https, see above)
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 (https, see above)
        pass
