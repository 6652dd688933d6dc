"""The texts that borrowers agree to. A text that changes gets a new version; what was agreed to stays on record."""

SCORING = "scoring-2"
SHARING = "sharing-1"


def version(text: str, language: str) -> str:
    """Name a text in a language, as the consent ledger keeps it: "scoring-2/zh-hant"."""
    return f"{text}/{language}"


def template(text: str) -> str:
    """The template with the words."""
    return f"journey/texts/{text}.html"
