"""The texts that borrowers agree to. A text that changes gets a new version; what was agreed to stays on record."""

SCORING = "scoring-3"
SHARING = "sharing-2"
HARD = "hard-1"
_NAMES_SOURCES = {"scoring-3"}


def version(text: str, language: str) -> str:
    """Name a text in a language, as the consent ledger keeps it: "scoring-2/zh-hant"."""
    return f"{text}/{language}"


def names_sources(version: str) -> bool:
    """Tell whether who agreed to this version read which data sources are asked about him."""
    return version.partition("/")[0] in _NAMES_SOURCES


def template(text: str) -> str:
    """The template with the words."""
    return f"journey/texts/{text}.html"
