"""Which deployment the commands work on: what the environment names, else the stack of `--stack`, else the
local one that is up. What is in the way is told in a sentence."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import click
import psycopg
from botocore import exceptions as aws
from botocore.config import Config
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from infra.local import emulator
from infra.local import stack as local_stack
from winroom import api_keys, audit, db, ids, schema, tenants
from winroom.callers import Caller
from winroom.db import Connection, Row
from winroom.errors import WinRoomError

# Before this the stack has no outputs, after it none that lead anywhere; an update that failed is no harm.
_UNUSABLE = {
    "REVIEW_IN_PROGRESS": "was never deployed: deploy it first.",
    "CREATE_IN_PROGRESS": "is being created: wait until `sam deploy` is done.",
    "ROLLBACK_IN_PROGRESS": "could not be created and is being taken back: CloudFormation's events say why.",
    "DELETE_IN_PROGRESS": "is being deleted.",
}
_HALF_CREATED = (
    "could not be created: see why in CloudFormation's events, delete it with `sam delete`, deploy it anew."
)
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
_OLD_SCHEMA = (
    pg.UndefinedTable,
    pg.UndefinedColumn,
    pg.UndefinedFunction,
    pg.InvalidSchemaName,
    pg.InsufficientPrivilege,
)


@dataclass(frozen=True)
class Target:
    """What the options before the subcommand say: a deployed stack, or with none of them the local one."""

    stack: str | None = None
    region: str | None = None
    profile: str | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"the stack {self.stack}" if self.stack else "the local stack"

    @property
    def http_url(self) -> str:
        """Where API and pages answer: WINROOM_URL, else the stack's; without a slash at its end."""
        url = os.environ.get("WINROOM_URL")
        if not url:
            url = self.output("PublicUrl") if self.stack else self.local().http_url
        if not url.startswith(("http://", "https://")):
            raise click.ClickException(f"{url} is no address of an API: it must begin with https://.")
        return url.rstrip("/")

    @property
    def has_foreign_database(self) -> bool:
        """Whether the environment names the database: perhaps it is not the one that the stack works with."""
        return bool(os.environ.get("OPERATOR_DATABASE_URL"))

    @cached_property
    def operator_url(self) -> str:
        """Where winroom_operator connects: OPERATOR_DATABASE_URL, else the stack's."""
        if url := _database_url("OPERATOR_DATABASE_URL"):
            return url
        if self.stack is None:
            return self.local().operator_database_url
        address = self.output("DatabaseAddress")
        return f"postgresql://winroom_operator:{self._secret('OperatorPasswordSecret')}@{address}"

    @cached_property
    def owner_url(self) -> str:
        """Where migrations run, past any pooler: OWNER_DATABASE_URL, else the stack's."""
        if url := _database_url("OWNER_DATABASE_URL"):
            return url
        if self.stack is None:
            return self.local().owner_database_url
        return self._secret("OwnerDatabaseSecret")

    def local(self) -> local_stack.Stack:
        """The local stack that is up."""
        if (running := local_stack.read()) is None:
            raise click.ClickException(
                "Nothing to work on: start the local stack with `winroom local up`, name a deployed one with "
                "--stack before the subcommand, or set OPERATOR_DATABASE_URL and the like: see `winroom -h`."
            )
        return running

    def output(self, name: str) -> str:
        """One of the things that the stack tells of itself."""
        if (value := self.outputs.get(name)) is None:
            raise click.ClickException(
                f"There is no {name} among the outputs of {self.name}: deploy this release there first."
            )
        return value

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """What the stack tells of itself, by name."""
        if self.stack is None:
            return self.local().outputs
        described = self._described()
        status = described["StackStatus"]
        if not status.startswith(("UPDATE_", "IMPORT_")) and status != "CREATE_COMPLETE":
            why = _UNUSABLE.get(status, _HALF_CREATED)
            raise click.ClickException(f"The stack {self.stack} ({status}) {why}")
        return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}

    def client(self, service: str) -> Any:
        """A client of AWS, where the stack is; impatient, for somebody waits. Use it in `asking_aws`."""
        if self.stack is None:
            where: dict[str, Any] = {"endpoint_url": self.local().aws_endpoint_url}
            session = emulator.session()
        else:
            where, session = {}, boto3.Session(profile_name=self.profile, region_name=self.region)
        config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
        return session.client(service, config=config, **where)  # type: ignore[call-overload]

    def _described(self) -> Any:
        with asking_aws():
            client = self.client("cloudformation")
            try:
                return client.describe_stacks(StackName=self.stack)["Stacks"][0]
            except aws.ClientError as error:
                if "does not exist" not in str(error):
                    raise
                raise click.ClickException(
                    f"There is no stack {self.stack} in {client.meta.region_name}: see --stack, --region and "
                    f"--profile."
                ) from error

    def _secret(self, output: str) -> str:
        secret = self.output(output)
        with asking_aws():
            found = self.client("secretsmanager").get_secret_value(SecretId=secret)
        return str(found["SecretString"])


