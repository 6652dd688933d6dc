"""What schemathesis is told beside the description: fresh keys, and which valid data may be refused.

A JSON Schema says what one field may hold. Rules between fields, and rules over what is stored, it cannot say: those
are listed in BEYOND, by the operation, the field and the problem's code. A refusal of valid data for any other reason
is a failure, and so is a field whose rules could have been described.
"""

import json
import re
from itertools import count
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation

# (operation, field, code): all three as patterns.
BEYOND: tuple[tuple[str, str, str], ...] = (
    ("GET .*", "", "invalid_cursor"),  # signed by the platform
    (".*", "", "stale_version"),  # an If-Match of a version that never was
    (".*", ".*", "wrong_type Expected `int.*`, got `float`."),  # 26.0, which is an integer to JSON Schema
    (".*", "", "malformed_request A string holds the character U\\+0000.*"),  # in any string, names included
    # Printable in the sense of Unicode; no smaller than another amount, or than the fees; the places of a currency.
    ("(POST|PATCH) /api/v1/products.*", "/name", "wrong_format"),
    ("(POST|PATCH) /api/v1/products.*", "/(amount_min|amount_max|fee_flat)", "out_of_range|invalid_amount"),
    ("(POST|PATCH) /api/v1/products.*", "/terms", "not_sorted"),
    # What fits a fact: its operators and its values. No code twice.
    ("PUT .*/credit-policy", "/all/[0-9]+/(op|value)", "wrong_op|wrong_form|wrong_kind|unknown_grade|out_of_range"),
    ("PUT .*/credit-policy", "/all/[0-9]+/code", "code_twice"),
    # Between the loan's first day and today; numbers and days in their order.
    ("POST .*/reports", "/as_of", "out_of_range|not_a_month_end"),
    ("POST .*/reports", "/corrects", "not_earlier"),
    ("POST .*/reports", "/schedule/[0-9]+/due_on", "out_of_order"),
    ("POST .*/referrals/.*/decision", "/terms/(amount|fee_upfront)", "out_of_range|invalid_amount"),  # the accepted
    ("POST .*/clock", "/(to|advance_days)", "not_later|too_far"),  # than where the clock stands
    ("POST .*/models/.*/pin", "/until", "out_of_range"),  # from now to 90 days
    ("POST .*/scores", "/features.*", "unknown_feature|wrong_type|no_features"),  # of the line that is named
    (
        "POST .*/scores",
        "/affordability/(amount|monthly_income|essential_spending|existing_instalments)",
        "invalid_amount",
    ),
    ("POST .*/scores", "/consent/(given_at|expires_at)", "before_given|in_the_future"),
    ("POST .*/performance-reports", "/(file|count|sum|sha256)", ".*"),  # what is in the file, and sums over it
    ("POST .*/score-batches", "/(file|count|sha256|model_line).*", ".*"),
    ("POST .*/loan-books", "/(file|mapping|sums|rows|sha256).*", ".*"),
    ("(POST|PATCH) .*/webhook-endpoints.*", "/url", ".*"),  # the addresses behind a name
    ("(POST|PATCH) .*/webhook-endpoints.*", "/description", "wrong_format"),  # printable, as above
)
_number = count()


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Where it is not the headers that are tried: a key for each request, and mostly a version that is there."""
    if case.meta is None or case.meta.is_negative_at(ParameterLocation.HEADER):
        return
    turn = next(_number)
    for name, value in {"Idempotency-Key": str(uuid5(NAMESPACE_URL, str(turn))), "If-Match": "*"}.items():
        if name in case.headers and (name != "If-Match" or turn % 4):
            case.headers[name] = value


@schemathesis.check
def refused_for_what_no_schema_says(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Of data that the description allows, refuse only what it cannot describe."""
    if (
        case.meta is None
        or not case.meta.generation.mode.is_positive
        or response.status_code not in (400, 412, 422, 428)
    ):
        return
    problem = json.loads(response.content)
    code = problem["type"].rpartition("/")[2]
    faults = problem.get("errors", []) or [{"pointer": "", "code": code, "detail": problem["detail"]}]
    for fault in faults:
        if not _beyond(case.operation.label, **fault):
            title = f"Valid data refused: {fault['code']} at {fault['pointer'] or 'all'}"
            raise Failure(operation=case.operation.label, title=title, message=f"{problem['detail']} {faults}")


def _beyond(label: str, *, pointer: str, code: str, detail: str) -> bool:
    told = code, f"{code} {detail}"
    return any(
        re.fullmatch(where, label)
        and re.fullmatch(field, pointer, re.DOTALL)
        and any(re.fullmatch(name, one, re.DOTALL) for one in told)
        for where, field, name in BEYOND
    )
