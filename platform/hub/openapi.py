"""The description of the API (OpenAPI 3.1), made from what `hub.api.endpoint` was told, and its two pages."""

import functools
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiParameter
from oauth2_provider.scopes import get_scopes_backend
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.api import JSON, Operation
from hub.described import with_years
from hub.errors import PreconditionRequired
from hub.idempotency import KEY_PATTERN
from hub.lists import PAGE_DEFAULT, PAGE_MAX
from hub.problems import Problem
from hub.versions import HEADER_SCHEMA

_REFERENCE = "#/components/schemas/{name}"
_REPLAYED = {"description": "Marks a repeated answer.", "schema": {"type": "string", "const": "true"}}


_LIMITS = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit-Policy", "RateLimit")}
_RATE_LIMIT_POLICY = {
    "description": "The client's quotas (q, requests) and their windows (w, seconds) at the process that answers.",
    "schema": {"type": "string"},
    "example": '"minute";q=120000;w=60, "day";q=20000000;w=86400',
}
_RATE_LIMIT = {
    "description": "What is left of each quota (r), and the seconds until it is whole again (t).",
    "schema": {"type": "string"},
    "example": '"minute";r=119999;t=1, "day";r=19999999;t=43200',
}
_BEFORE_THE_CLIENT_IS_KNOWN = (401, 406)
_TOKENS = (
    "A sandbox client signs in by its secret and sends its token as Bearer. A live client signs in by private_key_jwt "
    "(RFC 7523), and its tokens are bound to a key (DPoP, RFC 9449): the request for the token, and each request with "
    "it, carries a DPoP header with a fresh proof, and the scheme is DPoP."
)


