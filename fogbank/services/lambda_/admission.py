"""Who may run: each invocation asks for a place by the rules of `scaling`, and holds it until it is over.

Counts are kept in memory alone: when the process ends, so do the invocations that they count.
"""

from __future__ import annotations

from typing import NamedTuple

from fogbank.api import AwsError, Context
from fogbank.services.lambda_ import concurrency, limits
from fogbank.services.lambda_.lookup import Found
from fogbank.services.lambda_.records import Alias, Provisioned
from fogbank.services.lambda_.scaling import Demand, Place, Refused, Region


class Shares(NamedTuple):
    """What the functions of an account and Region share, and under which rule their number grows."""

    account: int
    unreserved: int
    burst: int


class Admission:
    def __init__(self) -> None:
        self._regions: dict[tuple[str, str], Region] = {}
        self._shares: dict[tuple[str, str], tuple[tuple[int, ...], Shares]] = {}

    def enter(self, account: str, region: str, function: str, demand: Demand, now: float) -> Place:
        """Takes a place, which `leave` gives back. Raises TooManyRequestsException."""
        counts = self._regions.setdefault((account, region), Region())
        counts.sweep(now)
        try:
            return counts.admit(function, demand, now)
        except Refused as refusal:
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", Reason=refusal.reason, Type="User") from None

    def busy(self, account: str, region: str, function: str) -> tuple[int, int, int]:
        """Invocations that run: of a function, of all functions, of those without a reservation."""
        counts = self._regions[account, region]
        usage = counts.functions[function]
        provisioned = sum(one.provisioned.total() for one in counts.functions.values())
        everything = sum(one.busy for one in counts.functions.values()) + provisioned
        return usage.busy + usage.provisioned.total(), everything, counts.shared_busy

    def leave(self, account: str, region: str, place: Place) -> None:
        self._regions[account, region].release(place)

    def shares(self, ctx: Context) -> Shares:
        """Counted anew only where a function, a reservation or a quota has changed."""
        generation = ctx.cloud.store.generation
        state = (generation("lambda.function"), generation("lambda.provisioned"), generation("quotas."))
        known = self._shares.get((ctx.account, ctx.region))
        if known is not None and known[0] == state:
            return known[1]
        shares = Shares(limits.concurrency(ctx), concurrency.unreserved(ctx), limits.burst(ctx))
        self._shares[ctx.account, ctx.region] = (state, shares)
        return shares

    async def stop(self) -> None:
        self._regions.clear()


def demand(ctx: Context, found: Found) -> Demand:
    """What an invocation of this version may use now."""
    scope, function = ctx.acting(account=found.name.account, region=found.name.region), found.function
    shares = scope.component(Admission).shares(scope)
    reserved = function.reserved_concurrency
    return Demand(
        version=found.version,
        provisioned=_standing(ctx, found),
        reserved=None if reserved is None else max(0, reserved - concurrency.provisioned(ctx, function)),
        shared=shares.unreserved,
        burst=shares.burst,
        reserved_total=reserved,
        account=shares.account,
    )


def _standing(ctx: Context, found: Found) -> int:
    """The provisioned environments of a version: its own, or those of an alias that points at it."""
    scope, count = (found.name.account, found.name.region, found.name.name), 0
    for config in ctx.tx.scan(Provisioned, *scope):
        version = config.qualifier
        if not version.isdecimal():
            alias = ctx.tx.get(Alias, *scope, version)
            version = alias.version if alias else ""
        count += config.allocated if version == found.version else 0
    return count
