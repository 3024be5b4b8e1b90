"""What a template's parts refer to, what that leaves unresolved, and the order it gives.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html (circular dependencies)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fogbank.services.cloudformation import functions
from fogbank.services.cloudformation.errors import format_error, template_error, validation
from fogbank.services.cloudformation.functions import is_function, sub_parts
from fogbank.services.cloudformation.template import Template


class Reference(NamedTuple):
    """`name` is a resource or parameter; `attribute` is None for `Ref`."""

    name: str
    attribute: str | None
    function: str


def calls(node: Any, wanted: str, decide: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Every call of one function within a value, in the branches of `Fn::If` that are taken."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            name = is_function(item)
            if name == wanted:
                yield item
            elif name == "Fn::If" and isinstance(item[name], list) and len(item[name]) == 3:
                stack.append(item[name][1] if decide(item[name][0]) else item[name][2])
            else:
                stack.extend(reversed(item.values()))


def references(node: Any, decide: Callable[[str], bool] | None = None) -> Iterator[Reference]:
    """Every reference within a value. With `decide`, only those in the branches of `Fn::If` that are taken."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            name = is_function(item)
            argument = item[name] if name else None
            if name == "Ref":
                if isinstance(argument, str):
                    yield Reference(argument, None, "Ref")
                else:
                    stack.append(argument)
            elif name == "Fn::GetAtt":
                resource, attribute = functions.get_att_parts(argument)
                if isinstance(resource, str):
                    yield Reference(resource, attribute if isinstance(attribute, str) else "", "Fn::GetAtt")
                stack.extend((resource, attribute))
            elif name == "Fn::Sub":
                yield from _of_sub(argument)
                stack.append(functions.sub_arguments(argument)[1])
            elif name == "Fn::If" and decide and isinstance(argument, list) and len(argument) == 3:
                if not isinstance(argument[0], str):
                    raise template_error(functions.IF)
                stack.append(argument[1] if decide(argument[0]) else argument[2])
            else:
                stack.extend(reversed(item.values()))


def _of_sub(argument: Any) -> Iterator[Reference]:
    template, variables = functions.sub_arguments(argument)
    if not isinstance(template, str):
        return
    for _, name in sub_parts(template):
        if name is not None and name not in variables:
            resource, dot, attribute = name.partition(".")
            yield Reference(resource, attribute if dot else None, "Fn::Sub")


def check_references(template: Template, known_parameters: Iterable[str]) -> None:
    """Refuses references to what the template does not have. Raises AwsError(`ValidationError`)."""
    parameters = set(known_parameters)
    for block, parts in (("Resources", _resource_parts(template)), ("Outputs", template.outputs)):
        missing: list[str] = []
        for name, part in parts.items():
            for reference in references(part):
                if reference.name in template.resources or reference.name in parameters:
                    continue
                if reference.name == "AWS::NoValue":
                    continue
                if reference.function == "Fn::GetAtt":
                    raise template_error(f"instance of Fn::GetAtt references undefined resource {reference.name}")
                if reference.name not in missing:
                    missing.append(reference.name)
            for dependency in template.resources[name].depends_on if block == "Resources" else ():
                if dependency not in template.resources and dependency not in missing:
                    missing.append(dependency)
        if missing:
            names = ", ".join(missing)
            raise format_error(f"Unresolved resource dependencies [{names}] in the {block} block of the template")


def check_conditional_references(
    template: Template, parameters: Iterable[str], present: set[str], decide: Callable[[str], bool]
) -> None:
    """Refuses references, in what will be made, to resources whose condition is false."""
    known = {*parameters, *present, "AWS::NoValue"}
    missing: list[str] = []
    for name in present:
        for reference in references(template.resources[name].properties, decide):
            if reference.name not in known and reference.name not in missing:
                missing.append(reference.name)
    if missing:
        names = ", ".join(missing)
        raise format_error(f"Unresolved resource dependencies [{names}] in the Resources block of the template")
    for output in template.outputs.values():
        if output.get("Condition") is not None and not decide(output["Condition"]):
            continue
        for reference in references({"V": output.get("Value"), "E": output.get("Export")}, decide):
            if reference.name not in known and reference.name not in missing:
                missing.append(reference.name)
    if missing:
        raise validation(f"Unresolved resource dependencies [{', '.join(missing)}] in the Outputs block of the template")


def _resource_parts(template: Template) -> Mapping[str, Any]:
    return {name: [r.properties, r.metadata] for name, r in template.resources.items()}


def dependencies(template: Template, present: set[str], decide: Callable[[str], bool] | None = None) -> dict[str, list[str]]:
    """For each resource that will be there, those it must come after, in the template's order.

    Raises AwsError(`ValidationError`) where they go in a circle.
    """
    graph: dict[str, list[str]] = {}
    for name, resource in template.resources.items():
        if name not in present:
            continue
        needed = dict.fromkeys(reference.name for reference in references(resource.properties, decide))
        needed.update(dict.fromkeys(resource.depends_on))
        graph[name] = [other for other in needed if other in present]
    circle = circular(graph)
    if circle:
        raise validation(f"Circular dependency between resources: [{', '.join(circle)}]")
    return graph


def circular(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The nodes that are in a circle or behind one, in the graph's order; empty where there is none."""
    order = set(ordered(graph))
    left = {node for node in graph if node not in order}
    # What only hangs on a circle, and leads nowhere, is not part of it.
    changed = True
    while changed:
        users = {other for node in left for other in graph[node]}
        idle = left - users
        changed = bool(idle)
        left -= idle
    return [node for node in graph if node in left]


def ordered(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The nodes, each after those it depends on; those in a circle are left out."""
    waiting = {node: {other for other in needed if other in graph} for node, needed in graph.items()}
    users: dict[str, list[str]] = {node: [] for node in graph}
    for node, needed in waiting.items():
        for other in needed:
            users[other].append(node)
    ready = [node for node, needed in waiting.items() if not needed]
    out: list[str] = []
    while ready:
        following: list[str] = []
        for node in ready:
            out.append(node)
            for user in users[node]:
                waiting[user].discard(node)
                if not waiting[user]:
                    following.append(user)
        ready = following
    return out
