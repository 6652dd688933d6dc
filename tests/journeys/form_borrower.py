"""A borrower without a browser: sends the forms of the loan pages as any client of HTTP could, script or not.

`python -m tests.journeys.form_borrower apply URL LOG` goes from a first page to the offers; `accept` and `sign` go on
from there. What a browser would remember lies in `borrower.json` of the folder.
"""

import json
import re
import sys
import time
import urllib.parse
import urllib.request
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

KEPT = Path("borrower.json")
NAME = "Chan Siu Ming"
ANSWERS: dict[str, Any] = {
    "amount": 60_000, "term": 24, "purpose": "tax", "employment": "salaried", "employment_years": 9.5,
    "housing": "mortgage", "essential_spending": 12_000, "monthly_income": 45_000, "existing_debt": 10_000,
    "monthly_payments": 2_000,
    "card_utilisation": 12, "open_accounts": 3, "history_months": 160, "inquiries_6m": 0, "delinquencies_24m": 0,
}  # fmt: skip
CODE_WITHIN_S = 10


class Borrower:
    """One visitor: cookies, and the page that is open."""

    def __init__(self, cookies: dict[str, str], url: str) -> None:
        self.cookies, self.url, self.text = cookies, url, ""

    def open(self, url: str, form: dict[str, Any] | None = None) -> None:
        """Follow a link or send a form, and then all redirections."""
        where = urllib.parse.urljoin(self.url, url)
        data = None if form is None else urllib.parse.urlencode(form).encode()
        while where:
            request = urllib.request.Request(where, data, {"Cookie": "; ".join(map("=".join, self.cookies.items()))})
            with _opener.open(request, timeout=30) as answer:
                self._remember(answer.headers.get_all("Set-Cookie") or [])
                self.url, self.text = where, answer.read().decode()
                where, data = (
                    urllib.parse.urljoin(where, answer.headers["Location"] or "") * (answer.status == 302),
                    None,
                )

    def _remember(self, lines: list[str]) -> None:
        for line in lines:
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}

    def fill(self, **answers: Any) -> None:
        """Send the form of the page with these answers to those of its fields that are asked for."""
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.text))
        asked = set(re.findall(r'name="(\w+)"', self.text))
        self.open(self.url, {**fields, **{name: value for name, value in answers.items() if name in asked}})

    def must_show(self, heading: str) -> None:
        """End with what is shown instead where the page is another one."""
        if f"<h1>{heading}</h1>" not in self.text:
            sys.exit(f"not {heading!r}, but {self.url}:\n{self.text}")

    def keep(self) -> None:
        """Remember it for the next command."""
        KEPT.write_text(json.dumps({"cookies": self.cookies, "url": self.url}))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """We follow them ourselves, with the cookies of each answer."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


class _Taken(urllib.request.HTTPErrorProcessor):
    """An answer is an answer, whatever its status."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Return it."""
        return response


_opener = urllib.request.build_opener(_NoRedirect, _Taken)


def apply(url: str, log: str) -> Borrower:
    """Go from the first page to the offers; the code is read from the server's log."""
    one = Borrower({}, url)
    one.open(url)
    one.must_show("Apply for a loan")
    one.fill()
    one.must_show("Your consent")
    one.fill(agree="on")
    while "/phone/" not in one.url:
        before = one.url
        one.fill(**ANSWERS)
        if one.url == before:
            sys.exit(f"{one.url} does not take the answers:\n{one.text}")
    one.fill(phone="9123 4567")
    one.fill(code=read_code(log, one.url.split("/")[-3]))
    one.must_show("Check your answers")
    one.fill()
    one.must_show("Your offers")
    return one


def read_code(log: str, application: str) -> str:
    """Return the newest code of an application in a log, which another process is writing."""
    deadline = time.monotonic() + CODE_WITHIN_S
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in Path(log).read_text().splitlines() if "one_time_code" in line]
        digits = [str(line["digits"]) for line in lines if line["application"] == application]
        if digits:
            return digits[-1]
        time.sleep(0.1)
    sys.exit("no code came")


def accept() -> Borrower:
    """Take the first offer, and share."""
    one = remembered()
    found = re.search(r'class="button" href="([^"]+/offers/[^"]+)"', one.text)
    assert found
    one.open(found[1])
    one.fill(name=NAME, agree="on")
    one.must_show("The lender decides")
    return one


def sign() -> Borrower:
    """Read the contract, and sign it."""
    one = remembered()
    one.must_show("Your contract")
    one.fill(typed_name=NAME)
    one.must_show("Signed")
    return one


def remembered() -> Borrower:
    """Go on where the last command ended."""
    one = Borrower(**json.loads(KEPT.read_text()))
    one.open(one.url)
    return one


def main(command: str, *words: str) -> None:
    """Carry one command out."""
    done = apply(*words) if command == "apply" else {"accept": accept, "sign": sign}[command]()
    done.keep()


if __name__ == "__main__":
    main(*sys.argv[1:])
