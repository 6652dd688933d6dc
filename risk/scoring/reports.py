"""The validation report and the model card of a version, made of what is stored and of nothing else."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hub.documents import Block, Document, Drawing, Section, Table, Text, facts
from risk.scoring import gates, pages
from risk.scoring.bands import BANDS, CURRENT
from risk.scoring.flows import VERSION
from risk.scoring.models import ModelVersion, PolicyShift

_NONE = "not recorded"


def validation_report(version: ModelVersion, *, now: datetime) -> Document:
    """Return everything that a person who answers for the model has to know of it, in the open scope.

    An institution reads of the policies' replay what concerns itself, and who approved by the date alone.
    """
    report = version.report
    sections = [
        Section("Purpose", [_identity(version), *_definition(report)]),
        Section("Data", list(_data(report))),
        Section("Method", [Text(_told_method(version)), _method(version)]),
        Section("How well it ranks and how true its probabilities are", list(_performance(version))),
        Section("Promotion criteria", list(_criteria(version, now))),
        Section("Fairness", list(_fairness(report))),
        Section("Features", [_features(version), *_points(version)]),
        Section("What it changes under lenders' credit policies", list(_shifts(version))),
        Section("Approvals", list(_approvals(version))),
        Section("Limits of use", [Text(one) for one in _limits(version)]),
        Section("Hashes", [_hashes(version)]),
    ]
    return Document(f"Validation report: {version}", _about(version), sections)


def model_card(version: ModelVersion, *, now: datetime) -> Document:  # noqa: ARG001 - as the report
    """Return what fits on a page or two: what the model is for, how good it is, where it ends."""
    measures = [(name, value) for name, _, value in pages.validation(version)["measures"]]
    weightiest = [(one.name, one.direction, f"{one.weight:.3f}") for one in pages.features(version)[:10]]
    unmet = [Text(f"Not met: {one['says']}") for one in version.report.get("criteria", []) if not one["met"]]
    sections = [
        Section("Purpose", [_identity(version), *_definition(version.report)]),
        Section("How good it is", [Text(_tested(version.report)), facts(*measures), *unmet]),
        Section("What it reads, the weightiest first", [Table(("Feature", "More of it", "Weight"), weightiest, 1)]),
        Section("Fairness", list(_fairness(version.report))),
        Section("Limits of use", [Text(one) for one in _limits(version)]),
        Section("Identity", [facts(("Artefact, SHA-256", version.sha256), ("Version", str(version.id)))]),
    ]
    return Document(f"Model card: {version}", _about(version), sections)


_TREES = (
    "Boosted trees of at most two features each, in several bags, compiled without loss into one table per feature and "
    "one per pair."
)
_CARD = (
    "A scorecard: each feature in a few classes, their weights of evidence, and one logistic regression over these, as "
    "one table per feature."
)
_METHOD = (
    "A score is the sum of their cells in whole millionths of a logit, so each part of it can be read off, and it "
    "comes out the same to the bit anywhere. A straight line on the logit, fitted on loans that the model had not "
    "seen, makes it a probability."
)


def _about(version: ModelVersion) -> str:
    return f"State: {version.state}. Made {version.created_at:%Y-%m-%d %H:%M} UTC."


def _identity(version: ModelVersion) -> Table:
    line = version.line
    return facts(
        ("Model line", line.name), ("For", line.get_purpose_display()), ("Where", line.jurisdiction),
        ("Version", str(version.number)), ("Owner", str(line.institution_id or "the platform")),
    )  # fmt: skip


def _definition(report: Mapping[str, Any]) -> Iterator[Block]:
    yield Text("It estimates the probability that a loan turns out bad within 12 months, by this definition:")
    label = report.get("label") or {}
    yield facts(*((name.replace("_", " "), _plain(value)) for name, value in label.items())) if label else Text(_NONE)


def _data(report: Mapping[str, Any]) -> Iterator[Block]:
    outcomes = report.get("outcomes") or {}
    yield facts(
        ("Loans it learned from", _plain(report.get("rows"))), ("of them bad", _plain(report.get("bads"))),
        ("Left out, window still open", _plain(report.get("immature_left_out"))),
        ("Left out, came twice", _plain(report.get("repeated_left_out"))),
        ("As of", _plain(report.get("as_of"))), ("Currency", _plain(report.get("currency"))),
        ("Outcomes of the line's own loans", _plain(outcomes.get("rows"))),
        ("Left out, people erased", _plain(outcomes.get("erased_left_out"))),
    )  # fmt: skip
    for one in report.get("books") or []:
        yield facts(
            ("Loan book", one["name"]), ("Loans", str(one["rows"])), ("File, SHA-256", one["file_sha256"]),
            ("Mapping, SHA-256", one["mapping_sha256"]),
        )  # fmt: skip


def _told_method(version: ModelVersion) -> str:
    recipe = version.report.get("recipe") or {}
    return f"{_CARD if recipe.get('learner') == 'scorecard' else _TREES} {_METHOD}"


def _method(version: ModelVersion) -> Table:
    report, manifest = version.report, version.manifest
    growth = ", ".join(f"{name} {value}" for name, value in (report.get("growth") or {}).items())
    recipe = ", ".join(f"{name} {_plain(value)}" for name, value in (report.get("recipe") or {}).items())
    return facts(
        ("Format", _plain(manifest.get("format"))), ("Features", _plain(manifest.get("features"))),
        ("Pairs", _plain(manifest.get("pairs"))), ("Growth of its trees", growth or _NONE), ("Recipe", recipe or _NONE),
        ("Seed", _plain(report.get("seed"))), ("Calibration, slope", f"{version.slope_micro / 1e6:.6f}"),
        ("Calibration, intercept", f"{version.intercept_micro / 1e6:.6f}"),
    )  # fmt: skip


def _performance(version: ModelVersion) -> Iterator[Block]:
    shown = pages.validation(version)
    yield Text(_tested(version.report))
    raw: Mapping[str, Any] = version.report.get("measures") or {}
    keys = {name: key for key, (name, _) in pages.MEASURES.items()}
    rows = [
        (name, meaning, f"{raw[keys[name]]:.4f}" if keys[name] in raw else "", value)
        for name, meaning, value in shown["measures"]
    ]
    if rows:
        yield Table(("Measure", "What it tells", "Before calibration", "As it serves"), rows, 2)
    for figure, caption in shown["figures"]:
        yield Drawing(figure, caption)


def _tested(report: Mapping[str, Any]) -> str:
    how = pages.validation_kind(report)
    if not how:
        return "How it was tested was not recorded."
    since = f" (from {report['cutoff']})" if report.get("cutoff") else ""
    rows, bads = _plain(report.get("tested_rows")), _plain(report.get("tested_bads"))
    return f"Tested {how}{since}. Loans tested: {rows}, of them bad: {bads}."


def _criteria(version: ModelVersion, now: datetime) -> Iterator[Block]:
    found = [*version.report.get("criteria", [])]
    if version.state == VERSION.first:
        found += gates.gates(version, now=now)
    if not found:
        yield Text("None were judged.")
        return
    rows = [(one["says"], _verdict(one), str(one["figure"]), str(one["limit"])) for one in found]
    yield Table(("Criterion", "Met", "Figure", "Limit"), rows, 2)


def _verdict(one: Mapping[str, Any]) -> str:
    return "yes" if one["met"] else "no, may be waived in writing" if one["waivable"] else "no"


def _fairness(report: Mapping[str, Any]) -> Iterator[Block]:
    found = [one for one in report.get("criteria", []) if one["name"].startswith("fair")]
    for one in found:
        yield Text(one["says"])
    if not found:
        yield Text("No group data stood at its validation. Once it scores, its passport tells what was watched since.")
    yield Text("Protected attributes never enter it; group data serve the measurement alone.")


def _features(version: ModelVersion) -> Table:
    rows = [
        (one.name, one.kind, one.direction, str(one.bins), f"{one.missing_percent:.1f} %", f"{one.weight:.3f}")
        for one in pages.features(version)
    ]
    return Table(("Feature", "Kind", "More of it", "Bins", "Missing", "Weight"), rows, 3)


def _points(version: ModelVersion) -> Iterator[Block]:
    if card := pages.points(version):
        yield Text(
            f"In points: {card.base} for everybody, and those of the row that applies of each feature. 600 are odds of "
            "50 goods to a bad, and 20 more double them."
        )
        rows = [(one.feature, one.label, str(one.points)) for one in card.attributes]
        yield Table(("Feature", "Value", "Points"), rows, 2)


def _shifts(version: ModelVersion) -> Iterator[Block]:
    found = PolicyShift.visible(version.id)
    if not found:
        yield Text("No replay of live credit policies is on record here.")
        return
    yield Text(
        f"Over the last {found[0].applications} applications, as of {found[0].at:%Y-%m-%d}: the champion of that day, "
        "then this version. Losses are PD × amount, all of it taken to be lost; rates are yearly means."
    )
    yield Table(("Lender", "Policies", "Approved", "Changed", "Expected loss", "Rate"), [_row(one) for one in found], 5)


def _row(one: PolicyShift) -> tuple[str, ...]:
    rates = ["–" if rate is None else f"{rate:.2f} %" for rate in (one.rate_before, one.rate_after)]
    return (
        one.lender, str(one.policies), f"{one.approved_before} → {one.approved_after}", f"{one.changed_percent:.1f} %",
        f"{one.expected_loss_before:,.0f} → {one.expected_loss_after:,.0f} {one.currency}", " → ".join(rates),
    )  # fmt: skip


def _approvals(version: ModelVersion) -> Iterator[Block]:
    yield Text("Two people approve a version, neither the one who trained it.")
    approvals = version.approvals.order_by("at").values_list("at", "sha256", "waiver")
    rows = [(f"{at:%Y-%m-%d %H:%M}", f"{sha256[:12]}…", waiver or "none") for at, sha256, waiver in approvals]
    if rows:
        yield Table(("Approved (UTC)", "Bytes (SHA-256)", "Criteria set aside because"), rows)
    else:
        yield Text("Nobody has approved it yet.")
    for at, how in pages.history(version):
        yield Text(f"{at:%Y-%m-%d %H:%M} UTC: {how}.")


def _limits(version: ModelVersion) -> Iterator[str]:
    line, report = version.line, version.report
    yield f"For {line.get_purpose_display().lower()} in {line.jurisdiction} alone."
    if bads := report.get("tested_bads"):
        yield f"Its figures rest on {bads} bad loans: what they tell is no surer than that."
    if report.get("kind") != "out_of_time":
        yield "It was not tested on a later time than it learned from."
    yield (
        "It learned from loans that were granted: of applicants whom nobody lent to, its figures tell less. It knows "
        "nothing of what changed since its data, and says nothing of affordability, identity or fraud."
    )
    bands = ", ".join(f"{one.grade} {one.action}" for one in BANDS[CURRENT])
    yield f"Its probability becomes a grade by fixed bands (version {CURRENT}), which recommend: {bands}."


def _hashes(version: ModelVersion) -> Table:
    return facts(
        ("Version", str(version.id)), ("Training run", str(version.run_id)), ("Artefact, SHA-256", version.sha256)
    )


def _plain(value: Any) -> str:
    if value is None or value == "":
        return _NONE
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return str(value)
