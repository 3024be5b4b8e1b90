"""Request validators: required parameters, and bodies against their models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fogbank.services.apigateway.models import flat_schema
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.records import Definition

if TYPE_CHECKING:
    from fogbank.services.apigateway.plane.schemas import Schema

_PLACES = {"header": "headers", "querystring": "query", "path": "path"}


class Validation:
    """What a method's validator asks for; made once for a stage."""

    def __init__(self, required: list[tuple[str, str]], models: dict[str, Schema]) -> None:
        self._required = required
        self._models = models

    @staticmethod
    def of(definition: Definition, method: dict[str, Any]) -> Validation | None:
        """None where the method has no validator, or one that asks for nothing."""
        chosen = definition.validators.get(method.get("requestValidatorId", ""))
        if not chosen:
            return None
        required: list[tuple[str, str]] = []
        if chosen["validateRequestParameters"]:
            for name, needed in (method.get("requestParameters") or {}).items():
                place, key = name.split(".", 3)[2:] if name.count(".") >= 3 else ("", "")
                if needed and place.removeprefix("multivalue") in _PLACES:
                    required.append((place.removeprefix("multivalue"), key))
        models: dict[str, Schema] = {}
        if chosen["validateRequestBody"]:
            for content_type, name in (method.get("requestModels") or {}).items():
                if name in definition.models:
                    models[content_type.lower()] = _compiled(definition, definition.models[name]["schema"])
        if not required and not models:
            return None
        return Validation(sorted(required), models)

    def check(self, call: Call) -> None:
        """Raises the gateway's BAD_REQUEST_PARAMETERS or BAD_REQUEST_BODY."""
        missing = [name for place, name in self._required if not _present(call, place, name)]
        if missing:
            raise failures.bad_parameters(f"Missing required request parameters: [{', '.join(missing)}]")
        if self._models:
            self._check_body(call)

    def _check_body(self, call: Call) -> None:
        kind = (call.header("content-type") or "application/json").split(";", 1)[0].strip().lower()
        schema = self._models.get(kind) or self._models.get("$default")
        if schema is None:
            return  # AWS lets pass what no model is for.
        try:
            body = json.loads(call.body.decode() or "{}")
        except (ValueError, RecursionError) as error:
            raise failures.bad_body("[Malformed JSON]") from error
        problem = schema.problem(body)
        if problem is not None:
            raise failures.bad_body(f"[{problem}]")


def _present(call: Call, place: str, name: str) -> bool:
    if place == "header":
        return bool(call.header(name.lower()))
    if place == "querystring":
        return bool(call.query_values.get(name))
    return bool(call.path_parameters.get(name))


def _compiled(definition: Definition, schema: str) -> Schema:
    # The checker's library takes longer to import than all else here, and few APIs have models.
    from fogbank.services.apigateway.plane.schemas import Schema

    flat = flat_schema(definition, schema)
    flat.pop("$schema", None)
    return Schema(flat)
