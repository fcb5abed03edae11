"""What people fill in: a form's body as text by the names of its fields."""

from contextlib import suppress
from io import BytesIO
from urllib.parse import parse_qsl

from winroom import copy
from winroom.errors import Invalid

# Of a file its text, and its name as `<field>_name`.
Form = dict[str, str]
URLENCODED = "application/x-www-form-urlencoded"
# The same with a file.
MULTIPART = "multipart/form-data"


def read(content_type: str, body: bytes) -> Form:
    """A form of either kind. Raises Invalid for what is none, or holds what nobody types."""
    is_multipart = content_type.lower().startswith(MULTIPART)
    pairs = _parts(content_type, body) if is_multipart else parse_qsl(text(body), keep_blank_values=True)
    # The database cannot hold it.
    if any("\0" in part for pair in pairs for part in pair):
        raise Invalid(copy.FORM_UNREADABLE)
    return dict(pairs)


def text(body: bytes) -> str:
    """A body as text. Raises Invalid, naming the byte that is no UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(copy.NOT_UTF_8.format(position=error.start)) from error


def _of_file(field: str, content: bytes) -> str:
    """A file as text. Raises Invalid, naming its field: spreadsheets save in many another way."""
    with suppress(UnicodeDecodeError):
        if "\0" not in (decoded := content.decode("utf-8-sig")):
            return decoded
    message = copy.FILE_NOT_UTF_8.format(field=field)
    raise Invalid(details=[{"field": field, "message": message}])


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form that brings a file, as text."""
    # Imported where it is needed: one form has a file.
    from python_multipart import parse_form
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import Field, File

    pairs: list[tuple[str, str]] = []

    def on_field(part: Field) -> None:
        pairs.append((text(part.field_name or b""), text(part.value or b"")))

    def on_file(part: File) -> None:
        name, content = text(part.field_name or b""), part.file_object
        content.seek(0)
        pairs.extend([(name, _of_file(name, content.read())), (f"{name}_name", text(part.file_name or b""))])

    try:
        parse_form({"Content-Type": content_type.encode()}, BytesIO(body), on_field, on_file)
    except FormParserError as error:
        raise Invalid(copy.FORM_UNREADABLE) from error
    return pairs
