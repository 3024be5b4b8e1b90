"""Request validators: required parameters, and bodies against their models."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import regex
from jsonschema import Draft4Validator
from jsonschema.validators import extend

from fogbank.services.apigateway.models import flat_schema
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.records import Definition

PATTERN_SECONDS = 0.05
_PLACES = {"header": "headers", "querystring": "query", "path": "path"}


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Any:
    """With a limit in time: models and bodies come from strangers, and Python's matcher may take for ever."""
    if not isinstance(instance, str) or not isinstance(pattern, str):
        return
    try:
        found = regex.search(pattern, instance, timeout=PATTERN_SECONDS)
    except (regex.error, TimeoutError) as error:
        raise failures.bad_body(f"[ECMA 262 regex {pattern} cannot be applied: {error}]") from error
    if not found:
        yield jsonschema.ValidationError(f'ECMA 262 regex "{pattern}" does not match input string "{instance}"')


_Validator = extend(Draft4Validator, {"pattern": _pattern})


class Validation:
    """What a method's validator asks for; made once for a stage."""

    def __init__(self, required: list[tuple[str, str]], models: dict[str, Any]) -> None:
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
        models: dict[str, Any] = {}
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
        validator = self._models.get(kind) or self._models.get("$default")
        if validator is None:
            return  # AWS lets pass what no model is for.
        try:
            body = json.loads(call.body.decode() or "{}")
            problem = next(validator.iter_errors(body), None)
        except (ValueError, RecursionError, jsonschema.SchemaError, jsonschema.RefResolutionError) as error:
            raise failures.bad_body("[Malformed JSON]") from error
        if problem is not None:
            raise failures.bad_body(f"[{problem.message}]")


def _present(call: Call, place: str, name: str) -> bool:
    if place == "header":
        return bool(call.header(name.lower()))
    if place == "querystring":
        return bool(call.query_values.get(name))
    return bool(call.path_parameters.get(name))


def _compiled(definition: Definition, schema: str) -> Any:
    flat = flat_schema(definition, schema)
    flat.pop("$schema", None)
    return _Validator(flat)
