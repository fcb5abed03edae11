"""CSV as other systems write it: what is understood, what is refused, and that nothing else can happen."""

import csv
import io
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from winroom import spreadsheets
from winroom.errors import Invalid
from winroom.spreadsheets import Reading, Spreadsheet, moment

HEADER = "sale_id,occurred_at,customer_name,sell_price,seller_external_id"
ROW = "s-1,2026-01-01T10:00:00Z,Ada,10,anna"


def read(text: str, **options: Any) -> Spreadsheet:
    return spreadsheets.read(text, Reading(**options))


def refused(text: str, **options: Any) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        read(text, **options)
    return refusal.value


def values(text: str, **options: Any) -> dict[str, str]:
    (line,) = read(text, **options).lines
    return line.values


def test_a_row_is_known_by_its_columns_names_trimmed_and_in_any_case() -> None:
    text = f" Sale_ID , OCCURRED_AT,customer_name,sell_price,seller_external_id,Colour\n {ROW} ,red\n"
    sheet = read(text)
    assert sheet.ignored_columns == ["Colour"]
    assert sheet.mapping["Sale_ID"] == "sale_id"
    assert sheet.lines == [
        (
            2,
            {
                "sale_id": "s-1",
                "occurred_at": "2026-01-01T10:00:00Z",
                "customer_name": "Ada",
                "sell_price": "10",
                "seller_external_id": "anna",
            },
            None,
        )
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_recognised_from_the_header(delimiter: str, end: str) -> None:
    lines = [HEADER.replace(",", delimiter), ROW.replace(",", delimiter).replace("Ada", '"A,d;a\t"')]
    assert values(end.join(lines))["customer_name"] == "A,d;a"


def test_a_quoted_header_shows_its_delimiter_too() -> None:
    header = ";".join(f'"{name}"' for name in HEADER.split(","))
    assert values(f"{header}\n{ROW.replace(',', ';')}")["sale_id"] == "s-1"


def test_blank_rows_are_no_sales_but_they_count() -> None:
    sheet = read(f"\n{HEADER}\n\n,,,,\n{ROW}\n  \n{ROW}\n\n")
    assert [line.row for line in sheet.lines] == [5, 7]


def test_a_line_break_within_a_cell_is_no_row() -> None:
    multiple = ROW.replace("Ada", '"A\nd\na"')
    assert [line.row for line in read(f"{HEADER}\n{multiple}\n{ROW}").lines] == [2, 3]


def test_names_of_version_1_are_understood_behind_better_columns() -> None:
    row = "s-1,2026-01-01T10:00:00Z,Ada,10,anna"
    old = "subscription_id,created_at,customer_name,amount,seller_external_id"
    assert values(f"{old}\n{row}")["sell_price"] == "10"
    both = read(f"amount,{HEADER}\n99,{row}")
    assert both.lines[0].values["sell_price"] == "10"
    assert both.ignored_columns == ["amount"]


@pytest.mark.parametrize(
    "mapping",
    [
        "Client : customer_name , price:net:sell_price",
        '{"client": "customer_name", "Price:Net": "sell_price"}',
    ],
)
def test_a_mapping_says_which_column_is_which(mapping: str) -> None:
    text = "sale_id,occurred_at,Client,customer_name,price:net,seller_external_id\ns,2026-01-01,Ada,no,5,anna"
    sheet = read(text, mapping=mapping)
    assert (sheet.lines[0].values["customer_name"], sheet.lines[0].values["sell_price"]) == ("Ada", "5")
    assert sheet.ignored_columns == ["customer_name"]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("Client", "must be one of"),
        ("Client:colour", "must be one of"),
        ("nowhere:notes", "nowhere"),
        ("sale_id:notes,customer_name:notes", "twice"),
        ("{", "JSON object"),
        ('{"sale_id": 7}', "JSON object"),
        ('{"sale_id": {"notes": []}}', "JSON object"),
        ("{" * 2000, "JSON object"),
    ],
    ids=lambda text: text[:20],
)
def test_a_wrong_mapping_is_named(mapping: str, says: str) -> None:
    (problem,) = refused(f"{HEADER}\n{ROW}", mapping=mapping).details
    assert problem["field"] == "mapping"
    assert says in problem["message"]


def test_a_required_field_that_nothing_gives_is_named_with_what_to_do() -> None:
    problems = {p["field"]: p["message"] for p in refused("sale_id,sell_price\na,1").details}
    assert set(problems) == {"occurred_at", "customer_name", "seller_external_id"}
    assert "mapping=their_column:customer_name" in problems["customer_name"]
    assert "default_seller" in problems["seller_external_id"]


