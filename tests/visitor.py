"""Somebody with a browser and without JavaScript: opens pages, fills in forms, sends files."""

import re
from html import unescape
from urllib.parse import urlencode

from functions.dashboard.app import handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company

_BOUNDARY = "----a-boundary-that-no-file-has"


class Visitor:
    """A person of a company, logged in."""

    def __init__(self, company: Company, role: str, seller_id: str | None = None) -> None:
        self.user_id, self.token = company.person(role, seller_id)

    def open(self, path: str) -> Answer:
        return doors.http(handler, "GET", path, headers=self._headers())

    def see(self, path: str) -> str:
        """The text of a page, as it stands in the HTML but for its escapes."""
        answer = self.open(path)
        assert answer.status == 200, answer.raw
        return unescape(answer.raw)

    def send(self, path: str, **fields: object) -> Answer:
        """Fills in a form."""
        headers = self._headers("application/x-www-form-urlencoded")
        return doors.http(handler, "POST", path, urlencode(fields).encode(), headers=headers)

    def upload(self, path: str, text: str, name: str = "sales.csv", **fields: str) -> Answer:
        """Fills in a form with a file."""
        file = f'name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n{text}'
        parts = [file, *(f'name="{field}"\r\n\r\n{value}' for field, value in fields.items())]
        body = "".join(f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        headers = self._headers(f"multipart/form-data; boundary={_BOUNDARY}")
        return doors.http(handler, "POST", path, f"{body}--{_BOUNDARY}--\r\n".encode(), headers=headers)

    def _headers(self, content_type: str = "") -> dict[str, str]:
        headers = {"cookie": f"__Host-winroom={self.token}", "sec-fetch-site": "same-origin"}
        return headers | ({"content-type": content_type} if content_type else {})


def went_to(answer: Answer) -> str:
    """Where a form sends the browser after its work."""
    assert answer.status == 303, answer.raw
    return answer.headers["location"]


def hidden(answer: Answer) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.raw)
    return {name: unescape(value) for name, value in found}
