import gc
import itertools

import numpy as np
import pytest

from l0gm.errors import ParameterError
from l0gm.metrics.latency import MOST_CALLS, frozen_garbage, measure


class Clock:
    """A clock that stands still but for the calls that move it."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)

    def taking(self, *seconds):
        """Return a call that takes these seconds, one after the other, and counts itself."""

        def call():
            self.now += seconds[call.count % len(seconds)]
            call.count += 1

        call.count = 0
        return call


@pytest.fixture
def clock():
    return Clock()


def test_percentiles_are_those_of_single_calls(clock):
    found = measure({"a": clock.taking(1, 2, 3)}, rows=10, repeats=30, warmup=0, clock=clock)
    assert len(found.calls["a"]) == 30
    assert set(found.calls["a"]) == {1.0, 2.0, 3.0}
    assert found.quantile("a", 0.5) == 2.0
    assert found.us_a_row("a") == pytest.approx(2.0 / 10 * 1e6)
    assert found.us_a_row("a", 0.99) == pytest.approx(0.3e6)
    assert found.tick == 0.0


def test_short_calls_are_repeated_until_the_turn_is_long_enough(clock):
    calls = {"short": clock.taking(2.0**-16), "long": clock.taking(1.0), "none": clock.taking(0.0)}
    found = measure(calls, rows=1, repeats=4, warmup=2, least=2.0**-12, clock=clock)
    assert [len(found.calls[name]) for name in calls] == [4 * 16, 4, 4 * MOST_CALLS]
    assert {len(turns) for turns in found.turns.values()} == {4}
    assert calls["long"].count == 2 + 3 + 4  # warm-up, a look at how long it is, rounds


def test_a_turn_is_compared_with_the_turns_of_its_round(clock):
    """Both slow down from round to round; their ratio does not."""
    pace = [1.0, 10.0, 100.0, 1000.0]
    calls = {"a": clock.taking(*pace), "b": clock.taking(*(3 * x for x in pace))}
    found = measure(calls, rows=1, repeats=4, warmup=1, clock=clock)
    assert found.ratio("b", "a") == (3.0, 3.0, 3.0)
    assert found.ratio("a", "b").p50 == pytest.approx(1 / 3)
    assert found.fastest() == "a"
    assert found.fastest(["b"]) == "b"


def test_the_spread_of_a_ratio_is_that_of_the_rounds(clock):
    calls = {"a": clock.taking(1.0), "b": clock.taking(1.0, 2.0, 3.0)}
    ratio = measure(calls, rows=1, repeats=30, warmup=0, clock=clock).ratio("b", "a")
    assert (ratio.p50, ratio.p10, ratio.p90) == (2.0, 1.0, 3.0)


def test_nobody_always_follows_the_same_neighbour(clock):
    order = []
    calls = {name: lambda name=name: order.append(name) or clock.taking(1.0)() for name in "abcd"}
    measure(calls, rows=1, repeats=40, warmup=0, clock=clock)
    rounds = np.array(order[4:]).reshape(40, 4)  # after a look at how long each one is
    assert all(sorted(turns) == list("abcd") for turns in rounds.tolist())
    followed = {(before, after) for turns in rounds.tolist() for before, after in itertools.pairwise(turns)}
    assert len(followed) == 12
    again = list(order)
    order.clear()
    measure(calls, rows=1, repeats=40, warmup=0, clock=clock)
    assert order == again


def test_pauses_lie_between_turns_and_are_not_timed(clock):
    found = measure({"a": clock.taking(1.0)}, rows=1, repeats=3, warmup=0, pause=0.5, clock=clock, sleep=clock.sleep)
    assert clock.pauses == [0.5] * 3
    assert found.calls["a"].tolist() == [1.0] * 3


def test_the_record_is_plain(clock):
    record = measure({"a": clock.taking(2.0)}, rows=4, repeats=3, warmup=0, clock=clock).to_dict()
    assert record["rows"] == 4
    assert record["contestants"]["a"]["calls"] == 3
    assert record["contestants"]["a"]["p50"] == 2.0
    assert record["contestants"]["a"]["us_a_row"] == {"p10": 5e5, "p50": 5e5, "p99": 5e5}


def test_the_garbage_collector_rests_and_goes_on():
    assert gc.isenabled()
    with frozen_garbage():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with frozen_garbage():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_call_that_fails_leaves_the_collector_as_it_was():
    with pytest.raises(ZeroDivisionError):
        measure({"a": lambda: 1 / 0}, rows=1)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("calls", "options", "message"),
    [
        ({}, {}, "contestants is empty"),
        ({"a": int}, {"rows": 0}, "rows=0"),
        ({"a": int}, {"repeats": 0}, "repeats=0"),
        ({"a": int}, {"warmup": -1}, "warmup=-1"),
    ],
)
def test_arguments_that_mean_nothing(calls, options, message):
    with pytest.raises(ParameterError, match=message):
        measure(calls, **{"rows": 1, **options})


def test_real_calls_are_timed():
    found = measure({"sum": lambda: sum(range(1000))}, rows=1, repeats=3)
    assert 0 < found.quantile("sum", 0.1) <= found.quantile("sum", 0.5) <= found.quantile("sum", 0.99) < 1
    assert 0 < found.tick < 1e-3