def test_defaults_stand_in_for_what_a_row_does_not_say() -> None:
    text = "occurred_at,customer_name,sell_price,currency\n2026-01-01,Ada,1,\n2026-01-01,Ada,1,EUR"
    first, second = read(text, default_seller="Anna", default_currency="TRY").lines
    assert (first.values["seller_external_id"], first.values["currency"]) == ("Anna", "TRY")
    assert (second.values["seller_external_id"], second.values["currency"]) == ("Anna", "EUR")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n\n  \n", "empty"),
        (HEADER, "no rows"),
        (ROW, "None of the columns is known"),
        (f"{HEADER},Sale_Id\n{ROW},x", "sale_id is there twice"),
        (HEADER + ",x" * 200, "more than 200 columns"),
        (f'{HEADER}\n"{ROW}', "row 2"),
        (f'{HEADER}\n{ROW}\n"a"b,c', "row 3"),
        (f'"{HEADER}', "row 1"),
        (f"{HEADER}\n{ROW.replace('Ada', 'x' * 200_000)}", "row 2"),
        (f"{HEADER}\n" + f"{ROW}\n" * 50_001, "more than 50,000 rows"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_such_file_is_refused_with_the_reason(text: str, says: str) -> None:
    assert says in refused(text).message


def test_a_row_with_more_cells_than_the_header_is_a_problem_of_its_own() -> None:
    good, bad = read(f"{HEADER}\n{ROW},,\n{ROW},more\n").lines
    assert good.problem is None
    assert bad.problem is not None
    assert "6 cells, the header only 5" in bad.problem


def test_a_row_with_a_letter_that_was_lost_on_the_way_is_a_problem_of_its_own() -> None:
    good, bad = read(f"{HEADER}\n{ROW}\n{ROW.replace('A', chr(0xFFFD), 1)}\n").lines
    assert good.problem is None
    assert bad.problem is not None
    assert "UTF-8" in bad.problem


def test_a_row_without_an_id_is_known_by_its_content_and_which_of_its_kind_it_is() -> None:
    header = "occurred_at,customer_name,sell_price"
    rows = ["2026-01-01,Ada,1", "2026-01-01,Ben,1", "2026-01-01,Ada,1"]

    def names(text: str, **options: Any) -> list[str]:
        return [line.values["sale_id"] for line in read(text, default_seller="anna", **options).lines]

    first, ben, second = names("\n".join([header, *rows]))
    assert first.endswith("-1")
    assert second == first.removesuffix("1") + "2"
    assert ben != first
    # The order, a further column, another name for one and other defaults change no id.
    again = "amount,x,created_at,customer_name\n1,7,2026-01-01,Ada\n1,8,2026-01-01,Ada\n1,9,2026-01-01,Ben"
    assert names(again, default_currency="EUR") == [first, second, ben]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2025-01-31 15:30:00+00", datetime(2025, 1, 31, 15, 30, tzinfo=UTC)),
        ("2025-01-31 15:30:00.123456+00", datetime(2025, 1, 31, 15, 30, 0, 123456, tzinfo=UTC)),
        ("2025-01-31 15:30:00.5+05:30", datetime(2025, 1, 31, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2025-01-31T15:30:00Z", datetime(2025, 1, 31, 15, 30, tzinfo=UTC)),
        ("2025-01-31 15:30:00", datetime(2025, 1, 31, 15, 30)),
        ("2025-01-31T15:30", datetime(2025, 1, 31, 15, 30)),
        ("2025-01-31", datetime(2025, 1, 31)),
        ("20250131", None),
        ("1767225600", None),
        ("31.01.2025", None),
        ("2025-02-30", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01", None),
        ("9999-12-31 23:59:59", None),
        ("infinity", None),
        ("", None),
    ],
)
def test_times_are_understood_as_iso_8601_and_postgresql_write_them(text: str, told: datetime | None) -> None:
    assert moment(text) == told


letters = st.text(st.sampled_from('",;\t\r\n\0 :-ab1') | st.characters(exclude_categories=["Cs"]))


@pytest.mark.fire
@how(database=None, deadline=None)
@given(text=letters, header=st.booleans())
@example(text='"' * 7, header=True)
def test_any_text_is_read_or_refused(text: str, header: bool) -> None:
    try:
        sheet = read(f"{HEADER}\n{text}" if header else text, default_seller="anna")
    except Invalid:
        return
    assert all(line.values["sale_id"] for line in sheet.lines)


@pytest.mark.fire
@how(database=None, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            *(st.text(st.characters(exclude_categories=["Cs"])).map(str.strip).filter(bool) for _ in "abc")
        ),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_a_csv_writer_writes_is_read_as_it_was(
    rows: list[tuple[str, str, str]], delimiter: str, quoting: Any
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
    writer.writerow(["occurred_at", "customer_name", "sell_price"])
    writer.writerows(rows)
    sheet = read(file.getvalue(), default_seller="anna")
    fields = ("occurred_at", "customer_name", "sell_price")
    assert [tuple(line.values[f] for f in fields) for line in sheet.lines] == rows
    assert [line.row for line in sheet.lines] == list(range(2, len(rows) + 2))


def test_columns_are_told_only_as_far_as_anybody_reads() -> None:
    sheet = read(f"{HEADER},x\0{string.ascii_letters * 9},\n{ROW},1,")
    (ignored,) = sheet.ignored_columns
    assert (len(ignored), "\0" in ignored) == (255, False)
