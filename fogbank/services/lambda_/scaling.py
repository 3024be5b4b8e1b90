"""How many invocations may run, and how fast their number may grow: Lambda's rules, without a clock of their own.

Now, every function adds up to 1,000 execution environments each 10 seconds. Before November 2023 the functions of an
account and Region shared a burst of 500 to 3,000 environments and 500 more each minute after it.
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
SHARED = "ConcurrentInvocationLimitExceeded"
RATE = "FunctionInvocationRateLimitExceeded"
RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"

CURRENT_BURST = 1000
"""The value of the burst quota that stands for today's rule."""
REQUESTS_PER_ENVIRONMENT = 10
"""A second: ten times its concurrency is what a function may be asked."""
FORGOTTEN_AFTER = 600.0
"""Seconds without use until an environment counts as gone."""


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time, `rate` a second, up to `size`."""

    size: float
    rate: float
    tokens: float
    at: float

    @classmethod
    def full(cls, size: float, rate: float, now: float) -> Bucket:
        return cls(size, rate, size, now)

    def left(self, now: float) -> float:
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now
        return self.tokens

    def take(self, now: float) -> bool:
        if self.left(now) < 1.0:
            return False
        self.tokens -= 1.0
        return True


def growth(burst: int, now: float) -> Bucket:
    """The environments that may be added, for a burst quota: of a function (today's rule) or of all of an account's."""
    return Bucket.full(burst, burst / 10 if burst == CURRENT_BURST else 500 / 60, now)


@dataclass(slots=True)
class Usage:
    """A function's environments on demand: how many stand, how many of them are busy."""

    busy: int = 0
    standing: int = 0
    used: float = 0.0
    """When as many as stand were last busy."""
    provisioned: dict[str, int] = field(default_factory=dict)
    """Busy environments of provisioned concurrency, by version."""

    def settle(self, now: float) -> None:
        if self.standing > self.busy and now - self.used > FORGOTTEN_AFTER:
            self.standing, self.used = self.busy, now


@dataclass(frozen=True, slots=True)
class Demand:
    """What an invocation of one version may use, as its account has it now."""

    version: str
    provisioned: int
    """Environments provisioned for this version."""
    reserved: int | None
    """The function's reserved concurrency, less all that its versions have provisioned."""
    shared: int
    """What functions without a reservation share on demand."""
    burst: int = CURRENT_BURST
    reserved_total: int | None = None
    """The whole reservation, which bounds the rate of requests."""
    account: int = 1000


@dataclass(slots=True)
class Region:
    """The invocations of one account in one Region."""

    shared_busy: int = 0
    functions: dict[str, Usage] = field(default_factory=dict)
    growth: dict[str, Bucket] = field(default_factory=dict)
    """By function; of the older rule, one for all under an empty name."""
    rates: dict[str, Bucket] = field(default_factory=dict)

    def admit(self, function: str, demand: Demand, now: float) -> str:
        """Takes a place for one invocation; returns nothing, or the reason why there is none."""
        usage = self.functions.setdefault(function, Usage())
        if not self._rate(function, demand, now):
            return RATE if demand.reserved is None else RESERVED_RATE
        if usage.provisioned.get(demand.version, 0) < demand.provisioned:
            usage.provisioned[demand.version] = usage.provisioned.get(demand.version, 0) + 1
            return ""
        if demand.reserved is not None and usage.busy >= demand.reserved:
            return RESERVED
        if demand.reserved is None and self.shared_busy >= demand.shared:
            return SHARED
        usage.settle(now)
        if usage.busy >= usage.standing:
            if not self._bucket(function, demand.burst, now).take(now):
                return SHARED if demand.reserved is None else RESERVED
            usage.standing += 1
        usage.busy += 1
        if usage.busy == usage.standing:
            usage.used = now
        if demand.reserved is None:
            self.shared_busy += 1
        return ""

    def release(self, function: str, demand: Demand, *, provisioned: bool) -> None:
        usage = self.functions[function]
        if provisioned:
            usage.provisioned[demand.version] -= 1
            return
        usage.busy -= 1
        if demand.reserved is None:
            self.shared_busy -= 1

    def _bucket(self, function: str, burst: int, now: float) -> Bucket:
        key = function if burst == CURRENT_BURST else ""
        found = self.growth.get(key)
        if found is None or found.size != burst:
            found = self.growth[key] = growth(burst, now)
        return found

    def _rate(self, function: str, demand: Demand, now: float) -> bool:
        """Ten requests a second for each environment that the function may have; zero is told as no concurrency."""
        most = demand.account if demand.reserved_total is None else demand.reserved_total
        if most == 0:
            return True
        size = float(most * REQUESTS_PER_ENVIRONMENT)
        bucket = self.rates.get(function)
        if bucket is None or bucket.size != size:
            bucket = self.rates[function] = Bucket.full(size, size, now)
        return bucket.take(now)


# --- a simulation


@dataclass(frozen=True, slots=True)
class Minute:
    """What became of the requests of one minute, which all arrive at its beginning."""

    new: int
    """Handled by new environments."""
    warm: int
    """Handled by environments that a minute before had started."""
    provisioned: int
    throttled: int


def simulate(arrivals: Sequence[int], *, account: int = 10_000, burst: int = 3000, provisioned: int = 0) -> list[Minute]:
    """Runs `arrivals[minute]` requests, each done within its minute, against one version of one function."""
    region, told = Region(), []
    demand = Demand("1", provisioned, None, account - provisioned, burst, account=account)
    for minute, count in enumerate(arrivals):
        now = 60.0 * minute
        usage = region.functions.setdefault("function", Usage())
        standing = usage.standing
        throttled = sum(bool(region.admit("function", demand, now)) for _ in range(count))
        ready, busy = usage.provisioned.get("1", 0), usage.busy
        new = usage.standing - standing
        told.append(Minute(new, busy - new, ready, throttled))
        for _ in range(ready):
            region.release("function", demand, provisioned=True)
        for _ in range(busy):
            region.release("function", demand, provisioned=False)
    return told
