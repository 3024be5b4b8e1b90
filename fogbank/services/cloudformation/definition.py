"""A revision of a stack made ready: its template checked, its conditions decided, its functions evaluable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fogbank.api import AwsError
from fogbank.services.cloudformation import functions, graph, template
from fogbank.services.cloudformation.changes import After
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.intrinsics import (
    NO_VALUE,
    Evaluator,
    Lookup,
    Scope,
    pseudo_parameters,
)
from fogbank.services.cloudformation.parameters import Parameter
from fogbank.services.cloudformation.records import Export, Revision, Stack
from fogbank.services.cloudformation.records import Resource as Row
from fogbank.services.cloudformation.rules import check_rules
from fogbank.services.cloudformation.template import Template
from fogbank.store import Tx


@dataclass(slots=True)
class Definition:
    template: Template
    evaluator: Evaluator
    masked: Evaluator
    """As `evaluator`, with `****` for the values of NoEcho parameters."""
    present: set[str]
    """The resources whose conditions hold."""
    needs: dict[str, list[str]]
    """For each of them, those it comes after."""
    echoes: bool
    """Whether no parameter is NoEcho."""

    def properties(self, name: str, lookup: Lookup, *, masked: bool = False) -> dict[str, Any]:
        evaluator = self.masked if masked else self.evaluator
        return evaluator.with_lookup(lookup).object(self.template.resources[name].properties)

    def after(self, name: str, lookup: Lookup) -> After:
        """The resource as a change set compares it."""
        resource = self.template.resources[name]
        evaluator = self.evaluator.with_lookup(lookup)
        deletion, replacement = self.policies(name)
        return After(
            resource.type,
            self.properties(name, lookup),
            resource.properties,
            evaluator.value(resource.metadata),
            deletion,
            replacement,
        )

    def policies(self, name: str) -> tuple[str, str]:
        """DeletionPolicy and UpdateReplacePolicy, with their defaults."""
        resource = self.template.resources[name]
        chosen = []
        for value in (resource.deletion_policy, resource.update_replace_policy):
            value = self.evaluator.value(value) if isinstance(value, dict) else value
            chosen.append(value if isinstance(value, str) else "Delete")
        if resource.deletion_policy is None and resource.type in _SNAPSHOT_BY_DEFAULT:
            chosen[0] = "Snapshot"
        return chosen[0], chosen[1]

    def outputs(self, lookup: Lookup) -> list[dict[str, str]]:
        """As DescribeStacks shows them. Raises AwsError for one that cannot be told."""
        out = []
        evaluator = self.evaluator.with_lookup(lookup)
        for name, output in self.template.outputs.items():
            if output.get("Condition") is not None and not evaluator.condition(output["Condition"], "Outputs"):
                continue
            try:
                value = evaluator.value(output["Value"])
            except AwsError as error:
                if error.message.startswith("Resource type "):
                    raise validation(f"[Error] /Outputs/{name}/Value/Fn::GetAtt: {error.message}") from error
                raise
            if value is NO_VALUE:
                continue
            if isinstance(value, dict | list):
                raise validation(
                    f"Template format error: The Value field of every Outputs member must evaluate to a String. [{name}]"
                )
            entry = {"OutputKey": name, "OutputValue": functions.text(value)}
            if output.get("Description") is not None:
                entry["Description"] = functions.text(evaluator.value(output["Description"]))
            if output.get("Export"):
                export = evaluator.value(output["Export"]["Name"])
                if not isinstance(export, str) or not export:
                    raise validation(f"Output {name}: the name of an export must be a string that is not empty")
                entry["ExportName"] = export
            out.append(entry)
        return out


_SNAPSHOT_BY_DEFAULT = frozenset(("AWS::RDS::DBCluster",))


def define(stack: Stack, revision: Revision) -> Definition:
    """Raises AwsError(`ValidationError`) with CloudFormation's text for whatever does not fit."""
    parts = template.build(json.loads(revision.document))
    pseudo = pseudo_parameters(stack.account, stack.region, stack.id, stack.name, revision.notification_arns)
    graph.check_references(parts, [*parts.parameters, *pseudo])
    scope = _scope(parts, revision.parameters, pseudo, revision.extensions)
    evaluator = Evaluator(scope)
    for name in parts.conditions:
        evaluator.condition(name)
    check_rules(parts.rules, evaluator)
    present = {
        name
        for name, resource in parts.resources.items()
        if resource.condition is None or evaluator.condition(resource.condition, f"the Condition of resource {name}")
    }
    graph.check_conditional_references(parts, [*parts.parameters, *pseudo], present, _decide(evaluator))
    needs = graph.dependencies(parts, present, _decide(evaluator))
    secret = [parameter for parameter in revision.parameters if parameter.no_echo]
    masked = evaluator
    if secret:
        masked = Evaluator(_scope(parts, revision.parameters, pseudo, revision.extensions, masked=True))
        masked._conditions = evaluator._conditions
    return Definition(parts, evaluator, masked, present, needs, not secret)


def _scope(
    parts: Template,
    parameters: list[Parameter],
    pseudo: dict[str, str | list[str]],
    extensions: bool,
    *,
    masked: bool = False,
) -> Scope:
    values = {parameter.name: "****" if masked and parameter.no_echo else parameter.effective for parameter in parameters}
    return Scope({**values, **pseudo}, parts.mappings, parts.conditions, extensions)


def _decide(evaluator: Evaluator) -> Any:
    return lambda name: evaluator.condition(name, "Fn::If")


class StackLookup:
    """Answers an evaluation from a stack's resources as they are. Only within its transaction."""

    def __init__(self, tx: Tx, stack: Stack) -> None:
        self.tx = tx
        self.stack = stack
        self.imported: set[str] = set()

    def ref(self, logical_id: str) -> Any:
        return self._row(logical_id).physical_id

    def attribute(self, logical_id: str, attribute: str) -> Any:
        row = self._row(logical_id)
        return attribute_of(row.type, logical_id, row.attributes, attribute)

    def export(self, name: str) -> Any:
        found = self.tx.get(Export, self.stack.account, self.stack.region, name)
        if found is None:
            raise validation(f"No export named {name} found")
        self.imported.add(name)
        return found.value

    def _row(self, logical_id: str) -> Row:
        row = self.tx.get(Row, self.stack.uuid, logical_id)
        if row is None or not row.physical_id:
            raise validation(f"Unresolved resource dependencies [{logical_id}] in the Resources block of the template")
        return row


def attribute_of(kind: str, logical_id: str, attributes: dict[str, Any], name: str) -> Any:
    """An attribute, by its whole name or by the path that its dots spell."""
    if name in attributes:
        return attributes[name]
    value: Any = attributes
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise validation(f"Resource type {kind} does not support attribute {{{name}}}")
        value = value[part]
    return value
