"""The commands: a book made, imported, imported again, trained; what is wrong is said in a sentence."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.features.facade import Row, RowReader, read_mapping
from risk.learning import demo_book, shipped
from risk.learning.models import LabelEntry
from risk.scoring.models import ModelVersion
from tests.risk.factories import QUICK, book_bytes, lines, write_book

pytestmark = pytest.mark.django_db


def run(*words: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*[str(word) for word in words], stdout=out, **options)
    return out.getvalue()


def counts() -> tuple[int, ...]:
    with platform_scope():
        return tuple(table.objects.count() for table in (LabelEntry, OutboxEvent, AuditRow))


def test_the_demo_book_is_made_imported_and_trained(tmp_path: Path) -> None:
    file = tmp_path / "demo.csv.gz"
    run("make_demo_book", file, "--rows", 3_000, "--seed", 3)
    said = run("import_book", file, "--mapping", "demo_consumer", "--line", "demo")
    assert "3000 rows" in said
    assert "0 lines damaged" in said
    said = run("train", "--line", "demo", "--recipe", '{"bags": 2, "growths": [{"leaves": 4, "rounds": 40}]}')
    with platform_scope():
        version = ModelVersion.objects.get()
    assert f"Version {version.id} waits for two approvals." in said
    names = {axis.name for axis in version.scorer().features}
    assert not names & {"age", "sex", "district", "balance_after_12_months"}
    assert version.report["measures"]["auc"] > 0.65


def test_an_import_again_changes_nothing(tmp_path: Path) -> None:
    file, mapping = write_book(tmp_path, book_bytes(lines(50)))
    words = ("import_book", file, "--mapping", mapping, "--line", "small")
    run(*words)
    before = counts()
    assert "came before" in run(*words)
    assert counts() == before


def test_damaged_lines_are_listed_without_their_values(tmp_path: Path) -> None:
    rows = lines(10)
    rows[4] = rows[4].replace("%,", " secret,")
    file, mapping = write_book(tmp_path, book_bytes(rows))
    said = run("import_book", file, "--mapping", mapping, "--line", "small")
    assert "line 6 used: not_a_number." in said
    assert "1 lines damaged" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import_book", "{folder}/none.csv", "--mapping", "german", "--line", "x"], "There is no file"),
        (["import_book", "{file}", "--mapping", "none", "--line", "x"], "shipped with Luopan are: australian"),
        (["import_book", "{file}", "--mapping", "german", "--line", "x"], "in the file but not in the mapping"),
        (["import_book", "{file}", "--mapping", "{mapping}", "--line", "x", "--rows", "9"], "says 9 lines"),
        (["import_book", "{file}", "--mapping", "{mapping}", "--line", "x", "--sum", "income"], "COLUMN=SUM"),
        (["import_book", "{file}", "--mapping", "{mapping}", "--line", "x", "--sha256", "00"], "SHA-256"),
        (["train", "--line", "nowhere"], "nowhere"),
        (["train", "--line", "x", "--recipe", "{{"], "JSON"),
        (["make_demo_book", "{file}", "--rows", "0"], "1 to 1000000"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    file, mapping = write_book(tmp_path, book_bytes(lines(5)))
    given = [word.format(folder=tmp_path, file=file, mapping=mapping) for word in words]
    with pytest.raises(CommandError, match=sentence):
        run(*given)


def test_a_training_that_fails_ends_the_command_with_the_reason(tmp_path: Path) -> None:
    file, mapping = write_book(tmp_path, book_bytes(lines(20)))
    run("import_book", file, "--mapping", mapping, "--line", "small")
    with pytest.raises(CommandError, match="100 loans"):
        run("train", "--line", "small", "--recipe", str(QUICK).replace("'", '"'))


def test_the_demo_book_is_the_same_for_the_same_seed_and_plausible() -> None:
    text = list(demo_book.demo_csv(rows=4_000, seed=9))
    assert text == list(demo_book.demo_csv(rows=4_000, seed=9))
    assert text != list(demo_book.demo_csv(rows=4_000, seed=10))
    mapping = read_mapping(shipped.mapping_text(demo_book.MAPPING))
    reader = RowReader(mapping, text[0].strip().split(","))
    rows = [reader.read(line.strip().encode()) for line in text[1:]]
    good = [row for row in rows if isinstance(row, Row)]
    assert len(good) == 4_000
    assert 0.05 < sum(row.is_bad for row in good) / 4_000 < 0.15
    assert len({row.reference for row in good}) == 4_000
    assert any(None in row.values for row in good)
    assert 12 <= len(mapping.training_features) <= 15
