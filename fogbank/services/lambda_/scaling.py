"""How many invocations may run, and how fast their number may grow: Lambda's rules, without a clock of their own.

Now, every function adds up to 1,000 execution environments each 10 seconds. Before November 2023 the functions of an
account and Region shared a burst of 500 to 3,000 environments and 500 more each minute after it.
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
"""

from __future__ import annotations

from collections import Counter
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
    asked: float = 0.0
    """When the function was last invoked."""
    provisioned: Counter[str] = field(default_factory=Counter)
    """Busy environments of provisioned concurrency, by version."""

    def settle(self, now: float) -> None:
        if self.standing > self.busy and now - self.used > FORGOTTEN_AFTER:
            self.standing, self.used = self.busy, now


@dataclass(frozen=True, slots=True)
class Demand:
    """What an invocation of one version may use, as its account has it now."""

    version: str
    provisioned: int
    """Environments that stand provisioned for this version."""
    reserved: int | None
    """The function's reserved concurrency, less all that its versions have provisioned."""
    shared: int
    """What functions without a reservation share on demand."""
    burst: int = CURRENT_BURST
    reserved_total: int | None = None
    """The whole reservation, which bounds the rate of requests."""
    account: int = 1000
    synchronous: bool = True
    """Events from the asynchronous queue are bound by concurrency alone, not by a rate."""


class Refused(Exception):
    """There is no place. `reason` is what TooManyRequestsException tells as `Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """What an invocation holds until it is over. It keeps how it was taken: settings may change meanwhile."""

    function: str
    version: str
    provisioned: bool
    shared: bool = False
    """Of the concurrency that functions without a reservation share."""
    spilled: bool = False
    """The version has provisioned environments, and none was free."""


@dataclass(slots=True)
class Region:
    """The invocations of one account in one Region."""

    shared_busy: int = 0
    functions: dict[str, Usage] = field(default_factory=dict)
    growth: dict[str, Bucket] = field(default_factory=dict)
    """By function; of the older rule, one for all under an empty name."""
    rates: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    """By function, and by version for what the rate of its provisioned environments is."""
    swept: float = 0.0

    def admit(self, function: str, demand: Demand, now: float) -> Place:
        """Takes a place for one invocation. Raises Refused."""
        usage = self.functions.setdefault(function, Usage())
        usage.asked = now
        if demand.synchronous and not self._rate(function, "", demand.account, demand.reserved_total, now):
            raise Refused(RATE if demand.reserved_total is None else RESERVED_RATE)
        if self._has_provisioned(function, usage, demand, now):
            usage.provisioned[demand.version] += 1
            return Place(function, demand.version, provisioned=True)
        shared = demand.reserved is None
        if demand.reserved is not None and usage.busy >= demand.reserved:
            raise Refused(RESERVED)
        if shared and self.shared_busy >= demand.shared:
            raise Refused(SHARED)
        usage.settle(now)
        if usage.busy >= usage.standing:
            if not self._bucket(function, demand.burst, now).take(now):
                raise Refused(SHARED if shared else RESERVED)
            usage.standing += 1
        usage.busy += 1
        if usage.busy == usage.standing:
            usage.used = now
        self.shared_busy += shared
        return Place(function, demand.version, provisioned=False, shared=shared, spilled=demand.provisioned > 0)

    def release(self, place: Place) -> None:
        usage = self.functions[place.function]
        if place.provisioned:
            usage.provisioned[place.version] -= 1
            return
        usage.busy -= 1
        self.shared_busy -= place.shared

    def sweep(self, now: float) -> None:
        """Forgets functions that nobody invokes any more; at most once in a while."""
        if now - self.swept < FORGOTTEN_AFTER:
            return
        self.swept = now
        for function in [name for name, usage in self.functions.items() if self._is_over(usage, now)]:
            del self.functions[function]
            self.growth.pop(function, None)
        self.rates = {key: bucket for key, bucket in self.rates.items() if key[0] in self.functions}

    @staticmethod
    def _is_over(usage: Usage, now: float) -> bool:
        return not usage.busy and not usage.provisioned.total() and now - usage.asked > FORGOTTEN_AFTER

    def _has_provisioned(self, function: str, usage: Usage, demand: Demand, now: float) -> bool:
        if usage.provisioned[demand.version] >= demand.provisioned:
            return False
        return not demand.synchronous or self._rate(function, demand.version, demand.provisioned, None, now)

    def _bucket(self, function: str, burst: int, now: float) -> Bucket:
        key = function if burst == CURRENT_BURST else ""
        found = self.growth.get(key)
        if found is None or found.size != burst:
            found = self.growth[key] = growth(burst, now)
        return found

    def _rate(self, function: str, version: str, account: int, reserved: int | None, now: float) -> bool:
        """Ten requests a second for each environment that there may be; zero is told as no concurrency."""
        most = account if reserved is None else reserved
        if most == 0:
            return True
        size = float(most * REQUESTS_PER_ENVIRONMENT)
        bucket = self.rates.get((function, version))
        if bucket is None or bucket.size != size:
            bucket = self.rates[(function, version)] = Bucket.full(size, size, now)
        return bucket.take(now)
