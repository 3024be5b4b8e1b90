"""Transforms: what rewrites a template before it is deployed.

Snippets first, the innermost before what is around them; then the template's own, in the order they are listed.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.cloudformation import documents, language, sam, sources, template
from fogbank.services.cloudformation.errors import format_error, validation
from fogbank.services.cloudformation.intrinsics import Evaluator, Scope
from fogbank.services.cloudformation.memory import Memory
from fogbank.services.cloudformation.parameters import Parameter
from fogbank.services.cloudformation.records import Macro

INCLUDE = "AWS::Include"
_MOST_SNIPPETS = 200


def is_transformed(raw: dict[str, Any]) -> bool:
    return bool(raw.get("Transform")) or any(
        isinstance(value, dict) and "Fn::Transform" in value for _, value in template.walk(raw)
    )


def uses_macros(raw: dict[str, Any]) -> bool:
    """Whether transforms run other than those that only include and loop."""
    harmless = (INCLUDE, language.NAME)
    named = [entry.get("Name") if isinstance(entry, dict) else entry for entry in template.transforms(raw)]
    inner = [
        call.get("Name") if isinstance(call := value["Fn::Transform"], dict) else call
        for _, value in template.walk(raw)
        if isinstance(value, dict) and "Fn::Transform" in value
    ]
    return any(name not in harmless for name in (*named, *inner))


class Transformer:
    """Applies a template's transforms in the caller's name."""

    def __init__(self, ctx: Context, values: Mapping[str, Parameter], scope: Scope) -> None:
        self.ctx = ctx
        self.values = values
        self.scope = scope
        self.snippets = 0

    async def apply(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The template after its transforms. Raises AwsError(`ValidationError`) as CloudFormation says it."""
        declared = template.transforms(raw)
        out: Any = await self._snippets({name: value for name, value in raw.items() if name != "Transform"})
        for entry in declared:
            name = entry["Name"] if isinstance(entry, dict) else entry
            params = entry.get("Parameters") or {} if isinstance(entry, dict) else {}
            out = await self._whole(name, params, out)
        if not isinstance(out, dict):
            raise format_error("unsupported structure.")
        documents.check_depth(out)
        return out

    async def _whole(self, name: str, params: dict[str, Any], raw: dict[str, Any]) -> Any:
        if name == sam.NAME:
            return await self._sam(raw)
        if name == language.NAME:
            return language.transform(raw, self._scope_of(raw))
        if name == INCLUDE:
            included = await self._include(params)
            return _merged(raw, included) if isinstance(included, dict) else included
        return await self._macro(name, params, raw)

    async def _snippets(self, node: Any) -> Any:
        """Transforms of parts, from the inside out. The part is what stands beside the call."""
        if isinstance(node, list):
            return [await self._snippets(item) for item in node]
        if not isinstance(node, dict):
            return node
        call = node.get("Fn::Transform")
        out = {name: await self._snippets(value) for name, value in node.items() if name != "Fn::Transform"}
        if call is None:
            return out
        self.snippets += 1
        if self.snippets > _MOST_SNIPPETS:
            raise validation(f"A template may have {_MOST_SNIPPETS} transforms at most")
        name = call.get("Name") if isinstance(call, dict) else call
        if not isinstance(name, str):
            raise validation("Key Name of transform definition must be a string.")
        params = call.get("Parameters") or {} if isinstance(call, dict) else {}
        if name == INCLUDE:
            included = await self._include(params)
            return {**out, **included} if isinstance(included, dict) else included
        return await self._macro(name, params, out)

    async def _sam(self, raw: dict[str, Any]) -> dict[str, Any]:
        parameters = {name: p.value if p.resolved is None else p.resolved for name, p in self.values.items()}
        request = json.loads(json.dumps({**raw, "Transform": sam.NAME}))
        memory = self.ctx.component(Memory)
        return await memory.sam.translate(request, parameters, self.ctx.region)

    async def _include(self, params: dict[str, Any]) -> Any:
        location = Evaluator(self.scope).value(params.get("Location"))
        text = await sources.include(self.ctx, location)
        included = documents.read_any(text)
        if isinstance(included, dict) and any(
            "Fn::Transform" in value for _, value in template.walk(included) if isinstance(value, dict)
        ):
            raise validation("Transform AWS::Include failed with: a snippet must not have transforms of its own.")
        return included

    async def _macro(self, name: str, params: dict[str, Any], fragment: Any) -> Any:
        """A macro of the account's: its function is invoked with the part and answers what takes its place."""
        account = self.ctx.account
        macro = await self.ctx.transact(lambda inner: inner.tx.get(Macro, account, inner.region, name))
        if macro is None:
            raise validation(f"No transform named {account}::{name} found.")
        identity = f"{account}::{name}"
        request_id = ids.uuid4(self.ctx.random)
        evaluator = Evaluator(self.scope)
        event = {
            "accountId": account,
            "fragment": fragment,
            "transformId": identity,
            "requestId": request_id,
            "region": self.ctx.region,
            "params": {key: evaluator.value(value) for key, value in params.items()},
            "templateParameterValues": {key: value.effective for key, value in self.values.items()},
        }
        answer = await self._invoke(identity, macro.function, event)
        if answer.get("requestId") != request_id or "status" not in answer:
            raise validation(f"Received malformed response from transform {identity}")
        if str(answer["status"]).lower() != "success":
            said = answer.get("errorMessage")
            raise validation(
                f"Transform {identity} failed with: {said}"
                if said
                else f"Transform {identity} failed without an error message."
            )
        return answer.get("fragment")

    async def _invoke(self, identity: str, function: str, event: dict[str, Any]) -> dict[str, Any]:
        params = {"FunctionName": function, "Payload": json.dumps(event).encode()}
        try:
            answer = await self.ctx.call_async("lambda", "Invoke", params)
        except AwsError as error:
            raise validation(f"Transform {identity} failed with: {error.message}") from error
        payload = await sources.gather(answer.get("Payload", b""), 6 << 20)
        try:
            out = json.loads(payload or b"null")
        except (ValueError, RecursionError):
            out = None
        if answer.get("FunctionError") or not isinstance(out, dict):
            raise validation(f"Received malformed response from transform {identity}")
        return out

    def _scope_of(self, raw: dict[str, Any]) -> Scope:
        return Scope(self.scope.parameters, raw.get("Mappings") or {}, raw.get("Conditions") or {}, extensions=True)


def _merged(raw: dict[str, Any], included: dict[str, Any]) -> dict[str, Any]:
    """Sections of the snippet join those of the template."""
    out = dict(raw)
    for section, value in included.items():
        old = out.get(section)
        out[section] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return out
