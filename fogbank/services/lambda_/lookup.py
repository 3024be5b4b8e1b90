"""Finding what a qualifier names: `$LATEST`, a version, an alias with its weights."""

from __future__ import annotations

import re
from typing import NamedTuple

from fogbank.api import Context
from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Alias, Function, Settings, Version

LATEST = "$LATEST"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Found(NamedTuple):
    """A function's settings as of one version."""

    name: FunctionName
    """With the qualifier as it was asked."""
    function: Function
    version: str
    """A number, or `$LATEST`."""
    settings: Settings
    revision: str
    modified: float


def is_version(qualifier: str) -> bool:
    return bool(_NUMBER.fullmatch(qualifier))


def function(ctx: Context, name: FunctionName) -> Function:
    """The function itself. Raises ResourceNotFoundException, naming the ARN as it was asked."""
    found = ctx.tx.get(Function, name.account, name.region, name.name)
    if found is None:
        raise errors.function_not_found(name)
    return found


def version(ctx: Context, name: FunctionName, *, choose: bool = False, named: bool = False) -> Found:
    """What `name` refers to. With `choose`, an alias that shifts traffic picks one of its two versions by chance.

    Raises ResourceNotFoundException; with `named`, a missing alias is called an alias.
    """
    target = function(ctx, name)
    if name.qualifier in ("", LATEST):
        return Found(name, target, LATEST, target.settings, target.revision, target.modified)
    number = name.qualifier
    if not is_version(number):
        number = _aliased(ctx, name, choose, named)
        if number == LATEST:
            return Found(name, target, LATEST, target.settings, target.revision, target.modified)
    published = ctx.tx.get(Version, name.account, name.region, name.name, int(number))
    if published is None:
        raise errors.function_not_found(name)
    return Found(name, target, number, published.settings, published.revision, published.modified)


def alias(ctx: Context, name: FunctionName) -> Alias:
    found = ctx.tx.get(Alias, name.account, name.region, name.name, name.qualifier)
    if found is None:
        raise errors.alias_not_found(name)
    return found


def _aliased(ctx: Context, name: FunctionName, choose: bool, named: bool) -> str:
    found = ctx.tx.get(Alias, name.account, name.region, name.name, name.qualifier)
    if found is None:
        raise errors.alias_not_found(name) if named and could_be_alias(name.qualifier) else errors.function_not_found(name)
    if choose:
        for shifted, weight in found.weights.items():
            if ctx.random.random() < weight:
                return shifted
    return found.version


def could_be_alias(qualifier: str) -> bool:
    return bool(qualifier) and "$" not in qualifier and not is_version(qualifier)
