"""Every sentence of the borrower's pages in all three languages; each text that is agreed to fixed by its version."""

import hashlib
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from acquisition import journey
from acquisition.journey import texts
from hub import catalogues
from tests import spoken

ROOM = Path(str(journey.__file__)).parent
HUB = Path(str(catalogues.__file__)).parent
PLACES = re.compile(r"%\(\w+\)s")
SHOWN = [HUB / "templates" / name for name in ("hub/start.html", "hub/page.html", "404.html", "403_csrf.html")]
# Of the rendered text: whoever changes a word gives the text a new version, and keeps the old one for the record.
AGREED = {
    "scoring-1/en": "93400bd219f14cfd",  # pragma: allowlist secret
    "scoring-1/zh-hant": "4d62727a898fcaa8",  # pragma: allowlist secret
    "scoring-1/zh-hans": "c7f8cd9c42a73bf3",  # pragma: allowlist secret
    "scoring-2/en": "d382cda32f69fc00",  # pragma: allowlist secret
    "scoring-2/zh-hant": "8de18ed9ff8f3b50",  # pragma: allowlist secret
    "scoring-2/zh-hans": "9972be7470256ad2",  # pragma: allowlist secret
    "scoring-3/en": "5ce2bdbd779cbf12",  # pragma: allowlist secret
    "scoring-3/zh-hant": "20103f1c1b5b4345",  # pragma: allowlist secret
    "scoring-3/zh-hans": "8159ff7af978ff08",  # pragma: allowlist secret
    "hard-1/en": "44b1836f76f36e4e",  # pragma: allowlist secret
    "hard-1/zh-hant": "4dae55b49a386cb8",  # pragma: allowlist secret
    "hard-1/zh-hans": "336d9697be9321e4",  # pragma: allowlist secret
    "sharing-1/en": "bd45b8ecf2de1552",  # pragma: allowlist secret
    "sharing-1/zh-hant": "538733edbc032de0",  # pragma: allowlist secret
    "sharing-1/zh-hans": "0b1131a99b7c02e6",  # pragma: allowlist secret
    "sharing-2/en": "520b8b6d74f26a4e",  # pragma: allowlist secret
    "sharing-2/zh-hant": "51cf4ef3f3719666",  # pragma: allowlist secret
    "sharing-2/zh-hans": "1a9abb0ca8d806d2",  # pragma: allowlist secret
}


def spoken_here() -> set[str]:
    return spoken.of_room(ROOM) | {message for path in SHOWN for message in spoken.of_template(path)}


@pytest.mark.parametrize("language", ["zh-hant", "zh-hans"])
def test_every_sentence_is_translated(language: str) -> None:
    messages = spoken_here()
    assert len(messages) > 200
    with translation.override(language):
        for message in sorted(messages):
            one, _, many = message.partition("\0")
            said = translation.ngettext(one, many, 2) if many else translation.gettext(one)
            assert re.search(r"[\u4e00-\u9fff]|^API|^\W*[\d ]+", said), message
            assert sorted(PLACES.findall(said)) == sorted(PLACES.findall(many or one)), message


@pytest.mark.parametrize("folder", ["zh_Hant", "zh_Hans"])
def test_our_catalogue_has_the_say_and_nothing_in_it_is_dead(folder: str) -> None:
    language = folder.lower().replace("_", "-")
    path = ROOM / "locale" / folder / "LC_MESSAGES" / "django.po"
    entries = catalogues.read(path.read_text())
    assert set(entries) - {""} == spoken.of_room(ROOM)
    with translation.override(language):
        others = {message for message, [said, *_] in entries.items() if message and "\0" not in message
                  and translation.gettext(message) != said}  # fmt: skip
    assert others == set(), "another app's catalogue comes first: word it otherwise"


def test_traditional_and_simplified_do_not_mix() -> None:
    read = {
        folder: catalogues.read((ROOM / "locale" / folder / "LC_MESSAGES" / "django.po").read_text())
        for folder in ("zh_Hant", "zh_Hans")
    }
    only = {
        "zh_Hant": "們為這個與貸機構還請選證碼錄無償債務資擇簽",
        "zh_Hans": "们为这个与贷机构还请选证码录无偿债务资择签",
    }
    for folder, other in (("zh_Hant", "zh_Hans"), ("zh_Hans", "zh_Hant")):
        foreign = set(only[other]) - set(only[folder])
        assert [said for found in read[folder].values() for said in found if set(said) & foreign] == []


def rendered(name: str, language: str) -> str:
    with translation.override(language):
        offer = SimpleNamespace(institution_name="A Lender")
        return " ".join(render_to_string(texts.template(name), {"offer": offer}).split())


def test_texts_that_are_agreed_to_change_only_with_their_version() -> None:
    shown = {
        texts.version(name, language): hashlib.sha256(rendered(name, language).encode()).hexdigest()[:16]
        for name in ("scoring-1", "scoring-2", "sharing-1", texts.SCORING, texts.SHARING, texts.HARD)
        for language, _ in settings.LANGUAGES
    }
    assert shown == AGREED
