"""Message catalogues without gettext's tools: `.po` read, `.mo` written (GNU gettext manual, section 10.3)."""

import ast
import struct
from pathlib import Path

_KEYWORDS = ("msgid_plural", "msgid", "msgstr")


def read(text: str) -> dict[str, list[str]]:
    """Return the entries of a `.po` text: the message (or its singular, NUL, its plural) and its translations.

    The header is the entry of "". Contexts and obsolete entries are not read. Raises ValueError for another line.
    """
    entries: dict[str, list[str]] = {}
    fields: list[tuple[str, str]] = []
    for line in [*text.splitlines(), 'msgid ""']:
        if not line or line.startswith("#"):
            continue
        keyword = next((word for word in _KEYWORDS if line.startswith(word)), "")
        if not keyword and not line.startswith('"'):
            raise ValueError(f"not a line of a catalogue: {line[:40]}")
        if keyword == "msgid" and fields:
            _enter(entries, fields)
            fields = []
        written = str(ast.literal_eval(line[line.index('"') :]))
        if keyword:
            fields.append((keyword, written))
        else:
            fields[-1] = (fields[-1][0], fields[-1][1] + written)
    return entries


def _enter(entries: dict[str, list[str]], fields: list[tuple[str, str]]) -> None:
    message = "\0".join(written for keyword, written in fields if keyword != "msgstr")
    if message in entries:
        raise ValueError(f"twice in the catalogue: {message[:40]}")
    entries[message] = [written for keyword, written in fields if keyword == "msgstr"]


def compiled(text: str) -> bytes:
    """Return the `.mo` of a `.po` text; entries without a translation are left out."""
    entries = {message: found for message, found in read(text).items() if all(found)}
    pairs = sorted((message.encode(), "\0".join(found).encode()) for message, found in entries.items())
    count = len(pairs)
    place = 28 + 16 * count  # the header, then a table of lengths and places for each side
    tables: list[int] = []
    for side in (0, 1):
        for pair in pairs:
            tables += [len(pair[side]), place]
            place += len(pair[side]) + 1
    header = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, place)
    strings = b"".join(pair[side] + b"\0" for side in (0, 1) for pair in pairs)
    return header + struct.pack(f"<{len(tables)}I", *tables) + strings


def sources(root: Path) -> list[Path]:
    """Return every `.po` of our rooms below the project's folder."""
    rooms = ("platform", "partners", "risk", "acquisition")
    return sorted(path for room in rooms for path in (root / room).rglob("LC_MESSAGES/*.po"))
