"""Which sentences a room speaks: those that its templates and its modules hand to gettext."""

import ast
import re
from pathlib import Path

from django.utils.translation.template import templatize

_CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
_LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(rf"gettext\(({_LITERAL})(?:, ({_LITERAL}))?")


def of_template(path: Path) -> set[str]:
    """Return the messages of a template; a plural follows its singular after a NUL."""
    found = _IN_TEMPLATE.findall(templatize(path.read_text()))
    return {"\0".join(str(ast.literal_eval(one)) for one in literals if one) for literals in found}


def of_module(path: Path) -> set[str]:
    """Return the messages of a Python module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            found.add("\0".join(texts))
    return found


def of_room(room: Path) -> set[str]:
    """Return all messages below a folder."""
    templates = {message for path in room.rglob("templates/**/*.html") for message in of_template(path)}
    return templates | {message for path in room.rglob("*.py") for message in of_module(path)}
