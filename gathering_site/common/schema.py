"""The OpenAPI document: what is the same for every operation is said here once."""

from typing import Any

from drf_spectacular import authentication
from drf_spectacular.openapi import AutoSchema as SpectacularSchema

DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
FAULT = {
    "type": "object",
    "properties": {
        "loc": {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
    "required": ["loc", "msg", "type"],
}
FAULTS = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "detail": {"type": "array", "items": FAULT}},
    "required": ["error", "detail"],
}
ERRORS = {
    "401": ("Unauthorized", "The request needs a token.", DETAIL, {"detail": "The token is unknown or expired."}),
    "403": ("Forbidden", "This may be seen but not changed.", DETAIL, {"detail": "Only its owner can change it."}),
    "404": ("NotFound", "It does not exist, or not for this user.", DETAIL, {"detail": "Agent not found"}),
    "409": (
        "Conflict",
        "It is in a state in which this cannot be done.",
        FAULTS,
        {
            "error": "Ada is paused.",
            "detail": [{"loc": ["body", "agent"], "msg": "Ada is paused.", "type": "conflict"}],
        },
    ),
    "422": (
        "Unprocessable",
        "A part of the path, the query or the body does not fit.",
        FAULTS,
        {
            "error": "name: This field is required.",
            "detail": [{"loc": ["body", "name"], "msg": "This field is required.", "type": "required"}],
        },
    ),
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body within a day give the same answer and do nothing twice.",
    "schema": {"type": "string", "maxLength": 200},
}


class SessionScheme(authentication.SessionScheme):
    """The generator looks for this by the class it is about."""

    target_class = "gathering_site.common.authentication.SessionAuthentication"


class AutoSchema(SpectacularSchema):
    """Adds to each operation the errors it may answer, and to each POST its idempotency."""

    def get_description(self) -> str:
        """What `extend_schema` says; docstrings are for those who read the code."""
        return ""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter["schema"] = {"type": "integer", "minimum": 1}
        statuses = ["401", "422"] if self.view.permission_classes else []
        if "{" in self.path:
            statuses.append("404")
        if self.method != "GET":
            statuses += ["403", "409"]
        for status in sorted(statuses):
            operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{ERRORS[status][0]}"})
        if self.method == "POST":
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        return operation


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: the error answers that the operations refer to, and the envelope beside each list."""
    components = result["components"]
    components["responses"] = {
        name: {
            "description": description,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
        for name, description, schema, example in ERRORS.values()
    }
    for name, array in components["schemas"].items():
        if name.startswith("Paginated"):
            properties = {"items": array, **{count: {"type": "integer"} for count in ("total", "page", "page_size")}}
            envelope = {"type": "object", "properties": properties, "required": list(properties)}
            components["schemas"][name] = {"oneOf": [array, envelope]}
    return result
