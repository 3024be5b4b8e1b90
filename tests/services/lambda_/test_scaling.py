"""The rules of scaling, and the examples that AWS published for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.lambda_ import scaling
from fogbank.services.lambda_.admission import Admission
from fogbank.services.lambda_.scaling import Demand, Place, Refused, Region
from fogbank.work import SimulatedClock

# "Operating Lambda: Application design - Scaling and concurrency: Part 2", 10,000 requests against an account limit of
# 10,000. In each case all requests of a minute arrive together.


@dataclass(frozen=True, slots=True)
class Minute:
    """What became of the requests of one minute."""

    new: int
    """Handled by new environments."""
    warm: int
    """Handled by environments that a minute before had started."""
    provisioned: int
    throttled: int


def simulate(arrivals: Sequence[int], *, provisioned: int = 0) -> list[Minute]:
    """`arrivals[minute]` requests, each done within its minute, ask the cloud's own admission for one version."""
    return asyncio.run(_simulated(arrivals, Demand("1", provisioned, None, 10_000 - provisioned, 3000, account=10_000)))


async def _simulated(arrivals: Sequence[int], demand: Demand) -> list[Minute]:
    admission, clock, told, standing = Admission(), SimulatedClock(), [], 0
    for count in arrivals:
        places = []
        for _ in range(count):
            try:
                places.append(admission.enter("1", "r", "f", demand, clock.now()))
            except AwsError as error:
                assert (error.code, error.members["Reason"]) == ("TooManyRequestsException", scaling.SHARED)
        ready = sum(place.provisioned for place in places)
        assert ready == sum(not place.spilled for place in places) or not demand.provisioned
        warm = min(standing, len(places) - ready)
        new = len(places) - ready - warm
        standing += new
        told.append(Minute(new, warm, ready, count - len(places)))
        await clock.advance(60.0)
        for place in places:
            admission.leave("1", "r", place)
    return told


def test_all_requests_at_once() -> None:
    assert simulate([10_000]) == [Minute(new=3000, warm=0, provisioned=0, throttled=7000)]


def test_requests_over_two_minutes() -> None:
    assert simulate([5000, 5000]) == [
        Minute(new=3000, warm=0, provisioned=0, throttled=2000),
        Minute(new=500, warm=3000, provisioned=0, throttled=1500),
    ]


def test_requests_over_three_minutes() -> None:
    """The post makes 500 environments in the second minute; as they are made on demand, 333 are needed, and a last one."""
    assert simulate([3333, 3333, 3334]) == [
        Minute(new=3000, warm=0, provisioned=0, throttled=333),
        Minute(new=333, warm=3000, provisioned=0, throttled=0),
        Minute(new=1, warm=3333, provisioned=0, throttled=0),
    ]


def test_requests_over_four_minutes() -> None:
    warm = Minute(new=0, warm=2500, provisioned=0, throttled=0)
    assert simulate([2500] * 4) == [Minute(new=2500, warm=0, provisioned=0, throttled=0), warm, warm, warm]


def test_provisioned_concurrency_of_7000() -> None:
    assert simulate([10_000], provisioned=7000) == [Minute(new=3000, warm=0, provisioned=7000, throttled=0)]
    for arrivals in ([5000, 5000], [3333, 3333, 3334], [2500] * 4):
        minutes = simulate(arrivals, provisioned=7000)
        assert minutes == [Minute(new=0, warm=0, provisioned=count, throttled=0) for count in arrivals]


def admitted(region: Region, function: str, demand: Demand, count: int, now: float) -> int:
    """How many of `count` invocations get a place."""
    return sum(isinstance(ask(region, function, demand, now), Place) for _ in range(count))


def ask(region: Region, function: str, demand: Demand, now: float) -> Place | str:
    """A place, or the reason why there is none."""
    try:
        return region.admit(function, demand, now)
    except Refused as refusal:
        return refusal.reason


def test_today_a_function_grows_by_a_thousand_each_ten_seconds_whatever_others_do() -> None:
    region, demand = Region(), Demand("1", 0, None, 100_000, account=100_000)
    assert admitted(region, "one", demand, 3000, 0.0) == 1000
    assert admitted(region, "two", demand, 3000, 0.0) == 1000
    assert admitted(region, "one", demand, 3000, 5.0) == 500  # refilled continuously
    assert admitted(region, "one", demand, 3000, 10.0) == 500


def test_before_all_functions_shared_the_burst() -> None:
    region, demand = Region(), Demand("1", 0, None, 100_000, burst=3000, account=100_000)
    assert admitted(region, "one", demand, 2000, 0.0) == 2000
    assert admitted(region, "two", demand, 2000, 0.0) == 1000
    assert admitted(region, "two", demand, 2000, 60.0) == 500


