"""The kernel's tables. Each is declared beside the mechanism that writes it; Django looks for them here."""

from hub.audit import AuditRow
from hub.broker_models import BrokerDead, BrokerMessage
from hub.consent import ConsentEntry
from hub.crypto import DataKey
from hub.dpop import UsedProof
from hub.idempotency import IdempotencyKey
from hub.invariant_report import InvariantReport
from hub.outbox import InboxEntry, OutboxEvent
from hub.sandbox import SandboxClock
from hub.sealing import AuditSeal

__all__ = [
    "AuditRow",
    "AuditSeal",
    "BrokerDead",
    "BrokerMessage",
    "ConsentEntry",
    "DataKey",
    "IdempotencyKey",
    "InboxEntry",
    "InvariantReport",
    "OutboxEvent",
    "SandboxClock",
    "UsedProof",
]
