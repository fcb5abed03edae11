"""`winroom verify`: every kind of damage is named, and nothing that is as it should be."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.rows import dict_row

from functions.processor.app import handler as processor
from infra.operator.command import main
from tests import doors, floor
from tests.doors import Sqs
from tests.factories import Company, Database, sale
from tests.office import Office
from winroom import db, ids, ledger
from winroom.db import Connection

# What a damaged disk, a half restore or a hand in the tables leaves, and what must be found: these, no others.
DAMAGE: list[tuple[set[str], LiteralString]] = [
    ({"sale_without_id"}, "update wr.sales_events_archive set sale_id = ' ' where sale_id = 'kept'"),
    ({"event_without_key", "unlike"}, ""),
]
