"""What the deployment tells us, read from the environment on first use and never at import."""

import os
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from winroom.errors import SettingMissing


class Settings:
    """A frozen view of one environment. Reading a key that is absent names it."""

    __slots__ = ("_environment",)

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    def _required(self, key: str) -> str:
        value = self._environment.get(key, "")
        if not value:
            raise SettingMissing(f"{key} is not set: give it to this function in template.yaml.")
        return value

    @property
    def database_url(self) -> str:
        """Where the application role connects, a libpq URL; may lead to a transaction pooler."""
        return self._required("DATABASE_URL")

    @property
    def jobs_database_url(self) -> str:
        """Where winroom_jobs connects: maintenance only."""
        return self._required("JOBS_DATABASE_URL")

    @property
    def owner_database_secret(self) -> str:
        """The secret with the URL that migrations run at: a direct connection, never through a pooler."""
        return self._required("OWNER_DATABASE_SECRET")

    def password_secret(self, login: str) -> str:
        """The secret with the password that the migrator gives `winroom_<login>`."""
        return self._required(f"{login.upper()}_PASSWORD_SECRET")

    @property
    def secrets_url(self) -> str:
        """Where Secrets Manager answers."""
        return self._endpoint(self._required("SECRETS_URL"))

    @property
    def database_pool_size(self) -> int:
        """Connections per process. A Lambda handles one event at a time, so one."""
        return int(self._environment.get("DATABASE_POOL_SIZE", "1"))

    @property
    def database_patience(self) -> float:
        """Seconds that a statement may take before the server is taken for dead."""
        return float(self._environment.get("DATABASE_PATIENCE", "60"))

    @property
    def sales_events_queue_url(self) -> str:
        return self._required("SALES_EVENTS_QUEUE_URL")

    @property
    def room_queue_url(self) -> str:
        return self._required("ROOM_QUEUE_URL")

    @property
    def aws_keys(self) -> tuple[str, str, str | None] | None:
        """Access key, secret key and session token, where the environment has them: Lambda's, except for a
        function that is restored from a snapshot, whose keys must be fetched."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        key, secret, token = map(self._environment.get, names)
        return (key, secret, token) if key and secret else None

    @property
    def aws_region(self) -> str | None:
        return self._environment.get("AWS_DEFAULT_REGION") or self._environment.get("AWS_REGION")

    def sqs_endpoint(self, queue_url: str) -> str:
        """Where SQS answers for a queue: at the queue's own address, unless the network knows another."""
        return self._endpoint(self._environment.get("SQS_URL") or queue_url)

    @property
    def lambda_url(self) -> str:
        """Where Lambda takes invocations."""
        return self._endpoint(self._required("LAMBDA_URL"))

    @property
    def codedeploy_url(self) -> str:
        """Where CodeDeploy answers."""
        return self._endpoint(self._required("CODEDEPLOY_URL"))

    def published(self, door: str) -> str:
        """The ARN of the version that this release has published of a door: ingestion, api and so on."""
        return self._required(f"{door.upper()}_VERSION")

    @property
    def socket_management_url(self) -> str:
        """The websocket API's management endpoint: https, without a trailing slash."""
        return self._required("SOCKET_MANAGEMENT_URL")

    @property
    def socket_url(self) -> str:
        """What clients connect to: wss, without the ticket."""
        return self._required("SOCKET_URL")

    @property
    def session_keys(self) -> Mapping[str, str]:
        """The live keys that sign sessions, by `kid`: `a:secret b:secret`. Two, so that one can be
        replaced while tokens of the other are still out."""
        pairs = (pair.partition(":") for pair in self._required("SESSION_KEYS").split())
        return {kid: key for kid, _, key in pairs}

    @property
    def session_kid(self) -> str:
        """Which of them signs now."""
        return self._required("SESSION_KID")

    @property
    def stack(self) -> str:
        """Which deployment this is among those of one account, or `unknown`: the one dimension of metrics."""
        return self._environment.get("STACK") or "unknown"

    @property
    def info_topic_arn(self) -> str | None:
        """Where the operator reads the daily summary; None where nobody asked for it."""
        return self._environment.get("INFO_TOPIC_ARN") or None

    @property
    def notices_url(self) -> str:
        """Where SNS answers."""
        return self._endpoint(self._required("NOTICES_URL"))

    @property
    def release(self) -> str:
        """SHA-256 over layers/ and functions/, or `unknown` where nobody passed one."""
        return self._environment.get("RELEASE") or "unknown"

    @property
    def origin_secrets(self) -> tuple[str, ...]:
        """What the edge shows us, if there is one: the secret, and while it is replaced the next one, too."""
        return tuple(self._environment.get("ORIGIN_SECRET", "").split())

    @property
    def public_url(self) -> str:
        """Where browsers find us through the edge, without a trailing slash; empty where there is none."""
        return self._environment.get("PUBLIC_URL", "")

    @property
    def allowed_origins(self) -> frozenset[str]:
        """Origins that browsers may call the API from besides its own; empty by default."""
        return frozenset(self._environment.get("ALLOWED_ORIGINS", "").split())

    def _endpoint(self, url: str) -> str:
        """The origin of a URL, or AWS_ENDPOINT_URL, which AWS's own clients heed as well."""
        parts = urlsplit(self._environment.get("AWS_ENDPOINT_URL") or url)
        return f"{parts.scheme}://{parts.netloc}"


def trace_header() -> str:
    """X-Ray's header of the invocation that runs now, `Root=...;Parent=...;Sampled=1`; empty outside of one.

    Lambda sets it anew for each, so it is no part of the frozen settings.
    """
    return os.environ.get("_X_AMZN_TRACE_ID", "")


@cache
def settings() -> Settings:
    """The process's settings; `settings.cache_clear()` reads the environment anew."""
    return Settings(os.environ)
