"""A full dump of the test's database, and what can be read in it."""

import re
import subprocess

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connections
from psycopg.conninfo import make_conninfo

from hub import postgres
from hub.tenancy import platform_scope

_BYTES = re.compile(r"\\\\x((?:[0-9a-f]{2})+)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?")
_TABLE = re.compile(r"^COPY public\.(\w+) .*?;\n(.*?)^\\\.$", re.MULTILINE | re.DOTALL)
# Models, books and their rows are figures through and through: every short number is among them.
_FIGURES = ("scoring_", "learning_")


class Dump:
    """The tables as text, every binary value decoded beside it, every session opened."""

    def __init__(self) -> None:
        self.tables = {name: rows.lower() for name, rows in _TABLE.findall(_dumped())}
        self.decoded = {name: _decoded(rows) for name, rows in self.tables.items()}
        with platform_scope():
            self.sessions = str([row.get_decoded() for row in Session.objects.all()]).lower()

    def holds(self, word: str) -> bool:
        """Whether a word stands anywhere, in any case of its letters."""
        sought = word.lower()
        texts = [*self.tables.values(), *self.decoded.values(), self.sessions]
        return any(form in text for text in texts for form in (sought, sought.encode().hex()))

    def holds_number(self, digits: str) -> bool:
        """Whether a short number stands by itself in a table that is not made of figures, moments left out."""
        alone = re.compile(rf"(?<![0-9a-z.]){digits}(?![0-9a-z])")
        names = [name for name in self.tables if not name.startswith(_FIGURES)]
        texts = [*(self.tables[name] for name in names), *(self.decoded[name] for name in names), self.sessions]
        return any(alone.search(_MOMENT.sub(" ", text)) for text in texts)


def _dumped() -> str:
    place = make_conninfo(
        "", user="postgres", host=str(postgres.socket_folder(settings.LUOPAN_HOME)),
        dbname=connections["default"].settings_dict["NAME"],
    )  # fmt: skip
    command = [str(postgres.binaries() / "pg_dump"), "--data-only", place]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _decoded(rows: str) -> str:
    return "\n".join(bytes.fromhex(found).decode("latin-1") for found in _BYTES.findall(rows)).lower()
