"""A bank that lends over the REST API alone: what it knows it read from an answer or from a verified webhook."""

import calendar
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.journeys.rest import RestClient
from tests.partners.receiver import Receiver
from tests.stack import until

PRODUCT: dict[str, Any] = {
    "name": "Harbour Instalment", "product_class": "personal_instalment", "currency": "HKD", "jurisdiction": "HK",
    "amount_min": "5000.00", "amount_max": "200000.00", "terms": [12, 24, 36], "fee_percent": "1",
    "grid": {"A": "6", "B": "9", "C": "14", "D": "19"},
}  # fmt: skip
POLICY = {
    "all": [
        {"fact": "grade", "op": "in", "value": ["A", "B", "C", "D"], "code": "grade_up_to_d"},
        {"fact": "monthly_income", "op": ">=", "value": 8000, "code": "income_floor"},
    ]
}
TOLD_WITHIN_S = 15
TAKEN_WITHIN_S = 20
WINDOW_MONTHS = 12


@dataclass
class Account:
    """One loan in the bank's own books: how the loan was answered, and what the borrower has paid."""

    loan: Mapping[str, Any]
    pays_until: int  # how many instalments he pays, each on its day
    paid: list[tuple[date, Decimal]] = field(default_factory=list)
    sequence: int = 0

    @property
    def id(self) -> str:
        """The loan's id."""
        return str(self.loan["id"])

    @property
    def matures_on(self) -> date:
        """The day on which the window closes."""
        return date.fromisoformat(self.loan["matures_on"])

    @property
    def month_ends(self) -> list[date]:
        """The month ends of the window."""
        opened_on = date.fromisoformat(self.loan["opened_on"])
        ends = [_month_end(opened_on.year, opened_on.month + more) for more in range(WINDOW_MONTHS + 1)]
        return [end for end in ends if end > opened_on][:WINDOW_MONTHS]

    def days_past_due(self, today: date) -> int:
        """How late he is, as the bank itself counts: since the oldest instalment that he did not pay."""
        unpaid = date.fromisoformat(self.loan["schedule"][len(self.paid)]["due_on"])
        return max((today - unpaid).days, 0)

    def month(self, end: date) -> list[dict[str, Any]]:
        """The new reports of a month: what was paid up to its end, and the total."""
        return [*self._payments(end), self._report("month_end", end, paid_total=str(sum(x for _, x in self.paid)))]

    def _payments(self, end: date) -> list[dict[str, Any]]:
        dues = [(date.fromisoformat(one["due_on"]), Decimal(one["due"])) for one in self.loan["schedule"]]
        new = [due for due in dues[len(self.paid) : self.pays_until] if due[0] <= end]
        self.paid += new
        return [self._report("payment", day, amount=str(amount)) for day, amount in new]

    def _report(self, kind: str, as_of: date, **more: str) -> dict[str, Any]:
        self.sequence += 1
        return {"sequence": self.sequence, "kind": kind, "as_of": as_of.isoformat(), **more}


def _month_end(year: int, month: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1])