def test_concurrency_reasons() -> None:
    region = Region()
    assert ask(region, "none", Demand("1", 0, 0, 1000, reserved_total=0), 0.0) == scaling.RESERVED
    few = Demand("1", 0, None, 2)
    assert [ask(region, "shared", few, 0.0) for _ in range(3)][2] == scaling.SHARED
    assert isinstance(ask(region, "other", Demand("1", 0, 1, 2, reserved_total=1), 0.0), Place)


def run_one_after_the_other(region: Region, demand: Demand, count: int, now: float) -> list[Place | str]:
    answers = []
    for _ in range(count):
        answers.append(ask(region, "quick", demand, now))
        if isinstance(answers[-1], Place):
            region.release(answers[-1])
    return answers


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        (Demand("1", 0, 1, 1000, reserved_total=1), scaling.RESERVED_RATE),
        (Demand("1", 0, None, 1, account=1), scaling.RATE),
    ],
)
def test_ten_requests_a_second_for_each_environment(demand: Demand, reason: str) -> None:
    region = Region()
    answers = run_one_after_the_other(region, demand, 12, 0.0)
    assert all(isinstance(answer, Place) for answer in answers[:10])
    assert answers[10:] == [reason] * 2
    assert len([a for a in run_one_after_the_other(region, demand, 5, 0.2) if isinstance(a, Place)]) == 2


def test_events_of_the_queue_are_bound_by_concurrency_alone() -> None:
    demand = Demand("1", 0, 1, 1000, reserved_total=1, synchronous=False)
    assert all(isinstance(answer, Place) for answer in run_one_after_the_other(Region(), demand, 50, 0.0))


def test_provisioned_environments_take_ten_requests_a_second_and_the_rest_spills_over() -> None:
    answers = run_one_after_the_other(Region(), Demand("1", 1, None, 100), 12, 0.0)
    assert [isinstance(a, Place) and (a.provisioned, a.spilled) for a in answers] == [(True, False)] * 10 + [(False, True)] * 2


def test_provisioned_environments_leave_what_is_reserved_beside_them() -> None:
    """With all of the reservation provisioned for a version, nothing is left for `$LATEST`."""
    region = Region()
    version = Demand("1", 1, 0, 1000, reserved_total=1)
    latest = Demand("$LATEST", 0, 0, 1000, reserved_total=1)
    assert ask(region, "f", latest, 0.0) == scaling.RESERVED
    assert ask(region, "f", version, 0.0) == Place("f", "1", provisioned=True)
    assert ask(region, "f", version, 0.0) == scaling.RESERVED  # no spillover beyond the reservation
    spilling = Demand("1", 1, None, 5)
    assert admitted(region, "g", spilling, 7, 0.0) == 6
    assert ask(region, "g", spilling, 0.0) == scaling.SHARED


def test_a_place_is_given_back_as_it_was_taken_whatever_was_set_meanwhile() -> None:
    region = Region()
    place = ask(region, "f", Demand("1", 0, None, 1), 0.0)
    assert isinstance(place, Place)
    assert isinstance(ask(region, "f", Demand("1", 0, 5, 1, reserved_total=5), 0.0), Place)
    region.release(place)
    assert (region.shared_busy, region.functions["f"].busy) == (0, 1)


def test_functions_that_nobody_invokes_are_forgotten() -> None:
    region, demand = Region(), Demand("1", 1, None, 5)
    for name in "abc":
        place = region.admit(name, demand, 0.0)
        if name != "b":
            region.release(place)
    region.admit("c", demand, 500.0)
    region.sweep(700.0)
    assert set(region.functions) == {"b", "c"}
    assert {name for name, _ in region.rates} == {"b", "c"}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.floats(0, 30)), max_size=200),
    st.integers(0, 5), st.integers(0, 5),
)  # fmt: skip
def test_never_more_at_once_than_the_limit(steps: list[tuple[str, bool, float]], shared: int, provisioned: int) -> None:
    region, now = Region(), 0.0
    demand = Demand("1", provisioned, None, shared)
    running: list[Place] = []
    for function, begins, wait in steps:
        now += wait
        if begins:
            place = ask(region, function, demand, now)
            running += [place] if isinstance(place, Place) else []
        elif running:
            region.release(running.pop(0))
        assert region.shared_busy == sum(not place.provisioned for place in running) <= shared
        assert all(u.provisioned["1"] <= provisioned for u in region.functions.values())
        assert all(u.busy <= u.standing for u in region.functions.values())
