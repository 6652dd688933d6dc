"""How many scores an institution gets in a day on one line: a model that answers without end is soon copied.

The decisions themselves are the count, so it outlives every process and holds for all credentials of an institution,
files of people included. A process reads it anew each minute and adds what it lets through meanwhile: several of them
may together let through what comes within a minute beyond the budget, and no request waits for another process.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Sum

from hub import outbox
from hub.audit import Actor
from hub.errors import FieldError, Invalid, QueryBudgetSpent
from hub.events import QueryBudgetSet
from risk.scoring.batch_models import ScoreBatch
from risk.scoring.query_models import QueryBudget

READ_AGAIN = timedelta(minutes=1)
OPEN_FOR = timedelta(minutes=2)  # by then whoever made a decision has committed it
SANDBOX_PART = 20  # a sandbox gets this part of what live institutions get
INSTITUTIONS_MAX = 10_000
DAY_S = 86_400
_COUNT = """
SELECT l.name, count(*) FILTER (WHERE d.created_at < %s), count(*) FROM scoring_decision d
JOIN scoring_modelversion v ON v.id = d.version_id JOIN scoring_modelline l ON l.id = v.line_id
WHERE d.institution_id = %s AND d.created_at >= %s GROUP BY l.name"""


@dataclass(slots=True)
class _Account:
    """What one institution has asked on a day by the database, `read_at`, and what this process let through since.

    `settled` counts what was decided before `settled_until`: it is not counted again.
    """

    day: date
    read_at: datetime
    settled_until: datetime
    cap: int
    settled: Counter[str]
    known: Counter[str]
    since: Counter[str] = field(default_factory=Counter)


_accounts: dict[UUID, _Account] = {}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a day's budget on a line, and in how many seconds the next one begins."""

    cap: int
    left: int
    resets_s: int

    def told(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Return the RateLimit fields with this budget, less one score, beside those that are there."""
        policy, rate = fields["RateLimit-Policy"], fields["RateLimit"]
        return {
            "RateLimit-Policy": f'{policy}, "scores";q={self.cap};w={DAY_S}',
            "RateLimit": f'{rate}, "scores";r={max(0, self.left - 1)};t={self.resets_s}',
        }

    def spend(self, count: int = 1) -> None:
        """Raise `QueryBudgetSpent` where so many scores are more than is left."""
        if count > self.left:
            detail = f"{self.left} of {self.cap} scores are left today on this model line."
            raise QueryBudgetSpent(detail, retry_after_s=self.resets_s)


def standing(*, institution_id: UUID, line_name: str, sandbox: bool, now: datetime, anew: bool = False) -> Standing:
    """Return how an institution stands on a line; with `anew` by the database of this moment. Tenant scope."""
    account = _accounts.get(institution_id)
    if account is None or anew or account.day != now.date() or now - account.read_at >= READ_AGAIN:
        if len(_accounts) >= INSTITUTIONS_MAX:
            _accounts.clear()
        if account is not None:
            account.read_at = now  # meanwhile others go on by what is known
        account = _accounts[institution_id] = _read(account, institution_id, sandbox, now)
    left = max(0, account.cap - account.known[line_name] - account.since[line_name])
    return Standing(account.cap, left, DAY_S - int(now.timestamp()) % DAY_S)


def note(*, institution_id: UUID, line_name: str) -> None:
    """Count a score that this process let through since it last looked."""
    if account := _accounts.get(institution_id):
        account.since[line_name] += 1


def cap_of(*, institution_id: UUID, sandbox: bool) -> int:
    """Return how many scores an institution gets in a day on each line."""
    own = QueryBudget.objects.filter(institution_id=institution_id).values_list("scores_per_day", flat=True).first()
    limit: int = settings.SCORES_PER_DAY
    return own or (max(1, limit // SANDBOX_PART) if sandbox else limit)


@transaction.atomic
def set_budget(*, institution_id: UUID, scores_per_day: int, actor: Actor, now: datetime) -> QueryBudget:
    """Give an institution a budget of its own; processes follow within a minute. Platform scope."""
    if not 1 <= scores_per_day <= 10**9:
        raise Invalid([FieldError("/scores_per_day", "out_of_range", "1 to 1,000,000,000 scores a day.")])
    made = QueryBudget.put(institution_id=institution_id, scores_per_day=scores_per_day, now=now)
    event = QueryBudgetSet(institution_id, None, scores_per_day=scores_per_day)
    outbox.publish(event, actor=actor, now=now)
    return made


def used_today(*, institution_id: UUID, now: datetime) -> dict[str, int]:
    """Return the scores of the day by line, those of files that wait included."""
    _, known = _count(institution_id, _midnight(now), now)
    return dict(known + _waiting(institution_id))


def _read(before: _Account | None, institution_id: UUID, sandbox: bool, now: datetime) -> _Account:
    carry = before is not None and before.day == now.date()
    since = before.settled_until if before and carry else _midnight(now)
    until = max(since, now - OPEN_FOR)
    settled, known = _count(institution_id, since, until)
    kept = before.settled if before and carry else Counter[str]()
    return _Account(
        now.date(), now, until, cap_of(institution_id=institution_id, sandbox=sandbox), kept + settled,
        kept + known + _waiting(institution_id),
    )  # fmt: skip


def _count(institution_id: UUID, since: datetime, until: datetime) -> tuple[Counter[str], Counter[str]]:
    """Count decisions since a moment by line: those before `until`, and all of them."""
    settled, known = Counter[str](), Counter[str]()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (until, institution_id, since))
        for name, old, every in cursor.fetchall():
            settled[name], known[name] = old, every
    return settled, known


def _waiting(institution_id: UUID) -> Counter[str]:
    """The lines of files that are not scored yet."""
    rows = ScoreBatch.objects.filter(institution_id=institution_id, finished_at=None).order_by()
    found = rows.values_list("version__line__name").annotate(lines=Sum(F("lines") - F("lines_done")))
    return Counter({name: lines for name, lines in found if lines > 0})


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), datetime.min.time(), tzinfo=UTC)
