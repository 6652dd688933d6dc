"""The token endpoint: client credentials only, by a sandbox's secret or by `private_key_jwt` (RFC 6749, RFC 7523).

The tokens of live clients are bound to a key by DPoP (RFC 9449); those of a sandbox where it sends a proof.
"""

import re
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.views import TokenView
from oauthlib.oauth2 import InvalidClientError, InvalidRequestError, OAuth2Error

from hub import limits
from hub.callers import client_address
from hub.clock import now
from hub.dpop import Proof, ProofRefused, UsedProof, read_proof
from hub.errors import MethodNotAllowed, TooMany
from hub.limits import Limits
from hub.problems import problem
from partners.institutions.keys import AssertionRefusedError, check_claims, claimed_client, proved_claims
from partners.institutions.models import Client, TokenBinding, UsedAssertion

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/oauth/token/"  # noqa: S105 - a path
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}")
log = structlog.get_logger(__name__)


class InvalidProofError(OAuth2Error):  # type: ignore[misc]  # the library carries no types
    """The DPoP proof will not do, or is missing (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"


class Validator(OAuth2Validator):  # type: ignore[misc]  # the toolkit carries no types
    """The toolkit's validator, with `private_key_jwt` and one way of signing in for each client."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Set `request.client` and return True where the client proved itself in the way it was issued for."""
        request.proof = _proof(request)
        if not self._proves_itself(request, *args, **kwargs):
            return False
        # Counted once it has proved itself: who only knows its name takes nothing from it.
        _charge(f"client {request.client.client_id}", settings.TOKENS_PER_MINUTE)
        if request.proof and not UsedProof.use(
            institution_id=request.client.institution_id, digest=request.proof.digest, now=now()
        ):
            raise InvalidProofError(description="This jti was used before.", request=request)
        return True

    def _proves_itself(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        if getattr(request, "client_assertion", None) is None:
            proved: bool = super().authenticate_client(request, *args, **kwargs) or self._had_secret(request)
            return proved and request.client.method == Client.SECRET
        try:
            self._prove(request)
        except AssertionRefusedError as refusal:
            log.warning("client_refused", reason=str(refusal))
            raise InvalidClientError(description=str(refusal), request=request) from refusal
        return True

    def _had_secret(self, request: Any) -> bool:
        """Tell whether the secret is the one before the present one, while that is good."""
        client = request.client
        if client is None or client.previous_secret_until is None or client.previous_secret_until <= now():
            return False
        # The toolkit compares with what it finds on the row; nobody saves this copy of it.
        client.client_secret = client.previous_secret
        return bool(super().authenticate_client(request))

    def _prove(self, request: Any) -> None:
        if request.headers.get("Authorization") or request.client_secret:
            raise InvalidRequestError(description="Send one proof only: the assertion, or a secret.", request=request)
        if getattr(request, "client_assertion_type", None) != ASSERTION_TYPE:
            raise InvalidRequestError(description=f"client_assertion_type must be {ASSERTION_TYPE}", request=request)
        client_id = claimed_client(request.client_assertion)
        if (request.client_id or client_id) != client_id:
            raise AssertionRefusedError("client_id and sub must be the same.")
        client = self._load_application(client_id, request)
        if client is None or client.method != Client.KEY:
            raise AssertionRefusedError("There is no such client, or it has no keys.")
        claims = proved_claims(request.client_assertion, client.jwks)
        check_claims(claims, client_id=client_id, audiences=_audiences(), now_s=now().timestamp())
        if not client.sandbox and request.proof is None:
            raise InvalidProofError(description="Send a DPoP header: live tokens are bound to a key.", request=request)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        if not UsedAssertion.use(client_pk=client.pk, jti=claims["jti"], expires_at=expires_at):
            raise AssertionRefusedError("This jti was used before: make a new assertion for each token.")

    def _create_access_token(self, expires: datetime, request: Any, token: Any, *args: Any, **kwargs: Any) -> Any:
        made = super()._create_access_token(expires, request, token, *args, **kwargs)
        if request.proof:
            TokenBinding.bind(token=made, thumbprint=request.proof.thumbprint)
            token["token_type"] = "DPoP"  # noqa: S105 - a scheme; the answer is made of it
        return made

    def _load_application(self, client_id: str | None, request: Any) -> Client | None:
        # What no client_id can be never reaches the database, which would choke on U+0000.
        if not client_id or not _CLIENT_ID.fullmatch(client_id):
            return None
        found: Client | None = super()._load_application(client_id, request)
        return found

    def _extract_basic_auth(self, request: Any) -> str | None:
        text: str | None = super()._extract_basic_auth(request)
        return text if text and text.isascii() else None


def _proof(request: Any) -> Proof | None:
    """Return the proof that came along, of which only the jti is still to be looked at; None where none came."""
    header = request.headers.get("HTTP_DPOP")
    try:
        return read_proof(header, method="POST", path=TOKEN_PATH, now=now()) if header is not None else None
    except ProofRefused as refusal:
        raise InvalidProofError(description=refusal.detail, request=request) from refusal


def _charge(key: str, per_minute: int) -> None:
    standing = limits.TOKENS.spend(key, Limits.shared(per_minute), now_s=now().timestamp())
    if standing.wait_s:
        raise TooMany("A token lasts for 15 minutes: use it until then.", retry_after_s=standing.wait_s)


def _audiences() -> set[str]:
    return {settings.PUBLIC_URL, f"{settings.PUBLIC_URL}/", f"{settings.PUBLIC_URL}{TOKEN_PATH}"}


@method_decorator(csrf_exempt, name="dispatch")
class ClientTokenView(TokenView):  # type: ignore[misc]  # the toolkit carries no types
    """POST /oauth/token/. Its errors have the form of RFC 6749 section 5.2."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Issue a token, or say why not."""
        if request.META["QUERY_STRING"]:
            return _refusal("invalid_request", "Send everything in the body: URLs are written down on their way.")
        if twice := [name for name, values in request.POST.lists() if len(values) > 1]:
            return _refusal("invalid_request", f"Sent more than once: {twice[0][:40]}")
        resource = request.POST.get("resource", "")
        if resource not in ("", settings.PUBLIC_URL, f"{settings.PUBLIC_URL}/api/v1", f"{settings.PUBLIC_URL}/api/v1/"):
            return _refusal("invalid_target", "The tokens of this server are for its own API.")
        try:
            _charge(f"address {client_address(request)}", settings.TOKEN_REQUESTS_PER_MINUTE)
            response: HttpResponse = self.authorization_flow_token_response(request, *args, **kwargs)
        except TooMany as error:
            return problem(error, request)
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="luopan"'
        return response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        """Answer 405: tokens are for POST."""
        response = problem(MethodNotAllowed(), request)
        response["Allow"] = "POST"
        return response


def _refusal(error: str, description: str) -> HttpResponse:
    response = JsonResponse({"error": error, "error_description": description}, status=400)
    response["Cache-Control"] = "no-store"
    return response


urlpatterns = [path("token/", ClientTokenView.as_view(), name="token")]
