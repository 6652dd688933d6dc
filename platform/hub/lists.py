"""Lists of the API: pages in the order of a moment and a unique field, and the signed cursor between them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from hub.api import Reply, caller
from hub.errors import FieldError, Invalid

PAGE_DEFAULT = 50
PAGE_MAX = 200
M = TypeVar("M", bound=Model)


def page(
    request: Request,
    rows: QuerySet[M],
    show: Callable[[M], Any],
    *,
    order: tuple[str, str] = ("created_at", "id"),
) -> Reply:
    """Answer one page of `rows` as {"items": […], "next": URL or null}, ordered by a moment and a unique field.

    `?limit=` is 1 to 200 (50 unless told), `?after=` the signed cursor of the page before.
    """
    limit = read_limit(request)
    after = request.query_params.get("after")
    if after is not None:
        rows = rows.filter(_beyond(order, _read_cursor(request, after)))
    found = list(rows.order_by(*order)[: limit + 1])
    following = _next_url(request, found[limit - 1], order) if len(found) > limit else None
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Reply({"items": [show(row) for row in found[:limit]], "next": following}, headers=headers)


def read_limit(request: Request) -> int:
    """Return `?limit=`, 1 to 200, 50 unless told; `Invalid` for anything else."""
    text = request.query_params.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise Invalid([FieldError("", "invalid_limit", f"Let ?limit= be a whole number from 1 to {PAGE_MAX}.")])
    return int(text)


def _salt(request: Request) -> str:
    # A cursor holds for one list of one institution: elsewhere it does not verify.
    return f"hub.api.page|{caller(request).institution_id}|{request.path}"


def _read_cursor(request: Request, text: str) -> tuple[datetime, str]:
    try:
        moment, last = signing.loads(text, salt=_salt(request))
    except signing.BadSignature:
        raise Invalid(
            [FieldError("", "invalid_cursor", "Let ?after= be the cursor of this list's previous page, unchanged.")]
        ) from None
    return datetime.fromisoformat(moment), last


def _beyond(order: tuple[str, str], last: tuple[datetime, str]) -> Q:
    moment, unique = order
    return Q(**{f"{moment}__gt": last[0]}) | Q(**{moment: last[0], f"{unique}__gt": last[1]})


def _next_url(request: Request, row: Model, order: tuple[str, str]) -> str:
    moment, unique = (getattr(row, name) for name in order)
    after = signing.dumps([moment.isoformat(), str(unique)], salt=_salt(request))
    query = urlencode({**request.query_params.dict(), "after": after})
    return f"{settings.PUBLIC_URL}{request.path}?{query}"
