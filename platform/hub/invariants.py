"""What must always hold (I1 to I11), as code: each app declares its checks, `manage.py check_invariants` runs them all.

A check looks at a live database, in the platform's scope, and tells how many rows it went through and which are wrong.
Work that is legally under way (an event not positioned yet) is none of them; what stands still for too long is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.utils.module_loading import import_string

from hub import audit_check, sealing
from hub.clock import now
from hub.seal_file import SealFile

NAMED = 5  # of the wrong rows of one check
STANDSTILL = "interval '10 minutes'"
"""Nothing waits for so long while the workers live."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows gone through, rows that are wrong, and the ids of a few of these."""

    looked_at: int
    wrong: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold: the invariant it belongs to, a sentence, and how to find out."""

    code: str
    says: str
    find: Callable[[], Found]


def by_rows(code: str, says: str, query: str) -> Check:
    """Return a check by a query (never built from input) that answers `id` (text) and `wrong` (boolean) per row."""
    statement = f"""
    SELECT count(*), count(*) FILTER (WHERE wrong), (array_agg(id) FILTER (WHERE wrong))[:{NAMED}]
    FROM ({query}) looked (id, wrong)"""  # nosec

    def find() -> Found:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            looked_at, wrong, examples = cursor.fetchone()
        return Found(looked_at, wrong, tuple(examples or ()))

    return Check(code, says, find)


def declared() -> Iterator[Check]:
    """Return every check, in the order of the invariants."""
    found: list[Check] = []
    for source in settings.INVARIANTS:
        checks: Iterable[Check] = import_string(source)
        found += checks
    return iter(sorted(found, key=lambda check: int(check.code[1:])))


def _sealed() -> Found:
    faults = audit_check.verify(SealFile(settings.SEALS))
    named = [fault.sentence for fault in islice(faults, audit_check.NAMED_MAX)]
    last, tail = sealing.last_head(), sealing.tail(now=now())
    return Found(last.number if last else tail.rows, len(named), tuple(named[:NAMED]))


def _parted() -> Found:
    """Rows and the rows that they point at belong to the same institution, wherever both say whose they are."""
    total, wrong, examples = 0, 0, list[str]()
    for table, column, parent, key in _pointers():
        found = by_rows("I8", "", f"""
            SELECT '{table} ' || c.ctid, c.institution_id IS DISTINCT FROM p.institution_id
            FROM {table} c JOIN {parent} p ON p.{key} = c.{column}
            WHERE c.institution_id IS NOT NULL AND p.institution_id IS NOT NULL""").find()  # fmt: skip  # nosec
        total, wrong = total + found.looked_at, wrong + found.wrong
        examples += found.examples
    return Found(total, wrong, tuple(examples[:NAMED]))


def _pointers() -> Iterator[tuple[str, str, str, str]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            target = field.related_model
            if isinstance(target, type) and _parted_model(model) and _parted_model(target):
                yield model._meta.db_table, str(field.column), target._meta.db_table, str(target._meta.pk.column)


def _parted_model(model: type[models.Model]) -> bool:
    return any(field.column == "institution_id" for field in model._meta.concrete_fields)


HUB = [
    by_rows(
        "I3",
        "each event has its audit row, written in the same transaction",
        """
        SELECT e.type || ' ' || e.subject_id, e.count > coalesce(a.count, 0) FROM
          (SELECT type, subject_type, subject_id, count(*) FROM hub_outboxevent GROUP BY 1, 2, 3) e
          LEFT JOIN (SELECT action, subject_type, subject_id, count(*) FROM hub_auditrow GROUP BY 1, 2, 3) a
          ON a.action = e.type AND a.subject_type = e.subject_type AND a.subject_id = e.subject_id::text""",
    ),
    by_rows(
        "I3",
        "each event is handed to its subscribers, or visibly parked",
        f"""
        SELECT id::text, created_at < clock_timestamp() - {STANDSTILL} FROM hub_outboxevent WHERE position IS NULL
        UNION ALL SELECT event_id::text, due_at < clock_timestamp() - {STANDSTILL}
        FROM hub_inboxentry WHERE state = 'waiting'
        UNION ALL SELECT event_id::text, attempts < 5 FROM hub_inboxentry WHERE state = 'parked'""",  # nosec
    ),
    by_rows(
        "I4",
        "positions and sequences of events have no gaps and no doubles",
        """
        SELECT institution_id || ' ' || subject_id, count(*) <> max(sequence) OR min(sequence) <> 1
        FROM hub_outboxevent WHERE position IS NOT NULL GROUP BY institution_id, subject_id
        UNION ALL SELECT 'positions', count(*) <> coalesce(max(position), 0) FROM hub_outboxevent
        WHERE position IS NOT NULL""",
    ),
    Check("I5", "each sealed audit row is as it was, each seal signed and exported", _sealed),
    by_rows(
        "I5",
        "the unsealed tail of the audit is young",
        f"""
        SELECT 'oldest unsealed row', coalesce(min(at) < clock_timestamp() - {STANDSTILL}, false)
        FROM hub_auditrow WHERE seal_number IS NULL""",  # nosec
    ),
    by_rows(
        "I8",
        "row-level security is forced on every table that an institution may touch",
        """
        SELECT c.relname::text, NOT (c.relrowsecurity AND c.relforcerowsecurity)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND (has_table_privilege('luopan_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
             OR has_any_column_privilege('luopan_tenant', c.oid, 'SELECT, INSERT, UPDATE'))""",
    ),
    Check("I8", "no row points at another institution's", _parted),
    by_rows(
        "I9",
        "each kept answer is one of success, and of its institution",
        """
        SELECT k.id::text, k.status NOT BETWEEN 200 AND 399 OR octet_length(k.body) = 0
        FROM hub_idempotencykey k""",
    ),
]
