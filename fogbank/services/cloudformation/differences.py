"""How a prepared revision differs from a stack as it is: the changes of a change set, or that there are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.cloudformation import dynamic, graph, resolving, types
from fogbank.services.cloudformation.changes import Before, Change, add, is_unknown, modify, remove
from fogbank.services.cloudformation.definition import Definition, attribute_of
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.functions import UNKNOWN
from fogbank.services.cloudformation.graph import Reference
from fogbank.services.cloudformation.prepare import Prepared
from fogbank.services.cloudformation.records import Export, Resource, Revision, Stack
from fogbank.store import Tx


class ChangeLookup:
    """Answers an evaluation as far as can be told before an execution."""

    def __init__(self, tx: Tx, stack: Stack, rows: dict[str, Resource]) -> None:
        self.tx = tx
        self.stack = stack
        self.rows = rows
        self.renewed: set[str] = set()
        """The resources that will be made, or made anew."""
        self.missing: dict[str, None] = {}
        """Exports that are not there."""

    def ref(self, logical_id: str) -> Any:
        row = self._known(logical_id)
        return row.physical_id if row else UNKNOWN

    def attribute(self, logical_id: str, attribute: str) -> Any:
        row = self._known(logical_id)
        if row is None:
            return UNKNOWN
        try:
            return attribute_of(row.type, logical_id, row.attributes, attribute)
        except AwsError:
            return UNKNOWN

    def export(self, name: str) -> Any:
        found = self.tx.get(Export, self.stack.account, self.stack.region, name)
        if found is None:
            self.missing[name] = None
            return UNKNOWN
        return found.value

    def _known(self, logical_id: str) -> Resource | None:
        row = self.rows.get(logical_id)
        return row if row is not None and row.physical_id and logical_id not in self.renewed else None


async def resolved(ctx: Context, prepared: Prepared) -> dict[str, str]:
    """What the template's plain SSM references read now, by their text."""
    if prepared.definition is None:
        return {}
    parts = [resource.properties for resource in prepared.definition.template.resources.values()]
    out = {}
    for reference in dynamic.references(parts):
        if reference.service == "ssm" and "${" not in reference.text:
            kept, _ = await resolving.resolve(ctx, "", {"Value": reference.text})
            out[reference.text] = kept["Value"]
    return out


def changes(
    ctx: Context, stack: Stack, prepared: Prepared, previous: Revision | None, plain: dict[str, str]
) -> tuple[list[Change], ChangeLookup]:
    """The changes that the revision would make to the stack, by logical id. Raises AwsError(`ValidationError`)."""
    definition = prepared.definition
    assert definition is not None
    rows = {row.logical_id: row for row in ctx.tx.scan(Resource, stack.uuid)} if previous else {}
    source = ChangeLookup(ctx.tx, stack, rows)
    _check_same_types(definition, rows)
    out: list[Change] = []
    retagged = previous is not None and previous.tags != prepared.revision.tags
    causes = _Causes(previous, prepared.revision, source)
    for name in graph.ordered(definition.needs):
        after = definition.after(name, source)
        after.properties = dynamic.substitute(after.properties, plain)
        row = rows.get(name)
        if row is None or not row.physical_id:
            source.renewed.add(name)
            out.append(add(name, after))
            continue
        kind = types.require(ctx, after.type)
        tags_changed = retagged and kind.properties is not None and "Tags" in kind.properties
        change = modify(name, _before(row), after, kind.create_only, causes, tags_changed=tags_changed)
        if change is not None:
            if change.replacement == "True":
                source.renewed.add(name)
            out.append(change)
    out += [remove(name, _before(row)) for name, row in rows.items() if name not in definition.present]
    return sorted(out, key=lambda change: change.logical_id), source


def differs(ctx: Context, stack: Stack, prepared: Prepared, previous: Revision, plain: dict[str, str]) -> bool:
    """Whether an update has anything to do."""
    found, source = changes(ctx, stack, prepared, previous, plain)
    return bool(found) or has_other_changes(stack, prepared, previous, source)


def has_other_changes(stack: Stack, prepared: Prepared, previous: Revision, source: ChangeLookup) -> bool:
    """Whether something else than resources changes: outputs, tags, where notifications go."""
    new = prepared.revision
    if new.tags != previous.tags or new.notification_arns != previous.notification_arns:
        return True
    if new.rollback_configuration != previous.rollback_configuration:
        return True
    assert prepared.definition is not None
    try:
        outputs = prepared.definition.outputs(source)
    except AwsError:
        return True
    return not is_unknown(outputs) and outputs != stack.outputs


class _Causes:
    """Why a property changes: what it refers to and what became of that."""

    def __init__(self, previous: Revision | None, new: Revision, source: ChangeLookup) -> None:
        old = {parameter.name: parameter for parameter in previous.parameters} if previous else {}
        self.parameters = {
            parameter.name
            for parameter in new.parameters
            if parameter.resolved is None
            and (parameter.name not in old or old[parameter.name].effective != parameter.effective)
        }
        self.source = source

    def __call__(self, reference: Reference) -> tuple[str, str] | None:
        if reference.name in self.parameters:
            return "ParameterReference", reference.name
        if reference.name in self.source.renewed:
            if reference.attribute is None:
                return "ResourceReference", reference.name
            return "ResourceAttribute", f"{reference.name}.{reference.attribute}"
        return None


def _check_same_types(definition: Definition, rows: dict[str, Resource]) -> None:
    changed = [
        name
        for name in definition.template.resources
        if name in definition.present
        and name in rows
        and rows[name].physical_id
        and rows[name].type != definition.template.resources[name].type
    ]
    if changed:
        raise validation(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(changed)}]"
        )


def _before(row: Resource) -> Before:
    return Before(row.type, row.physical_id, row.properties, row.metadata, row.deletion_policy, row.update_replace_policy)


def import_warning(changes: Iterable[Change], definition: Definition, source: ChangeLookup) -> str:
    """What a change set says of imports that nobody exports."""
    if not source.missing:
        return ""
    names = [
        change.logical_id
        for change in changes
        if change.after is not None
        and any(
            graph.calls(
                definition.template.resources[change.logical_id].properties,
                "Fn::ImportValue",
                definition.evaluator.condition,
            )
        )
    ]
    return (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed "
        f"for resource [{', '.join(names)}] because: No export named {next(iter(source.missing))}"
    )
