"""Events of what institutions ask of models. The institution is the subject, or named: it is not told of them."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class QueryBudgetSet(Payload):
    """An institution has a budget of scores a day of its own."""

    TYPE: ClassVar[str] = "query_budget.set"
    SUBJECT: ClassVar[str] = "institution"

    scores_per_day: int


@dataclass(frozen=True, slots=True)
class QueryAlertOpened(Payload):
    """An institution's questions on a line look as if they were after the model (`kind`: spent, sweeps)."""

    TYPE: ClassVar[str] = "query_alert.opened"
    SUBJECT: ClassVar[str] = "query_alert"

    asker_id: UUID
    line_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class QueryAlertSettled(Payload):
    """A person found out what an institution was after."""

    TYPE: ClassVar[str] = "query_alert.settled"
    SUBJECT: ClassVar[str] = "query_alert"

    asker_id: UUID
    line_id: UUID
    kind: str
