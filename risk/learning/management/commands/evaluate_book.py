"""`manage.py evaluate_book`: measures the learners on a raw book. Makes no model version and needs no database."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from risk.features.facade import Mapping, MappingError, catalogue_of, read_mapping
from risk.learning.evaluation import LEARNERS, USUAL, Trial, folds_of, learners_for, run_trials, split_at, summary
from risk.learning.fit.frame import Frame
from risk.learning.fit.leaks import Leak, find_leaks
from risk.learning.rawbook import RawBook, RawBookError, read_book
from risk.learning.shipped import mapping_text


class Command(BaseCommand):
    """Measure learners on a book: one JSON line per learner on stdout, progress on stderr."""

    help = "Measure the learners on a raw CSV book (plain or gzip): one JSON line for each."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--label", required=True, metavar="COL", help="column with two values; the bad one is 1")
        parser.add_argument("--time", metavar="COL", help="column of dates or numbers; needs --cutoff")
        parser.add_argument("--cutoff", metavar="DATE", help="train on rows before it, test on those from it on")
        parser.add_argument("--drop", default="", metavar="A,B", help="columns not to learn from")
        parser.add_argument(
            "--mapping", metavar="NAME",
            help="drop what this mapping does not let a model learn from, and try its directions too",
        )  # fmt: skip
        parser.add_argument("--vouch", default="", metavar="A,B", help="columns known before, whatever they look like")
        parser.add_argument(
            "--rounds", choices=("time", "random"), default="time",
            help="rows held back to choose how far trees grow: the latest ones (with --time), or any",
        )  # fmt: skip
        parser.add_argument("--scorecard", action="store_true", help="try the scorecard too")
        parser.add_argument("--folds", type=int, default=5, help="stratified, shuffled folds (without --time)")
        parser.add_argument("--seed", type=int, default=42)

    def handle(self, *_: Any, **options: Any) -> None:
        """Read, try every learner, and print."""
        if (options["time"] is None) != (options["cutoff"] is None):
            raise CommandError("--time and --cutoff go together: give both, or neither for folds.")
        mapping = read_mapping(mapping_text(options["mapping"])) if options["mapping"] else None
        drop, vouched = (_names(options[name]) for name in ("drop", "vouch"))
        try:
            book = read_book(
                options["file"], label=options["label"], time=options["time"], cutoff=options["cutoff"],
                drop=list(dict.fromkeys([*drop, *_not_to_learn(mapping, options)])),
            )  # fmt: skip
            leaks = {name: leak for name, leak in _leaks(book, options["seed"]).items() if name not in vouched}
            why = {name: f"tells the outcome: {leak.sentence}" for name, leak in leaks.items()}
            frame = _directed(book.frame.without(leaks), mapping)
            book = replace(book, frame=frame, left_out={**book.left_out, **why})
            self._tell(book)
            for line in self._lines(book, options):
                self.stdout.write(json.dumps({**line, "leaks": why}))
        except (RawBookError, MappingError, FileNotFoundError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _lines(self, book: RawBook, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        folds, seed, rounds = options["folds"], options["seed"], options["rounds"]
        if book.time is None or book.cutoff is None:
            splits = folds_of(book.labels, folds=folds, seed=seed)
            how: dict[str, Any] = {"folds": folds}
        else:
            splits = [split_at(book.labels, book.time, cutoff=book.cutoff)]
            how = {"train_rows": len(splits[0][0]), "test_rows": len(splits[0][1])}
        time = book.time if rounds == "time" else None
        learners = learners_for(book.frame, tuple(LEARNERS) if options["scorecard"] else USUAL)
        trials = run_trials(book.frame, book.labels, splits, seed=seed, time=time, learners=learners)
        trials = self._watched(trials, len(splits), learners=len(learners))
        for learner, group in groupby(trials, key=lambda trial: trial.learner):
            found = list(group)
            measures = summary(found)
            yield {
                "learner": learner,
                "auc": round(measures.auc, 6),
                "ks": round(measures.ks, 6),
                "brier": round(measures.brier, 6),
                "log_loss": round(measures.log_loss, 6),
                "ece": round(measures.ece, 6),
                "rows": book.frame.rows,
                "seconds": round(sum(trial.seconds for trial in found), 1),
                "dropped": list(book.left_out),
                "left_out": book.left_out,
                "columns": len(book.frame.features),
                "bads": int(book.labels.sum()),
                "bad_value": book.bad_value,
                **how,
                "seed": seed,
                "rounds": rounds if book.time is not None else "random",
            }

    def _watched(self, trials: Iterator[Trial], splits: int, *, learners: int) -> Iterator[Trial]:
        for done, trial in enumerate(trials, 1):
            self.stderr.write(
                f"{done}/{splits * learners}: {trial.learner}, split {trial.split + 1} of {splits}, "
                f"AUC {trial.measures.auc:.4f}, {trial.seconds:.1f} s"
            )
            yield trial

    def _tell(self, book: RawBook) -> None:
        """Say on stderr what was understood of the book."""
        self.stderr.write(
            f"{book.frame.rows} rows, {int(book.labels.sum())} bad (label value {book.bad_value!r}), "
            f"{len(book.frame.features)} columns used"
        )
        for name, why in book.left_out.items():
            self.stderr.write(f"left out {name!r}: {why}")
        for name, note in book.notes.items():
            self.stderr.write(f"{name!r}: {note}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _not_to_learn(mapping: Mapping | None, options: dict[str, Any]) -> list[str]:
    """The columns that a mapping keeps from learners: protected, proxies, known only later, ignored."""
    if mapping is None:
        return []
    own = {entry.name for entry in catalogue_of(mapping) if entry.standing.level == "ok"}
    columns = [column.column for column in mapping.training_columns if column.feature_name in own]
    kept = {*columns, options["label"], options["time"]}
    return [column.column for column in mapping.columns if column.column not in kept]


def _directed(frame: Frame, mapping: Mapping | None) -> Frame:
    """The frame with the directions that a mapping gives to its numbers."""
    known = {column.column: column.direction for column in mapping.training_columns} if mapping else {}
    features = (replace(one, direction=known.get(one.name, 0) if one.kind == "number" else 0) for one in frame.features)
    return Frame(tuple(features), frame.columns)


def _leaks(book: RawBook, seed: int) -> dict[str, Leak]:
    """What tells the outcome in the rows that are learnt from: with a cut-off those before it."""
    if book.time is None or book.cutoff is None:
        return find_leaks(book.frame, book.labels, seed=seed)
    train, _ = split_at(book.labels, book.time, cutoff=book.cutoff)
    return find_leaks(book.frame.take(train), book.labels[train], seed=seed)
