"""People at the pages: what their browsers send, and where they are sent on to."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

from functions.dashboard.app import handler
from tests import doors
from tests.doors import Answer
from tests.factories import Company
from winroom.answers import SESSION_COOKIE
from winroom.forms import MULTIPART, URLENCODED

_BOUNDARY = "----no-file-has-this"


@dataclass(frozen=True)
class Visitor:
    """Somebody's browser, logged in; or not, without a token."""

    token: str

    @classmethod
    def of(cls, company: Company, role: str = "admin") -> "Visitor":
        """Somebody new of the company."""
        return cls(company.person(role)[1])

    def get(self, path: str, key: str | None = None) -> Answer:
        return doors.http(handler, "GET", path, key=key, headers=self._headers)

    def post(self, path: str, site: str = "same-origin", **fields: str) -> Answer:
        """Sends a form, of ours or of another site."""
        headers = {**self._headers, "Content-Type": URLENCODED, "Sec-Fetch-Site": site}
        return doors.http(handler, "POST", path, urlencode(fields).encode(), headers=headers)

    def upload(self, path: str, file: str, name: str = "sales.csv", **fields: str) -> Answer:
        """Sends a form with a file."""
        parts = [f'name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n{file}']
        parts += [f'name="{field}"\r\n\r\n{value}' for field, value in fields.items()]
        body = "".join(f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        headers = {**self._headers, "Content-Type": f"{MULTIPART}; boundary={_BOUNDARY}"}
        return doors.http(handler, "POST", path, f"{body}--{_BOUNDARY}--\r\n".encode(), headers=headers)

    def done(self, path: str, **fields: str) -> str:
        """Sends a form that does its work, and returns the page that the browser is sent on to, as text."""
        answer = self.post(path, **fields)
        assert answer.status == 303, answer.raw
        there = self.get(answer.headers["location"])
        assert there.status == 200, there.raw
        return unescape(there.raw)

    def shown(self, path: str) -> str:
        """A page, as text."""
        answer = self.get(path)
        assert answer.status == 200, answer.raw
        return unescape(answer.raw)

    def refused(self, status: int, path: str, **fields: str) -> str:
        """Sends a form that is refused, and returns the page that says so, as text."""
        answer = self.post(path, **fields)
        assert answer.status == status, answer.raw
        return unescape(answer.raw)

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "Host": "room.example.com",
            "Cookie": f"{SESSION_COOKIE}={self.token}",
            "Sec-Fetch-Site": "same-origin",
        }


def went_to(answer: Answer) -> str:
    """Where a form sends the browser after its work."""
    assert answer.status == 303, answer.raw
    return answer.headers["location"]


def hidden(answer: Answer) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.raw)
    return {name: unescape(value) for name, value in found}