class Schema(AutoSchema):
    """Describes one operation; handlers that `endpoint` did not make are left out."""

    @property
    def operation(self) -> Operation:
        """What the handler's `endpoint` was told."""
        found: Operation = getattr(self.view, self.method.lower()).operation
        return found

    def is_excluded(self) -> bool:
        """Leave out whatever is no operation of the API."""
        return not hasattr(getattr(self.view, self.method.lower()), "operation")

    def get_operation_id(self) -> str:
        """Return such as get_scores_by_id."""
        steps = self.path.removeprefix("/api/v1/").replace("-", "_").split("/")
        words = [f"by_{step.strip('{}')}" if step.startswith("{") else step for step in steps if step]
        return "_".join([self.method.lower(), *words])

    def get_summary(self) -> str:
        """Return the first line of the handler's docstring."""
        return str(super().get_description()).partition("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # the library's signature is not its parent's
        """Return the rest of the docstring."""
        return str(super().get_description()).partition("\n")[2].strip()

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Name the scope."""
        return [{"oauth2": [self.operation.scope]}]

    def get_override_parameters(self) -> list[Any]:
        """Add the Idempotency-Key, the place in a list, and the parameters that the resource names in `query`."""
        found = [_IDEMPOTENCY_KEY] if self.operation.idempotent else []
        if PreconditionRequired in self.operation.raises:
            found.append(_IF_MATCH)
        own = getattr(self.view, "query", ()) if self.method == "GET" else ()
        named = {parameter.name for parameter in own}
        shared = [parameter for parameter in _PAGE if parameter.name not in named] if self._is_page() else []
        return [*found, *shared, *own]

    def _get_serializer(self) -> None:
        """Answer None: bodies are described by their types, not by serializers."""

    def _is_page(self) -> bool:
        answer = self.operation.answer
        return _is_page(answer) or any(_is_page(inner) for inner in getattr(answer, "__annotations__", {}).values())

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:  # noqa: ARG002 - the library's
        body = self.operation.body
        if body is None:
            return None
        content = body if isinstance(body, dict) else self._content(body, "request")
        return {"required": True, "content": content}

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:  # noqa: ARG002 - the library's
        operation = self.operation
        good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
        if operation.answer is not None:
            good["content"] = self._content(operation.answer, "response")
        good["headers"] = dict(_LIMITS)
        if operation.idempotent:
            good["headers"]["Idempotent-Replayed"] = _REPLAYED
        problems = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in self._statuses()}
        return {str(operation.status): good, **problems}

    def _content(self, type_: Any, example: str) -> dict[str, Any]:
        media: dict[str, Any] = {"schema": self._describe(type_)}
        if example in self.operation.examples:
            media["example"] = self.operation.examples[example]
        return {self.operation.media if example == "response" else JSON: media}

    def _describe(self, type_: Any) -> Any:
        (schema,), components = with_years(msgspec.json.schema_components([type_], ref_template=_REFERENCE))
        if rules := getattr(type_, "RULES", None):  # between its fields: msgspec describes each one by itself
            components[type_.__name__] |= rules
        for name, found in components.items():
            component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=found)  # type: ignore[no-untyped-call]  # the library is typed in part
            if component in self.registry and self.registry[component].schema != found:
                raise ValueError(f"Two types of the API are called {name}: rename one.")
            self.registry.register_on_missing(component)
        return schema

    def _statuses(self) -> list[int]:
        found = {401, 403, 406, 429, 500, 503, *(kind.status for kind in self.operation.raises)}
        if self.operation.idempotent:
            found |= {400, 409, 422}
        if self.operation.body is not None:
            found |= {400, 413, 415, 422}
        if self._is_page():
            found.add(422)
        if "{" in self.path:
            found.add(404)
        return sorted(found)


def _is_page(type_: Any) -> bool:
    return {"items", "next"} <= set(getattr(type_, "__struct_fields__", ()))


_IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    type={"type": "string", "pattern": KEY_PATTERN},
    location=OpenApiParameter.HEADER,
    required=True,
    description="A key of your own, such as a UUID. A repeat with the same key and body has no second effect.",
)
_IF_MATCH = OpenApiParameter(
    name="If-Match",
    type=HEADER_SCHEMA,
    location=OpenApiParameter.HEADER,
    required=True,
    description="The ETag that was read, so that nobody's change is overwritten unseen.",
)
_PAGE = [
    OpenApiParameter(
        name="limit",
        type={"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT},
        location=OpenApiParameter.QUERY,
        description="How many items at most.",
    ),
    OpenApiParameter(
        name="after",
        type={"type": "string", "pattern": "^[-A-Za-z0-9_.:]+$"},
        location=OpenApiParameter.QUERY,
        description="The cursor of the page before; `next` of an answer has it.",
    ),
]


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the parts that all operations share (a hook after generation)."""
    (_problem,), schemas = msgspec.json.schema_components([Problem], ref_template=_REFERENCE)
    components = result["components"]
    components["schemas"] = dict(sorted({**components.get("schemas", {}), **schemas}.items()))
    components["responses"] = {f"Problem{status}": _response(status) for status in sorted(set(_used(result)))}
    flow = {"tokenUrl": "/oauth/token/", "scopes": get_scopes_backend().get_all_scopes()}
    components["securitySchemes"] = {
        "oauth2": {"type": "oauth2", "description": _TOKENS, "flows": {"clientCredentials": flow}}
    }
    components["headers"] = {"RateLimit-Policy": _RATE_LIMIT_POLICY, "RateLimit": _RATE_LIMIT}
    return result


def _used(result: dict[str, Any]) -> Iterator[int]:
    for methods in result["paths"].values():
        for operation in methods.values():
            yield from (int(status) for status, found in operation["responses"].items() if "$ref" in found)


def _response(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(name="Problem")}}},
    }
    headers: dict[str, Any] = {} if status in _BEFORE_THE_CLIENT_IS_KNOWN else dict(_LIMITS)
    if status in (409, 429, 503):
        headers["Retry-After"] = {"description": "Seconds to wait, where waiting helps.", "schema": {"type": "integer"}}
    return {**response, "headers": headers} if headers else response


@functools.cache
def description() -> dict[str, Any]:
    """Return the whole description; the code does not change while the process lives."""
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library is typed in part
    found: dict[str, Any] = generator.get_schema(request=None, public=True)
    return found


class DescriptionResource(APIView):
    """`/api/schema/`: the description as YAML, or as JSON where that is asked for. Open to everybody."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (OpenApiYamlRenderer, OpenApiJsonRenderer2)

    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Read the description of the API."""
        return Response(description())


class ReferencePage(APIView):
    """`/api/docs/`: the interactive reference. Open to everybody."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (TemplateHTMLRenderer,)

    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Show the reference."""
        return Response(template_name="hub/api_docs.html")
