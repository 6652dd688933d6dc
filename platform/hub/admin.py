"""The kernel's rows in the console: read only, but for what is parked and for erasing a person."""

import json
from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from hub import console, erasure, operations, sealing
from hub.accounts.policies import OPERATORS
from hub.audit import AuditRow
from hub.broker_models import BrokerDead
from hub.clock import now
from hub.consent import ConsentEntry
from hub.console import Panel
from hub.crypto import DataKey
from hub.invariant_report import InvariantReport
from hub.outbox import InboxEntry, OutboxEvent
from hub.records import Deed, RecordAdmin, actor, coloured


def _try_again(request: HttpRequest, row: InboxEntry, _data: dict[str, Any]) -> str:
    operations.try_again(entry_id=row.pk, actor=actor(request), now=now())
    return "It waits for the next hand-over, with all its attempts."


def _send_again(request: HttpRequest, row: BrokerDead, _data: dict[str, Any]) -> str:
    operations.send_again(message_id=row.pk, actor=actor(request), now=now())
    row.pk = None
    return "The message is back in its queue."


def _erase(request: HttpRequest, row: DataKey, _data: dict[str, Any]) -> str:
    erasure.erase_person(person_id=row.id, actor=actor(request), now=now())
    return "The key is destroyed: nothing sealed with it can be read any more."


ERASE = Deed(
    "erase", "Erase this person", _erase, OPERATORS, danger=True,
    question="This destroys the person's key. What was sealed with it, backups included, is gone for good; "
    "decision records answer “erased” from then on. It cannot be undone.",
    offered=lambda row: row.kind == DataKey.PERSON and row.erased_at is None,
)  # fmt: skip


@console.register(OutboxEvent)
class OutboxEventAdmin(RecordAdmin):
    """Events, newest first."""

    icon = "bolt"
    list_display = ("type", "subject_type", "subject_id", "institution_id", "position", "created_at")
    list_filter = ("type",)
    search_fields = ("subject_id",)
    ordering = ("-id",)
    shown = (
        "id", "type", "subject_type", "subject_id", "institution_id", "position", "sequence", "created_at", "payload",
    )  # fmt: skip


@console.register(InboxEntry)
class InboxEntryAdmin(RecordAdmin):
    """Hand-overs of events to subscribers; parked ones first."""

    icon = "inbox"
    list_display = ("subscriber", "event", "state_label", "attempts", "fault", "due_at")
    list_filter = ("state", "subscriber")
    list_select_related = ("event",)
    ordering = ("-state", "-id")
    shown = ("event", "subscriber", "state", "attempts", "due_at", "fault")
    deeds = (
        Deed("again", "Try again", _try_again, OPERATORS, offered=lambda row: row.state == InboxEntry.PARKED),
    )  # fmt: skip

    @coloured("state", parked="danger", waiting="info", done="success")
    def state_label(self, row: InboxEntry) -> str:
        """Colour the state."""
        return row.state


@console.register(AuditRow)
class AuditRowAdmin(RecordAdmin):
    """Who did what, newest first."""

    icon = "history_edu"
    list_display = ("at", "action", "subject_type", "subject_id", "actor_kind", "actor_id")
    list_filter = ("actor_kind", "subject_type")
    search_fields = ("subject_id", "actor_id", "action")
    shown = (
        "id", "at", "action", "subject_type", "subject_id", "institution_id", "actor_kind", "actor_id", "details",
        "request_id",
    )  # fmt: skip


@console.register(ConsentEntry)
class ConsentEntryAdmin(RecordAdmin):
    """Consents given and withdrawn."""

    icon = "handshake"
    list_display = ("purpose", "state", "institution_id", "at", "expires_at", "text_version")
    list_filter = ("state", "purpose")
    search_fields = ("consent_id",)
    ordering = ("-id",)
    shown = (
        "consent_id", "state", "purpose", "recipient", "text_version", "institution_id", "person", "at", "expires_at",
        "recorded_at",
    )  # fmt: skip


@console.register(DataKey)
class DataKeyAdmin(RecordAdmin):
    """The keys of persons and books; the key material and the references never leave the database."""

    icon = "key"
    list_display = ("id", "kind", "institution_id", "created_at", "state")
    list_filter = ("kind",)
    search_fields = ("id",)
    ordering = ("-id",)
    shown = ("id", "kind", "institution_id", "created_at", "erased_at", "state")
    deeds = (ERASE,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataKey]:
        """Leave the key material where it is."""
        rows: QuerySet[DataKey] = super().get_queryset(request).defer("wrapped", "reference_index")
        return rows

    @coloured("state", erased="danger", held="success")
    def state(self, row: DataKey) -> str:
        """Whether the key is still there."""
        return "erased" if row.erased_at else "held"


@console.register(BrokerDead)
class BrokerDeadAdmin(RecordAdmin):
    """Messages that the broker gave up on. Their bodies stay hidden but for the task's name and id."""

    icon = "report"
    title = "Dead messages"
    list_display = ("id", "queue", "task", "reason", "deliveries", "parked_at")
    list_filter = ("queue", "reason")
    ordering = ("-id",)
    shown = ("queue", "task", "task_id", "reason", "deliveries", "enqueued_at", "parked_at")
    deeds = (Deed("again", "Send again", _send_again, OPERATORS),)

    @display(description="task")
    def task(self, row: BrokerDead) -> str:
        """Name the task."""
        return _header(row, "task")

    @display(description="task id")
    def task_id(self, row: BrokerDead) -> str:
        """Name the message."""
        return _header(row, "id")


def _header(row: BrokerDead, name: str) -> str:
    try:
        return str(json.loads(row.body)["headers"][name])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


@console.register(InvariantReport)
class InvariantReportAdmin(RecordAdmin):
    """What must always hold, as the last check found it."""

    icon = "rule"
    title = "Invariants"
    list_display = ("code", "says", "looked_at", "state", "checked_at")
    ordering = ("number",)
    shown = ("code", "says", "looked_at", "wrong", "examples", "checked_at")

    @coloured("state", holds="success", broken="danger")
    def state(self, row: InvariantReport) -> str:
        """Whether it holds."""
        return "broken" if row.wrong else "holds"


@console.register_panel
def machinery(_request: HttpRequest) -> Panel:
    """Show what waits, what is parked and what is wrong."""
    waiting = OutboxEvent.objects.filter(position__isnull=True).count()
    parked = InboxEntry.objects.filter(state=InboxEntry.PARKED).count()
    broken = InvariantReport.objects.filter(wrong__gt=0).count()
    facts = [
        ("Invariants broken", broken, broken > 0),
        ("Audit rows without a seal yet", sealing.tail(now=now()).rows, False),
        ("Events without a position yet", waiting, False),
        ("Hand-overs parked", parked, parked > 0),
        ("Dead messages", dead := BrokerDead._default_manager.count(), dead > 0),
    ]
    return Panel("Machinery", "console/facts.html", {"facts": facts})


@console.register_panel
def newest_deeds(_request: HttpRequest) -> Panel:
    """Show the last few audit rows that people and clients caused."""
    rows = AuditRow.objects.filter(Q(actor_kind="user") | Q(actor_kind="client"))[:8]
    return Panel("Last deeds", "console/deeds_done.html", {"rows": rows})
