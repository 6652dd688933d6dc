"""Catalogues compiled without gettext's tools, and a compiled file beside each source that says the same."""

import gettext
import io
import struct
from pathlib import Path

import pytest

from hub import catalogues
from tests.walls import source

HEADER = 'msgid ""\nmsgstr ""\n"Language: zh_Hant\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
HEADER += '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'


def read_back(text: str) -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(catalogues.compiled(text)))


def test_the_standard_library_reads_what_is_written() -> None:
    text = HEADER + (
        '# a note\nmsgid "Back"\nmsgstr "返回"\n\nmsgid "in "\n"two \\"lines\\""\nmsgstr "兩"\n"行"\n\n'
        'msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "%(n)s 天"\n\nmsgid "not yet"\nmsgstr ""\n'
    )
    found = read_back(text)
    assert found.gettext("Back") == "返回"
    assert found.gettext('in two "lines"') == "兩行"
    assert found.ngettext("%(n)s day", "%(n)s days", 5) == "%(n)s 天"
    assert found.gettext("not yet") == "not yet"
    assert found.info()["language"] == "zh_Hant"


def test_messages_are_sorted_as_readers_that_search_by_halves_need_them() -> None:
    raw = catalogues.compiled(HEADER + "".join(f'msgid "{word}"\nmsgstr "x"\n' for word in ("b", "Z", "a")))
    count, table = struct.unpack_from("<2I", raw, 8)
    places = [struct.unpack_from("<2I", raw, table + 8 * at) for at in range(count)]
    assert [raw[place : place + length].decode() for length, place in places] == ["", "Z", "a", "b"]


@pytest.mark.parametrize("line", ["nonsense", 'msgid "a"\nmsgstr "b"\nmsgid "a"\nmsgstr "c"'])
def test_a_broken_catalogue_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="catalogue"):
        catalogues.read(HEADER + line + "\n")


def sources() -> list[Path]:
    found = catalogues.sources(source.ROOT)
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: "-".join(path.parts[-6:-2]))
def test_every_compiled_catalogue_is_that_of_its_source(path: Path) -> None:
    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(path.read_text()), "run compilemessages"
