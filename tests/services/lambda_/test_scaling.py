"""The rules of scaling, and the examples that AWS published for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.lambda_ import scaling
from fogbank.services.lambda_.scaling import Demand, Minute, Region, simulate

# "Operating Lambda: Application design - Scaling and concurrency: Part 2", 10,000 requests against an account limit of
# 10,000. In each case all requests of a minute arrive together.


def test_all_requests_at_once() -> None:
    assert simulate([10_000]) == [Minute(new=3000, warm=0, provisioned=0, throttled=7000)]


def test_requests_over_two_minutes() -> None:
    assert simulate([5000, 5000]) == [
        Minute(new=3000, warm=0, provisioned=0, throttled=2000),
        Minute(new=500, warm=3000, provisioned=0, throttled=1500),
    ]


def test_requests_over_three_minutes() -> None:
    first, second, third = simulate([3333, 3333, 3334])
    assert first == Minute(new=3000, warm=0, provisioned=0, throttled=333)
    assert (second.throttled, second.warm) == (0, 3000)
    assert second.new <= 500
    assert (third.throttled, third.warm + third.new) == (0, 3334)


def test_requests_over_four_minutes() -> None:
    warm = Minute(new=0, warm=2500, provisioned=0, throttled=0)
    assert simulate([2500] * 4) == [Minute(new=2500, warm=0, provisioned=0, throttled=0), warm, warm, warm]


def test_provisioned_concurrency_of_7000() -> None:
    assert simulate([10_000], provisioned=7000) == [Minute(new=3000, warm=0, provisioned=7000, throttled=0)]
    for arrivals in ([5000, 5000], [3333, 3333, 3334], [2500] * 4):
        minutes = simulate(arrivals, provisioned=7000)
        assert minutes == [Minute(new=0, warm=0, provisioned=count, throttled=0) for count in arrivals]


def test_today_a_function_grows_by_a_thousand_each_ten_seconds_whatever_others_do() -> None:
    region, demand = Region(), Demand("1", 0, None, 100_000, account=100_000)
    assert sum(not region.admit("one", demand, 0.0) for _ in range(3000)) == 1000
    assert sum(not region.admit("two", demand, 0.0) for _ in range(3000)) == 1000
    assert sum(not region.admit("one", demand, 5.0) for _ in range(3000)) == 500  # refilled continuously
    assert sum(not region.admit("one", demand, 10.0) for _ in range(3000)) == 500


def test_before_all_functions_shared_the_burst() -> None:
    region, demand = Region(), Demand("1", 0, None, 100_000, burst=3000, account=100_000)
    assert sum(not region.admit("one", demand, 0.0) for _ in range(2000)) == 2000
    assert sum(not region.admit("two", demand, 0.0) for _ in range(2000)) == 1000
    assert sum(not region.admit("two", demand, 60.0) for _ in range(2000)) == 500


def test_reasons() -> None:
    region = Region()
    assert region.admit("none", Demand("1", 0, 0, 1000, reserved_total=0), 0.0) == scaling.RESERVED
    few = Demand("1", 0, None, 2)
    assert [region.admit("shared", few, 0.0) for _ in range(3)] == ["", "", scaling.SHARED]
    quick = Demand("1", 0, 1, 1000, reserved_total=1)
    reasons = []
    for _ in range(12):
        reasons.append(region.admit("quick", quick, 0.0))
        if not reasons[-1]:
            region.release("quick", quick, provisioned=False)
    assert reasons == [""] * 10 + [scaling.RESERVED_RATE] * 2
    assert region.admit("quick", quick, 0.2) == ""


def test_provisioned_environments_leave_what_is_reserved_beside_them() -> None:
    """With all of the reservation provisioned for a version, nothing is left for `$LATEST`."""
    region = Region()
    version = Demand("1", 1, 0, 1000, reserved_total=1)
    latest = Demand("$LATEST", 0, 0, 1000, reserved_total=1)
    assert region.admit("f", latest, 0.0) == scaling.RESERVED
    assert region.admit("f", version, 0.0) == ""
    assert region.admit("f", version, 0.0) == scaling.RESERVED  # no spillover beyond the reservation
    spilling = Demand("1", 1, None, 5)
    assert [region.admit("g", spilling, 0.0) for _ in range(7)] == [""] * 6 + [scaling.SHARED]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.floats(0, 30)), max_size=200),
    st.integers(0, 5), st.integers(0, 5),
)  # fmt: skip
def test_never_more_at_once_than_the_limit(steps: list[tuple[str, bool, float]], shared: int, provisioned: int) -> None:
    region, now = Region(), 0.0
    demand = Demand("1", provisioned, None, shared)
    running: list[tuple[str, bool]] = []
    for function, begins, wait in steps:
        now += wait
        if begins:
            before = sum(u.provisioned.get("1", 0) for u in region.functions.values())
            if not region.admit(function, demand, now):
                after = sum(u.provisioned.get("1", 0) for u in region.functions.values())
                running.append((function, after > before))
        elif running:
            name, ready = running.pop(0)
            region.release(name, demand, provisioned=ready)
        on_demand = sum(not ready for _, ready in running)
        assert region.shared_busy == on_demand <= shared
        assert all(u.provisioned.get("1", 0) <= provisioned for u in region.functions.values())
        assert all(u.busy <= u.standing for u in region.functions.values())
