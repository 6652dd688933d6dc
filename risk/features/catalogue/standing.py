"""What may never enter a model, and what may under an approval only: attributes by name and jurisdiction.

Names tell much and not all: what a column holds is said by its mapping, which may call any other column protected or
a proxy as well.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ok", "proxy", "protected"]
_HOUSE = "Luopan's own rule, wherever no law is named"
_ECOA = "Equal Credit Opportunity Act, 15 U.S.C. 1691(a), and Regulation B, 12 CFR 1002.2(z)"
_EU_SEX = "Directive 2004/113/EC, article 4"
_EU_RACE = "Directive 2000/43/EC, article 3(1)(h)"
_NO_LETTERS = re.compile(r"[^a-z]+")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a feature stands in a jurisdiction, for what attribute, and on what ground."""

    level: Level
    attribute: str = ""
    ground: str = ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A protected attribute or a proxy of one: the names it goes by, and where another level or a law stands."""

    name: str
    level: Level
    spelled: tuple[str, ...]
    grounds: dict[str, str] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)

    def standing(self, jurisdiction: str) -> Standing:
        """How it stands there."""
        return Standing(
            self.levels.get(jurisdiction, self.level), self.name, self.grounds.get(jurisdiction, _HOUSE)
        )  # fmt: skip


OK = Standing("ok")
ATTRIBUTES = (
    Attribute(
        "age", "protected", ("age", "age years", "birth date", "birthdate", "date of birth", "dob", "year of birth"),
        {"US": _ECOA},
    ),
    Attribute(
        "sex", "protected", ("sex", "gender", "status sex", "sex status"),
        {"US": _ECOA, "HK": "Sex Discrimination Ordinance (Cap. 480)", "DE": _EU_SEX, "PL": _EU_SEX},
    ),
    Attribute(
        "race or origin", "protected",
        ("race", "ethnicity", "ethnic group", "ethnic origin", "national origin", "colour", "color", "skin colour"),
        {"US": _ECOA, "HK": "Race Discrimination Ordinance (Cap. 602)", "DE": _EU_RACE, "PL": _EU_RACE},
    ),
    Attribute("religion", "protected", ("religion", "faith", "belief"), {"US": _ECOA}),
    Attribute(
        "disability", "protected", ("disability", "disabled", "handicap"),
        {"HK": "Disability Discrimination Ordinance (Cap. 487)"},
    ),
    Attribute("sexual orientation", "protected", ("sexual orientation", "orientation")),
    Attribute("pregnancy", "protected", ("pregnancy", "pregnant"), {"HK": "Sex Discrimination Ordinance (Cap. 480)"}),
    Attribute("public assistance", "protected", ("public assistance", "welfare", "social benefits"), {"US": _ECOA}),
    Attribute(
        "marital status", "proxy", ("marital status", "marital", "married", "marriage", "civil status"),
        {"US": _ECOA, "HK": "Sex Discrimination Ordinance (Cap. 480)"}, {"US": "protected", "HK": "protected"},
    ),
    Attribute(
        "family status", "proxy",
        ("dependents", "number of dependents", "no of dependents", "num dependents", "dependants", "children",
         "number of children", "family size", "family status"),
        {"HK": "Family Status Discrimination Ordinance (Cap. 527)"},
    ),
    Attribute(
        "where somebody lives", "proxy",
        ("post code", "postcode", "postal code", "zip", "zip code", "zip code prefix", "district", "neighbourhood",
         "neighborhood", "addr state"),
    ),
    Attribute(
        "citizenship", "proxy", ("citizenship", "citizen", "nationality", "foreign", "foreign worker", "birth place",
         "place of birth", "country of birth", "immigration status"),
    ),
    Attribute("language", "proxy", ("language", "mother tongue", "native language")),
    Attribute("name", "proxy", ("first name", "given name", "surname", "family name", "last name")),
)  # fmt: skip


def _spelled(name: str) -> str:
    return _NO_LETTERS.sub("", name.lower())


_BY_NAME = {_spelled(spelling): attribute for attribute in ATTRIBUTES for spelling in attribute.spelled}


def standing_of(*names: str, jurisdiction: str) -> Standing:
    """How a feature that goes by these names stands in a jurisdiction (ISO 3166-1); the stricter of two names counts.

    Case, digits and what parts words do not matter.
    """
    found = [_BY_NAME[name].standing(jurisdiction) for name in map(_spelled, names) if name in _BY_NAME]
    return max(found, key=lambda one: one.level == "protected", default=OK)
