"""Exports and imports between stacks of one account and region.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation.definition import Definition, StackLookup
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.graph import calls
from fogbank.services.cloudformation.records import Export, Import, Stack


def replace(ctx: Context, stack: Stack, definition: Definition) -> None:
    """Makes the stack's exports and imports what its new outputs and template say. Raises AwsError(`ValidationError`)."""
    wanted = {output["ExportName"]: output["OutputValue"] for output in stack.outputs if "ExportName" in output}
    for old in list(ctx.tx.find(Export, "stack", stack.uuid)):
        users = importers(ctx, old.name)
        if old.name not in wanted:
            if users:
                raise validation(f"Export {old.name} cannot be deleted as it is in use by {' and '.join(users)}")
            ctx.tx.delete(Export, stack.account, stack.region, old.name)
        elif wanted[old.name] != old.value and users:
            raise validation(f"Export {old.name} cannot be updated as it is in use by {' and '.join(users)}")
    for name, value in wanted.items():
        other = ctx.tx.get(Export, stack.account, stack.region, name)
        if other is not None and other.stack != stack.uuid:
            owner = other.stack_id.split("/")[1]
            raise validation(f"Export with name {name} is already exported by stack {owner}")
        ctx.tx.put(
            Export(account=stack.account, region=stack.region, name=name, value=value, stack=stack.uuid, stack_id=stack.id)
        )
    _drop_imports(ctx, stack)
    for name in _imported(ctx, stack, definition):
        ctx.tx.put(Import(account=stack.account, region=stack.region, export=name, stack=stack.uuid, stack_name=stack.name))


def forget(ctx: Context, stack: Stack) -> None:
    """The stack is gone, and with it what it exported and imported."""
    for export in list(ctx.tx.find(Export, "stack", stack.uuid)):
        ctx.tx.delete(Export, stack.account, stack.region, export.name)
    _drop_imports(ctx, stack)


def in_use(ctx: Context, stack: Stack) -> str | None:
    """Why the stack cannot be deleted, or None."""
    for export in ctx.tx.find(Export, "stack", stack.uuid):
        users = [name for name in importers(ctx, export.name) if name != stack.name]
        if users:
            return f"Export {export.name} cannot be deleted as it is in use by {' and '.join(users)}"
    return None


def importers(ctx: Context, name: str) -> list[str]:
    """The names of the stacks that import an export."""
    return [row.stack_name for row in ctx.tx.scan(Import, ctx.account, ctx.region, name)]


def check_imports(ctx: Context, stack: Stack, definition: Definition) -> None:
    """Raises AwsError(`ValidationError`) for an import of what nobody exports."""
    for _ in _imported(ctx, stack, definition):
        pass


def _imported(ctx: Context, stack: Stack, definition: Definition) -> Iterator[str]:
    """The exports that the resources and outputs of a template name."""
    lookup = StackLookup(ctx.tx, stack)
    evaluator = definition.evaluator.with_lookup(lookup)
    parts: list[Any] = [definition.template.resources[name].properties for name in definition.present]
    for output in definition.template.outputs.values():
        if output.get("Condition") is None or evaluator.condition(output["Condition"]):
            parts.append(output["Value"])
    for call in calls(parts, "Fn::ImportValue", evaluator.condition):
        evaluator.value(call)
    yield from sorted(lookup.imported)


def _drop_imports(ctx: Context, stack: Stack) -> None:
    for row in list(ctx.tx.find(Import, "stack", stack.uuid)):
        ctx.tx.delete(Import, stack.account, stack.region, row.export, stack.uuid)
