"""What can go wrong, each with its HTTP status and slug. The docstring is the message people read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil

from typing_extensions import TypedDict


class FieldProblem(TypedDict):
    """One invalid field: its name as the caller wrote it, and what to do about it."""

    field: str
    message: str


class WinRoomError(Exception):
    """Internal server error"""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Sequence[FieldProblem] = (),
        retry_after: int | None = None,
    ) -> None:
        self.message = message or type(self).__doc__ or ""
        self.details = list(details)
        self.retry_after = retry_after
        super().__init__(self.message)


class SettingMissing(Exception):
    """A mistake of the deployment: it is logged, and callers learn only that something is wrong."""


class Invalid(WinRoomError):
    """Validation failed"""

    status = 400
    code = "invalid"


class Unauthenticated(WinRoomError):
    """Invalid or missing API token"""

    status = 401
    code = "unauthenticated"


class Forbidden(WinRoomError):
    """This key or role may not do that."""

    status = 403
    code = "forbidden"


class NotFound(WinRoomError):
    """Not found"""

    status = 404
    code = "not_found"


class MethodNotAllowed(WinRoomError):
    """Method not allowed"""

    status = 405
    code = "method_not_allowed"


class Conflict(WinRoomError):
    """The request conflicts with what is already there."""

    status = 409
    code = "conflict"


class TooLarge(WinRoomError):
    """The request body is too large."""

    status = 413
    code = "too_large"


class UnsupportedMediaType(WinRoomError):
    """Send the body as application/json without a Content-Encoding."""

    status = 415
    code = "unsupported_media_type"


class RateLimited(WinRoomError):
    """Rate limit exceeded"""

    status = 429
    code = "rate_limited"

    def __init__(self, *, resets_at: datetime) -> None:
        self.resets_at = resets_at
        # Rounded up, so that a client that waits exactly this long is let in.
        super().__init__(retry_after=max(1, ceil((resets_at - datetime.now(UTC)).total_seconds())))


class Misdirected(WinRoomError):
    """Nothing was recorded, this address is for nobody: send the same to Win Room by its public name."""

    # What senders of sales repeat: to many of them, any other 4xx is final.
    status = 429
    code = "misdirected"

    def __init__(self) -> None:
        super().__init__(retry_after=3600)


class Paused(WinRoomError):
    """This is switched off for now. Please try again later."""

    status = 503
    code = "paused"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry_after=300)


class DatabaseUnavailable(WinRoomError):
    """The database cannot be reached right now. Please send the same request again."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry_after=2)


class Busy(WinRoomError):
    """The database was too busy to finish this. Nothing was changed; please send the request again."""

    status = 503
    code = "busy"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry_after=1)
