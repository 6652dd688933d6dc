"""Reads of files of people, and of what became of their lines."""

from collections import Counter
from uuid import UUID

import msgspec

from hub.errors import Erased, NotFound
from risk.scoring import services
from risk.scoring.batch_answers import RefusedLine, ScoredLine, result_line
from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.models import Decision


def batch_by_id(batch_id: UUID) -> ScoreBatch:
    """Return a file of the open scope; another institution's answers like an unknown one."""
    batch = ScoreBatch.objects.filter(id=batch_id).first()
    if batch is None:
        raise NotFound("There is no such file of people.")
    return batch


def results_of(batch: ScoreBatch, *, after: int, limit: int) -> list[ScoredLine | RefusedLine]:
    """Return what became of the lines behind the number `after`, as far as they are done."""
    lines = list(BatchLine.objects.filter(batch_id=batch.id, line_no__gt=after).order_by("line_no")[:limit])
    ids = [line.decision_id for line in lines if line.decision_id]
    rows = Decision.objects.select_related("person", "version__line").defer(
        "version__artefact", "version__report", "version__manifest"
    )
    decisions = {row.id: row for row in rows.filter(id__in=ids)}
    return [result_line(line, _opened(decisions.get(line.decision_id)) if line.decision_id else None) for line in lines]


def problems_of(batch: ScoreBatch, *, limit: int) -> tuple[list[tuple[str, str, int]], list[int]]:
    """Count the problems of the first `limit` lines that have any, by field and code, and name those lines."""
    rows = batch.results.filter(decision_id=None).order_by("line_no")
    found = list(rows.values_list("line_no", "problems")[:limit])
    faults = [fault for _, problems in found for fault in msgspec.json.decode(problems or b"[]")]
    told = Counter((fault["pointer"], fault["code"]) for fault in faults)
    return [(*kind, count) for kind, count in told.most_common()], [number for number, _ in found]


def _opened(decision: Decision | None) -> services.Scored | None:
    if decision is None:
        return None
    try:
        return services.open_decision(decision)
    except Erased:
        return None
