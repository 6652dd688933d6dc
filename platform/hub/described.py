"""What JSON Schema can say of rules between the fields of a body: a body's type keeps it as RULES."""

from collections.abc import Collection, Mapping
from typing import Any

YEAR_PATTERN = "^(19|20|21)[0-9][0-9]-"
_NOTHING: dict[str, Any] = {"enum": [None, [], False]}


def with_years(schema: Any) -> Any:
    r"""Return a schema whose days and moments say which years a body may name: those of `hub.parsing.YEARS`.

    Patterns end in $ there, which to Python lets a line feed follow: types have \Z.
    """
    if isinstance(schema, list | tuple):
        return [with_years(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: with_years(inner) for name, inner in schema.items()}
    if isinstance(pattern := found.get("pattern"), str):
        found["pattern"] = pattern.replace(r"\Z", "$")
    return {**found, "pattern": YEAR_PATTERN} if schema.get("format") in ("date", "date-time") else found


def given(*names: str) -> dict[str, Any]:
    """Say that these fields are there and hold something."""
    return {"required": list(names), "properties": {name: {"not": _NOTHING} for name in names}}


def only(
    values: Mapping[str, str], *, needed: Collection[str], of: Collection[str], allowed: Collection[str] = ()
) -> dict[str, Any]:
    """Say that, where fields have these values, `of` some others only the needed and the allowed ones hold anything."""
    found = given(*sorted(needed))
    found["properties"] |= {name: _NOTHING for name in of if name not in needed and name not in allowed}
    found["properties"] |= {name: {"const": value} for name, value in values.items()}
    return found
