"""Every feature of the demo line can be told to the person it is about, in each language; nothing protected can."""

import itertools

import pytest

from risk.features.catalogue.mapping import ProtectedColumn, ProxyColumn
from risk.features.catalogue.reason_texts import AFFORDABILITY, AFFORDABLE, HELPS_MISSING, LANGUAGES, TEXTS
from risk.features.facade import Mapping, read_mapping, reason_text, what_helps
from risk.learning import shipped

# What each language may be written with: traditional-only characters are not in GB 2312, simplified-only not in Big5.
ENCODINGS = {"en": "ascii", "zh-hant": "big5", "zh-hans": "gb2312"}


def demo() -> Mapping:
    return read_mapping(shipped.mapping_text("demo_consumer"))


def test_no_feature_of_the_demo_line_lacks_its_texts() -> None:
    assert {feature.name for feature in demo().training_features} == set(TEXTS)
    for feature, language, missing in itertools.product([*TEXTS, AFFORDABILITY], LANGUAGES, (False, True)):
        assert 3 < len(reason_text(feature, language, missing=missing)) <= 90
        assert 3 < len(what_helps(feature, language, missing=missing)) <= 90


def test_nothing_protected_and_nothing_later_has_a_text() -> None:
    mapping = demo()
    never = {c.feature_name for c in mapping.kept_columns if isinstance(c, ProtectedColumn | ProxyColumn)}
    never |= {column.feature_name for column in mapping.kept_columns} - {one.name for one in mapping.training_features}
    assert never == {"age", "sex", "district", "balance_after_12_months"}
    for feature in never:
        with pytest.raises(KeyError):
            reason_text(feature, "en")
        with pytest.raises(KeyError):
            what_helps(feature, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_written_in_its_own_characters(language: str) -> None:
    place = LANGUAGES.index(language)
    groups = [group for texts in [*TEXTS.values(), AFFORDABLE] for group in (texts.reason, texts.missing, texts.helps)]
    for text in (group[place] for group in [*groups, HELPS_MISSING]):
        text.encode(ENCODINGS[language])
        assert (language == "en") == text.isascii()
        assert text == text.strip().rstrip(".。")


def test_no_two_reasons_read_the_same() -> None:
    for place in range(len(LANGUAGES)):
        told = [text for texts in [*TEXTS.values(), AFFORDABLE] for text in (texts.reason[place], texts.missing[place])]
        assert len(set(told)) == len(told)


def test_a_missing_value_is_not_called_high() -> None:
    assert reason_text("card_utilisation", "en") == "Your credit card balances are high compared with their limits"
    assert "could not see" in reason_text("card_utilisation", "en", missing=True)


def test_languages_are_known_in_any_case_and_others_refused() -> None:
    assert reason_text("term", "zh-Hant") == reason_text("term", "zh-hant") != reason_text("term", "zh-Hans")
    with pytest.raises(KeyError):
        reason_text("term", "fr")