def current() -> Target:
    """What the command that runs is to work on."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Target)) or Target()


@contextmanager
def operator_session() -> Iterator[Connection]:
    """One transaction that sees every tenant. What goes wrong is told in one line."""
    with asking_the_database(), db.connect(current().operator_url) as conn:
        schema.check_server(conn)
        yield conn


@contextmanager
def company_session(tenant: str) -> Iterator[tuple[Connection, Caller]]:
    """One transaction inside the company with this slug or id, which sees nobody else's rows; with it, the
    operator as a caller."""
    with operator_session() as conn:
        company_id = company(conn, tenant)
        yield conn, entered(conn, company_id)


def company(conn: Connection, tenant: str) -> Any:
    """The id of the company with this slug or id."""
    found = tenants.find(conn, tenant)
    if found is None:
        raise click.ClickException(f"There is no company {tenant}: `winroom tenant list` shows all.")
    return found["tenant_id"]


def api_key(conn: Connection, key: str) -> Row:
    """The one key with this id, or that begins like this, of whatever company."""
    found = api_keys.whose(conn, key)
    if len(found) == 1:
        return found[0]
    # What was typed may be a whole key: it is not repeated.
    told = "More than one key begins like this: give its id." if found else "There is no such key."
    raise click.ClickException(f"{told} `winroom key list TENANT` shows the keys of a company.")


def entered(conn: Connection, tenant_id: Any) -> Caller:
    """Goes into a company for the rest of the transaction, and returns the operator as a caller."""
    db.enter(conn, tenant_id)
    return Caller.operator(tenant_id)


def note(conn: Connection, caller: Caller, method: str, endpoint: str, status: int = 200) -> None:
    """Leaves in the company's audit log the row that the API leaves for the same; the last thing before the
    commit."""
    subcommand = click.get_current_context().command_path.partition(" ")[2]
    entry = audit.Entry(
        caller=caller,
        endpoint=endpoint,
        http_method=method,
        request_id=str(ids.new()),
        request_ip=None,
        user_agent=f"winroom {subcommand}",
        response_time_ms=0,
        audit_id=ids.new(),
    )
    audit.note(conn, entry, status)


def in_words(message: str, details: Iterable[Mapping[str, object]]) -> str:
    """What is wrong, in a line: what is said of each field says all that the message would."""
    return "; ".join(str(one["message"]) for one in details) or message


@contextmanager
def asking_the_database() -> Iterator[None]:
    """What the database and the nouns say against it, in one line."""
    try:
        yield
    except _OLD_SCHEMA as error:
        raise click.ClickException(
            f"The database refuses that: {error.diag.message_primary}. Its schema is older than this command "
            f"(`winroom migrate` brings it up to date), or the URL is not that of the role for this."
        ) from error
    except psycopg.IntegrityError as error:
        raise click.ClickException(f"The database refuses that: {error.diag.message_primary}") from error
    except psycopg.OperationalError as error:
        raise click.ClickException(f"The database does not answer: {error}") from error
    except psycopg.Error as error:
        raise click.ClickException(f"The database says: {error.diag.message_primary or error}") from error
    except WinRoomError as error:
        raise click.ClickException(in_words(error.message, error.details)) from error


@contextmanager
def asking_aws() -> Iterator[None]:
    """What AWS, or the way there, says against it, in one line."""
    try:
        yield
    except _NO_CREDENTIALS as error:
        raise click.ClickException(
            f"No AWS credentials ({error}): log in, or name a profile that has some with --profile."
        ) from error
    except aws.NoRegionError as error:
        raise click.ClickException("Say which region the stack is in: --region, or AWS_REGION.") from error
    except aws.ClientError as error:
        told = error.response["Error"]
        raise click.ClickException(f"AWS refuses that: {told.get('Message')} ({told.get('Code')})") from error
    except aws.BotoCoreError as error:
        raise click.ClickException(f"AWS: {error}") from error


def _database_url(variable: str) -> str | None:
    """What the environment says, if anything. It holds a password: nothing repeats it."""
    url = os.environ.get(variable)
    try:
        if url:
            conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise click.ClickException(
            f"{variable} cannot be read: it must look like postgresql://user:password@host/database."
        ) from None
    return url
