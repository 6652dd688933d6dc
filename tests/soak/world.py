"""What the load needs: a champion, a bank with loans, a receiver of its webhooks; and what must be there at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from uuid import UUID

from hub.clock import now
from hub.models import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services as webhooks
from partners.delivery.models import Delivery
from partners.institutions.queries import get_institution
from partners.loans.models import PerformanceReport
from risk.scoring import query_budgets
from risk.scoring.models import Decision
from tests import factories
from tests.partners.loan_factory import make_book
from tests.partners.receiver import Receiver, receiving
from tests.risk.registry_factory import make_champion, make_line
from tests.soak.client import Tally

TOKEN_LIFE = timedelta(hours=12)
SCORES_PER_DAY = 1_000_000_000


@dataclass
class World:
    """One bank's sandbox."""

    institution_id: UUID
    bearer: str
    loans: tuple[UUID, ...]
    receiver: Receiver
    today: str

    @classmethod
    @contextmanager
    def made(cls, loans: int) -> Iterator[Self]:
        """Make it by the services, through the pooler; its receiver runs while the block lasts."""
        make_champion(make_line())
        book = make_book(loans)
        with platform_scope():
            bank = get_institution(institution_id=book[0].institution_id)
            query_budgets.set_budget(
                institution_id=bank.id, scores_per_day=SCORES_PER_DAY, actor=factories.ACTOR, now=now()
            )  # a sandbox's own is spent in a quarter of an hour
        client = factories.make_client(bank)
        bearer = factories.bearer(client, expires_at=now() + TOKEN_LIFE)["HTTP_AUTHORIZATION"]
        with receiving() as receiver:
            with tenant_scope(bank.id):
                _, secret = webhooks.register_endpoint(
                    institution_id=bank.id, url=receiver.url, event_types=["performance.recorded"],
                    actor=factories.ACTOR, now=now(),
                )  # fmt: skip
            receiver.secrets.append(secret)
            yield cls(bank.id, bearer, tuple(loan.id for loan in book), receiver, str(book[0].opened_on))

    def lost(self, acknowledged: Tally, *, within_s: float) -> dict[str, int]:
        """Wait until nothing is under way; count what was acknowledged and is not there, and webhooks that are not."""
        deadline_s = time.monotonic() + within_s
        while self._under_way() and time.monotonic() < deadline_s:
            time.sleep(0.5)
        with platform_scope():
            scores = {str(one) for one in Decision.objects.values_list("id", flat=True)}
            reports = {str(one) for one in PerformanceReport.objects.values_list("id", flat=True)}
        told = {event["data"]["report_id"] for event in self.receiver.events if event["type"] == "performance.recorded"}
        return {
            "scores": len(set(acknowledged.scores) - scores),
            "doubled": len(acknowledged.scores) - len(set(acknowledged.scores)),
            "reports": len(set(acknowledged.reports) - reports),
            "webhooks": len(set(acknowledged.reports) - told),
            "under_way": self._under_way(),
        }

    def _under_way(self) -> int:
        with platform_scope():
            events = OutboxEvent.objects.filter(position=None).count()
            return events + Delivery.objects.filter(state="waiting").count()
