"""The one tree of domain errors. Each has a stable code, and `hub.problems` renders all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: an RFC 6901 pointer, a stable code, and the remedy in a sentence."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Something a caller can be told. `detail` never holds secrets or personal data."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "The request could not be carried out"
    status: ClassVar[int] = 400

    def __init__(
        self, detail: str = "", *, errors: Sequence[FieldError] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s


class Malformed(DomainError):
    """The request cannot be read."""

    code = "malformed_request"
    title = "The request cannot be read"


class Unauthenticated(DomainError):
    """No valid access token came with the request."""

    code = "invalid_token"
    title = "A valid access token is needed"
    status = 401


class TokenMissing(Unauthenticated):
    """The request came without an access token."""

    code = "token_missing"
    title = "An access token is needed"


class Forbidden(DomainError):
    """The caller is known but may not do this."""

    code = "forbidden"
    title = "This is not allowed"
    status = 403


class InsufficientScope(Forbidden):
    """The token lacks the scope of the operation (RFC 6750 section 3.1)."""

    code = "insufficient_scope"
    title = "The access token lacks a scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This operation needs the scope {scope!r}: ask for it as you fetch the token.")
        self.scope = scope


class NotFound(DomainError):
    """There is no such thing, or it is another institution's."""

    code = "not_found"
    title = "There is no such resource"
    status = 404


class MethodNotAllowed(DomainError):
    """The resource does not know the method; `Allow` lists those that it knows."""

    code = "method_not_allowed"
    title = "The resource does not know this method"
    status = 405


class NotAcceptable(DomainError):
    """The Accept header leaves no form that the operation can answer in."""

    code = "not_acceptable"
    title = "Answers are application/json, which Accept rules out"
    status = 406


class Conflict(DomainError):
    """The state does not allow it now."""

    code = "conflict"
    title = "The present state does not allow this"
    status = 409


class Erased(DomainError):
    """The person's keys were destroyed: what was sealed with them is gone for good."""

    code = "erased"
    title = "The person's data were erased"
    status = 410


class PreconditionFailed(DomainError):
    """If-Match names an older version (RFC 9110 section 13.1.1)."""

    code = "stale_version"
    title = "Somebody changed it meanwhile"
    status = 412


class TooLarge(DomainError):
    """The body is over the limit."""

    code = "too_large"
    title = "The body is too large"
    status = 413


class UnsupportedMedia(DomainError):
    """The Content-Type is not one that the operation reads."""

    code = "unsupported_media_type"
    title = "This media type is not read here"
    status = 415


class Invalid(DomainError):
    """Fields are wrong; `errors` names each of them."""

    code = "invalid_request"
    title = "Some fields are not valid"
    status = 422

    def __init__(self, errors: Sequence[FieldError] = (), detail: str = "") -> None:
        super().__init__(detail, errors=errors)


class PreconditionRequired(DomainError):
    """If-Match is missing (RFC 6585 section 3)."""

    code = "if_match_required"
    title = "If-Match is needed"
    status = 428


class TooMany(DomainError):
    """Over the rate limit."""

    code = "rate_limited"
    title = "Too many requests"
    status = 429


class QueryBudgetSpent(TooMany):
    """The institution's scores of the day on this model line are used up; Retry-After leads to the next day (UTC)."""

    code = "query_budget_spent"
    title = "The day's scores on this model line are used up"


class Internal(DomainError):
    """A fault of the platform. What happened stands in its logs under the request's id, never in the answer."""

    code = "internal_error"
    title = "The platform made a mistake"
    status = 500


class Unavailable(DomainError):
    """A part of the platform is away; the same request may be sent again."""

    code = "unavailable"
    title = "The service is not available now"
    status = 503


def every_error(base: type[DomainError] = DomainError) -> list[type[DomainError]]:
    """Return `base` and all the kinds of error below it, parents first."""
    return [base, *(below for child in base.__subclasses__() for below in every_error(child))]
