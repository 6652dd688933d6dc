"""The rows of bad_inputs.yaml: read, made into requests on the ground of a request that is taken, and checked."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import yaml
from django.contrib.messages import get_messages
from django.test import Client

TABLE = Path(__file__).with_name("bad_inputs.yaml")
BOUNDARY = "a-boundary-of-ours"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One bad input. All but `case`, `ask` and `gives` says in what it differs from a request that is taken."""

    case: str
    ask: str  # method and path; of the API as the description has it
    gives: str  # status, and of the API the problem's code
    faults: list[str] | None = None  # "pointer code" of the API, names of fields of a page
    told: str = ""  # what the answer says besides
    who: str = ""
    each: tuple[str, ...] = ("",)  # the row once for each of these, which stands for <each>
    path: str = ""  # asked instead of the path of `ask`
    query: str = ""
    method: str = ""
    headers: dict[str, str | None] = {}
    type: str | None = None  # Content-Type
    environ: dict[str, str] = {}
    change: dict[str, Any] = {}
    drop: list[str] = []
    body: Any = None  # text or bytes
    changes: list[str] = []  # tables that do change: counters of failures


class FileRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of reports with a bad line: `problems` are "line field code"."""

    case: str
    format: Literal["ndjson", "csv"]
    file: Any  # text or bytes
    problems: list[str]


class WireRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bytes on the wire; `gives` are the statuses that may answer, 0 for a closed connection."""

    case: str
    send: Any  # text or bytes
    gives: list[int]
    code: str = ""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    api: list[Row]
    borrower: list[Row]
    staff: list[Row]
    files: list[FileRow]
    wire: list[WireRow]


class _Loader(yaml.SafeLoader):
    """YAML with !times [text, count] and !bytes text (one byte for each character)."""


def _times(loader: yaml.SafeLoader, node: Any) -> str:
    text, count = loader.construct_sequence(node)
    return str(text) * int(count)


def _bytes(loader: yaml.SafeLoader, node: Any) -> bytes:
    return str(loader.construct_scalar(node)).encode("latin-1")


_Loader.add_constructor("!times", _times)
_Loader.add_constructor("!bytes", _bytes)


def read() -> Table:
    """Read the file; what no row may have is an error."""
    return msgspec.convert(yaml.load(TABLE.read_text(), _Loader), Table)  # a SafeLoader with two tags of ours


@dataclass(frozen=True, slots=True)
class Good:
    """A request that is taken: `form` is json, parts, urlencoded, or nothing for no body."""

    path: str
    form: Literal["json", "parts", "urlencoded", ""] = ""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    refused: bool = False  # nothing can be sent there that is taken


def expanded(row: Row) -> Iterator[tuple[str, Row]]:
    """Yield a row's name and itself, once for each of its `each`."""
    for one in row.each:
        yield f"{row.case} {one}".strip(), filled(row, {"each": one})


def filled(row: Row, names: dict[str, str]) -> Row:
    """Put values in the place of <name>, wherever a row has text."""
    return msgspec.convert(_filled(msgspec.to_builtins(row, builtin_types=(bytes,)), names), Row)


def filled_text(text: str, names: dict[str, str]) -> str:
    """Put values in the place of <name> in a text."""
    return re.sub(r"<(\w+)>", lambda found: names.get(found[1], found[0]), text) if "<" in text else text


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return filled_text(value, names)
    if isinstance(value, dict):
        return {_filled(key, names): _filled(inner, names) for key, inner in value.items()}
    return [_filled(inner, names) for inner in value] if isinstance(value, list) else value


def edited(body: Any, change: dict[str, Any], drop: list[str]) -> Any:
    """Return a copy of a body with what JSON pointers name changed or left out; the empty pointer is the whole."""
    made = {"": deepcopy(body)}
    for pointer, value in change.items():
        place, step = _place(made, pointer)
        place[step] = value
    for pointer in drop:
        place, step = _place(made, pointer)
        del place[step]
    return made[""]


def _place(made: Any, pointer: str) -> tuple[Any, Any]:
    """Return what holds the value of a pointer, and by which key."""
    place, steps = made, [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]
    for step in steps[:-1]:
        place = place[int(step) if isinstance(place, list) else step]
    return place, int(steps[-1]) if isinstance(place, list) else steps[-1]


