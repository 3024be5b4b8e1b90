"""The errors that CloudFormation answers, most of them under the one code `ValidationError`."""

from __future__ import annotations

from fogbank.kit.errors import AwsError


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message, status=400)


def format_error(message: str) -> AwsError:
    """What is wrong with a template as a document."""
    return validation(f"Template format error: {message}")


def template_error(message: str) -> AwsError:
    """What is wrong with a template as a program: its functions, conditions and mappings."""
    return validation(f"Template error: {message}")


def no_stack(name: str) -> AwsError:
    return validation(f"Stack with id {name} does not exist")


def no_change_set(name: str) -> AwsError:
    return AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)


def lacks_capabilities(needed: list[str]) -> AwsError:
    return AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(needed)}]", status=400)