class Lender:
    """A sandbox's two clients, its webhook receiver, and the clock that it moves."""

    def __init__(self, desk: RestClient, checker: RestClient, hooks: Receiver) -> None:
        self.desk, self.checker, self.hooks = desk, checker, hooks

    def listen(self) -> None:
        """Register the receiver; it verifies with the secret that is shown this once."""
        made = self.desk.send("POST", "/webhook-endpoints", {"url": self.hooks.url}, expect=201).json()
        self.hooks.secrets.append(made["secret"])

    def launch(self) -> None:
        """Bring a product to market: its policy submitted by one client, approved by the other."""
        place = self.desk.send("POST", "/products", PRODUCT, expect=201).headers["Location"].removeprefix("/api/v1")
        policy = f"{place}/credit-policy"
        written = self.desk.send("PUT", policy, POLICY, match=self.desk.send("GET", policy).headers["ETag"])
        tag = self.desk.send("POST", f"{policy}/submit", match=written.headers["ETag"]).headers["ETag"]
        self.desk.send("POST", f"{policy}/approve", match=tag, expect=403)
        self.checker.send("POST", f"{policy}/approve", match=tag)
        self.desk.send("PUT", f"{place}/budget", {"cap_amount": "500000.00", "cap_count": 5}, match='"0"')
        tag = self.desk.send("GET", place).headers["ETag"]
        assert self.desk.send("PATCH", place, {"state": "live"}, match=tag).json()["state"] == "live"

    def told(self, kind: str, **data: object) -> dict[str, Any]:
        """Wait for a verified webhook of this type, of which the subject or the data say so."""

        def found() -> dict[str, Any] | None:
            events = (event for event in self.hooks.events if event["type"] == kind)
            return next((one for one in events if data.items() <= {**one, **one["data"]}.items()), None)

        event: dict[str, Any] = until(found, within_s=TOLD_WITHIN_S, what=f"a webhook {kind} of {data}")
        return event

    def log(self) -> list[dict[str, Any]]:
        """Read the whole event log, page by page."""
        found: list[dict[str, Any]] = []
        after = 0
        while items := (page := self.desk.send("GET", f"/events?limit=50&after={after}").json())["items"]:
            found += items
            after = page["next"]
        return found

    def approve(self, referral_id: str) -> dict[str, Any]:
        """Approve a referral with the accepted terms as final ones; return the contract."""
        terms = self.desk.send("GET", f"/referrals/{referral_id}").json()["terms"]
        final = {name: terms[name] for name in ("amount", "months", "annual_rate_percent", "fee_upfront")}
        body = {"decision": "approve", "terms": final}
        decided = self.desk.send("POST", f"/referrals/{referral_id}/decision", body, expect=201).json()
        assert (decided["worse"], decided["referral_state"]) == ([], "approved")
        contract: dict[str, Any] = self.desk.send("GET", f"/referrals/{referral_id}/contract").json()
        return contract

    def fund(self, contract: Mapping[str, Any], *, pays_until: int) -> Account:
        """Pay a signed loan out."""
        place = self.desk.send(
            "POST", f"/referrals/{contract['referral_id']}/funding", {"terms_hash": contract["terms_hash"]}, expect=201
        ).headers["Location"]
        return Account(self.loan(place.rpartition("/")[2]), pays_until)

    def loan(self, loan_id: str) -> dict[str, Any]:
        """Read a loan."""
        found: dict[str, Any] = self.desk.send("GET", f"/loans/{loan_id}").json()
        return found

    def pass_to(self, day: date) -> date:
        """Let the sandbox's clock go on to a day."""
        shown = self.desk.send("POST", "/sandbox/clock", {"to": day.isoformat()}).json()["now"]
        assert shown.startswith(day.isoformat())
        return day

    def report(self, account: Account, reports: list[dict[str, Any]]) -> None:
        """Report on a loan, one by one."""
        for one in reports:
            self.desk.send("POST", f"/loans/{account.id}/reports", one, expect=201)

    def report_in_bulk(self, rows: list[tuple[Account, dict[str, Any]]]) -> None:
        """Send a file of reports with its control totals, and see that each line was taken."""
        content = b"".join(json.dumps({"loan_id": one.id, **row}).encode() + b"\n" for one, row in rows)
        total = sum((Decimal(row.get("amount", "0")) for _, row in rows), Decimal(0))
        parts = {
            'name="format"': b"ndjson", 'name="count"': str(len(rows)).encode(), 'name="sum"': str(total).encode(),
            'name="sha256"': hashlib.sha256(content).hexdigest().encode(),
            'name="file"; filename="reports.ndjson"': content,
        }  # fmt: skip
        place = self.desk.hand_in("/api/v1/performance-reports", parts).headers["Location"]
        done = self.desk.finished(place, within_s=TAKEN_WITHIN_S)
        assert (done["recorded"], done["unchanged"], done["refused"]) == (len(rows), 0, 0)

    def check_lateness(self, account: Account, today: date) -> int:
        """See that the platform counts the days past due as the bank does; return them."""
        late = account.days_past_due(today)
        assert self.loan(account.id)["days_past_due"] == late
        return late


def day_before(day: date) -> date:
    """Return the day before."""
    return day - timedelta(days=1)