def send(client: Client, row: Row, good: Good) -> Any:
    """Send what a row says."""
    method, _, _ = row.ask.partition(" ")
    content, kind = _content(row, good)
    path = (row.path or good.path) + (f"?{row.query}" if row.query else "")
    given = {name: value for name, value in {**good.headers, **row.headers}.items() if value is not None}
    if "Idempotency-Key" in good.headers and "Idempotency-Key" not in row.headers:
        given["Idempotency-Key"] = str(uuid4())
    type_ = kind if row.type is None else row.type
    extra: dict[str, Any] = dict(row.environ)
    return client.generic(row.method or method, path, content, type_, headers=given, **extra)


def _content(row: Row, good: Good) -> tuple[bytes, str]:
    kinds = {
        "json": "application/json", "parts": f"multipart/form-data; boundary={BOUNDARY}",
        "urlencoded": "application/x-www-form-urlencoded", "": "",
    }  # fmt: skip
    if row.body is not None:
        return row.body if isinstance(row.body, bytes) else row.body.encode(), kinds[good.form or "json"]
    body = edited(good.body, row.change, row.drop)
    if good.form == "json":
        return json.dumps(body).encode(), kinds["json"]
    if good.form == "parts":
        return b"".join(_parts(body)) + f"--{BOUNDARY}--\r\n".encode(), kinds["parts"]
    return (urlencode(body or {}, doseq=True).encode() if good.form else b""), kinds[good.form]


def _parts(body: dict[str, Any]) -> Iterator[bytes]:
    for name, values in body.items():
        for value in values if isinstance(values, list) else [values]:
            file = f'; filename="{name}.txt"' if name in ("file", "mapping") else ""
            yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
            yield (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n"


def check_problem(response: Any, row: Row) -> None:
    """Check a refusal of the API: problem+json with the status, the code, and each fault with its remedy."""
    status, _, code = row.gives.partition(" ")
    assert response.status_code == int(status), response.content[:2000]
    assert response["Content-Type"] == "application/problem+json"
    assert len(response.content) < 50_000
    problem = response.json()
    assert (problem["status"], problem["type"].rpartition("/")[2]) == (int(status), code)
    assert problem["request_id"] == response["X-Request-Id"]
    found = [f"{fault['pointer']} {fault['code']}".strip() for fault in problem.get("errors", [])]
    assert sorted(found) == sorted(row.faults or []), problem
    assert row.told in problem["detail"]
    assert all(fault["detail"].endswith((".", "`.")) for fault in problem.get("errors", []))  # a sentence each


def check_oauth(response: Any, row: Row) -> None:
    """Check a refusal of the token endpoint, which has a form of its own: RFC 6749 section 5.2."""
    status, _, code = row.gives.partition(" ")
    assert (response.status_code, response["Content-Type"]) == (int(status), "application/json"), response.content
    assert response.json()["error"] == code
    assert row.told in response.json().get("error_description", "")
    assert response["Cache-Control"] == "no-store"


def check_page(response: Any, row: Row) -> None:
    """Check a page: its status, the fields whose faults it shows, and what it says or leads to."""
    statuses = (200, 302) if row.gives == "any" else (int(row.gives),)
    assert response.status_code in statuses, (response.status_code, response.get("Location"))
    told = [str(one) for one in get_messages(response.wsgi_request)] if hasattr(response, "wsgi_request") else []
    if response.status_code < 300 or response.status_code >= 400:
        assert response["Content-Type"].startswith("text/html"), response["Content-Type"]
    if row.faults is not None:
        assert "form" in response.context, "no form is shown again"
        form = response.context["form"]
        assert sorted(form.errors) == sorted(row.faults), dict(form.errors)
        text = response.content.decode()
        for name, sentences in form.errors.items():
            assert all(escape(sentence) in text for sentence in sentences), (name, sentences)
    where = response.content.decode() if response.status_code != 302 else response["Location"]
    assert row.told in where or any(row.told in one for one in told), (told, where[-1500:])
