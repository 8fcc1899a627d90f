"""Schedules as pure functions of progress, and the control that meets a target count."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l0gm.errors import ParameterError
from l0gm.schedules import PathSchedule, Schedule, TargetControl, cosine

fractions = st.floats(0.0, 1 / 3)
temperatures = st.floats(0.1, 5.0)
schedules = st.builds(Schedule, fractions, fractions, fractions, temperatures, temperatures)
GRID = np.linspace(0.0, 1.0, 201).tolist()


def test_cosine_by_hand():
    assert [cosine(x) for x in (-1.0, 0.0, 1.0, 2.0)] == [0.0, 0.0, 1.0, 1.0]
    assert cosine(0.5) == pytest.approx(0.5)
    assert cosine(1 / 3) == pytest.approx(0.25)


def test_phases_by_hand():
    s = Schedule(warmup=0.1, ramp=0.4, hold=0.2, start_temperature=2.0, end_temperature=0.5)
    assert s.ramp_end == pytest.approx(0.5)
    assert s.harden_at == pytest.approx(0.7)
    assert [s.pressure(p) for p in (0.0, 0.05, 0.1)] == [0.0, 0.0, 0.0]
    assert s.pressure(0.3) == pytest.approx(0.5)
    assert [s.pressure(p) for p in (0.5, 0.7, 1.0)] == pytest.approx([1.0, 1.0, 1.0])
    assert [s.temperature(p) for p in (0.0, 0.1, 0.3, 0.5, 1.0)] == pytest.approx([2.0, 2.0, 1.25, 0.5, 0.5])
    assert [s.target(p, 100, 4) for p in (0.0, 0.1, 0.3, 0.5, 1.0)] == pytest.approx([100, 100, 20, 4, 4])


def test_without_a_ramp_everything_jumps():
    s = Schedule(warmup=0.2, ramp=0.0, hold=0.1)
    before, after = 0.2 - 1e-9, 0.2
    assert (s.pressure(before), s.pressure(after)) == (0.0, 1.0)
    assert (s.temperature(before), s.temperature(after)) == pytest.approx((2.0, 0.5))
    assert (s.target(before, 50, 5), s.target(after, 50, 5)) == pytest.approx((50, 5))


def test_no_annealing_is_a_constant_temperature():
    s = Schedule(warmup=0.0, ramp=0.0, start_temperature=2 / 3, end_temperature=2 / 3)
    assert {s.temperature(p) for p in GRID} == {2 / 3}
    assert {s.pressure(p) for p in GRID} == {1.0}


@settings(max_examples=100, deadline=None)
@given(schedules, st.integers(1, 300), st.data())
def test_pressure_rises_temperature_and_target_move_one_way(s, dim, data):
    k = data.draw(st.integers(1, dim))
    pressure = np.array([s.pressure(p) for p in GRID])
    temperature = np.array([s.temperature(p) for p in GRID])
    target = np.array([s.target(p, dim, k) for p in GRID])
    assert (np.diff(pressure) >= 0).all()
    assert (pressure >= 0).all()
    assert pressure[-1] == pytest.approx(1.0)
    sign = np.sign(s.end_temperature - s.start_temperature)
    assert (np.diff(temperature) * sign >= -1e-12).all()
    assert temperature[-1] == pytest.approx(s.end_temperature)
    assert (np.diff(target) <= 1e-9).all()
    assert target[-1] == pytest.approx(k)
    quiet = np.array(GRID) < s.warmup - 1e-9
    assert not pressure[quiet].any()
    assert temperature[quiet] == pytest.approx(s.start_temperature)
    assert target[quiet] == pytest.approx(dim)
    assert s.warmup <= s.ramp_end <= s.harden_at <= 1.0


@settings(max_examples=50, deadline=None)
@given(schedules, st.floats(0, 1))
def test_functions_are_pure(s, progress):
    twin = Schedule(s.warmup, s.ramp, s.hold, s.start_temperature, s.end_temperature)
    first = (s.pressure(progress), s.temperature(progress), s.target(progress, 40, 7))
    assert [s.pressure(p) for p in GRID]  # asking for other progress in between changes nothing
    assert first == (s.pressure(progress), s.temperature(progress), s.target(progress, 40, 7))
    assert first == (twin.pressure(progress), twin.temperature(progress), twin.target(progress, 40, 7))
    assert twin == s


def test_a_schedule_cannot_be_changed():
    with pytest.raises(AttributeError):
        Schedule().warmup = 0.5


def test_the_defaults_are_those_of_the_design():
    s = Schedule()
    assert (s.start_temperature, s.end_temperature) == (2.0, 0.5)
    assert s.warmup > 0
    assert s.harden_at < 1  # time is left for fine-tuning


@pytest.mark.parametrize("warmup", [0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("end", [0.5, 2 / 3, 1.0, 1.5, 2.0])
def test_the_ranges_of_table_7_are_accepted(warmup, end):
    s = Schedule(warmup=warmup, end_temperature=end)
    assert s.pressure(warmup) == 0.0
    assert s.temperature(1.0) == pytest.approx(end)


def test_fractions_may_fill_the_whole_of_training():
    assert Schedule(warmup=0.2, ramp=0.5, hold=0.3).harden_at == pytest.approx(1.0)
    assert Schedule(warmup=0.33, ramp=0.56, hold=0.11).harden_at == 1.0  # their sum is above 1 in floats


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"warmup": -0.1}, "warmup=-0.1"),
        ({"ramp": 1.5}, "ramp=1.5"),
        ({"hold": math.nan}, "hold=nan"),
        ({"warmup": 0.5, "ramp": 0.4, "hold": 0.2}, "warmup \\+ ramp \\+ hold = 1.1"),
        ({"start_temperature": 0.0}, "start_temperature=0.0"),
        ({"end_temperature": -1.0}, "end_temperature=-1.0"),
        ({"end_temperature": math.nan}, "end_temperature=nan"),
    ],
)
def test_bad_values_are_named(options, named):
    with pytest.raises(ParameterError, match=named):
        Schedule(**options)


# ---- the control ---------------------------------------------------------------------------------------------

SCALE = 0.5  # nats to be shared out among the dimensions


def simulate(dim, k, ramp, steps, spread, seed=0):
    """Gates of graded worth that open where it exceeds the penalty, at the pace of an adaptive optimiser.

    As in training, the control is told the expected count in the ramp and the number of open gates after it.
    """
    rng = np.random.default_rng(seed)
    worth = np.exp(rng.uniform(0.0, np.log(spread), size=dim))
    worth *= SCALE / worth.sum()
    schedule = Schedule(warmup=0.0, ramp=ramp / steps, hold=0.0)
    control = TargetControl(dim, ramp, SCALE)
    log_alpha = np.full(dim, 3.0)
    counts = []
    for step in range(steps):
        p = 1 / (1 + np.exp(-(log_alpha - 2 / 3 * math.log(0.1 / 1.1))))
        counts.append(float(p.sum() if step < ramp else (log_alpha > 0).sum()))
        penalty = control.update(counts[-1], schedule.target(step / steps, dim, k))
        pull = np.tanh(3 * (worth - penalty) / np.maximum(worth, abs(penalty)))
        log_alpha = np.clip(log_alpha + 24.0 / ramp * pull, -10, 10)
    return np.array(counts), log_alpha, worth


@pytest.mark.parametrize("fraction", [0.05, 0.15, 0.35, 0.6])
@pytest.mark.parametrize("spread", [10.0, 1000.0])
def test_control_drives_a_count_to_the_target_and_keeps_the_best(fraction, spread):
    dim, ramp, steps = 200, 1000, 2000
    k = round(fraction * dim)
    counts, log_alpha, worth = simulate(dim, k, ramp, steps, spread)
    assert abs(counts[-200:].mean() - k) <= 0.02 * dim
    opened = log_alpha > 0
    assert abs(opened.sum() - k) <= 0.02 * dim
    best = np.argsort(-worth)[:k]
    assert opened[best].mean() > 0.75


def test_control_at_rest_stays_as_it_is():
    control = TargetControl(100, 10, SCALE)
    assert control.update(80, 40) > 0
    at_rest = control.update(40, 40)
    assert at_rest > 0
    assert [control.update(40, 40) for _ in range(3)] == pytest.approx([at_rest] * 3)


def test_control_pushes_harder_the_further_and_the_longer_it_is_off():
    near, far = TargetControl(100, 10, SCALE), TargetControl(100, 10, SCALE)
    assert far.update(90, 40) > near.update(50, 40)
    again = [near.update(50, 40) for _ in range(5)]
    assert again == sorted(again)
    assert again[0] < again[-1]


def test_control_lets_go_below_the_target():
    control = TargetControl(100, 1000, SCALE)
    for _ in range(100):
        control.update(80, 40)
    at_rest = control.update(40, 40)
    slightly, far = control.update(39.9, 40), control.update(5, 40)
    assert 0 < slightly < at_rest
    assert far <= 0  # gates may open again
    for _ in range(1000):
        control.update(5, 40)
    assert control.multiplier == 0.0  # and it does not wind up on that side
    assert control.update(60, 40) > 0


def test_penalties_are_in_units_of_the_scale_a_dimension():
    small, large = TargetControl(10, 50, 1.0), TargetControl(1000, 50, 0.5)
    for count, target in ((8, 4), (3, 4), (6, 4)):
        assert small.update(count, target) * 10 == pytest.approx(large.update(100 * count, 100 * target) * 1000 / 0.5)


# ---- a path ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.05), (1.0, 0.3), (0.3, 0.3), (0.05,), (1.0,)])
def test_a_path_reaches_each_share_and_holds_it(shares):
    path = PathSchedule(shares=shares)
    assert len(path.stages) == len(shares)
    assert path.stages[-1][1] == path.harden_at == 1.0
    begin = path.warmup
    for share, (ramp_end, hold_end) in zip(shares, path.stages, strict=True):
        assert begin <= ramp_end < hold_end
        for progress in (ramp_end, (ramp_end + hold_end) / 2, hold_end - 1e-9):
            assert path.holds(progress)
            assert path.target(progress, 200, 1) == pytest.approx(200 * share)
        if ramp_end > begin:
            assert not path.holds((begin + ramp_end) / 2)
        begin = hold_end
    assert path.target(1.0, 200, 1) == pytest.approx(200 * shares[-1])


def test_the_target_of_a_path_never_rises():
    path = PathSchedule(shares=(0.6, 0.2, 0.05))
    targets = [path.target(step / 500, 200, 10) for step in range(501)]
    assert all(high >= low for high, low in pairwise(targets))
    assert targets[0] == 200
    assert len(set(targets)) > 200


def test_ramps_are_as_long_as_their_targets_fall():
    first, second, third = PathSchedule(warmup=0.1, shares=(0.5, 0.25, 0.0625)).stages
    ramps = [first[0] - 0.1, second[0] - first[1], third[0] - second[1]]
    assert ramps[1] == pytest.approx(ramps[0])
    assert ramps[2] == pytest.approx(2 * ramps[0])
    assert sum(ramps) == pytest.approx(0.9 * 2 / 3)


def test_a_path_is_cold_when_the_first_target_is_reached():
    path = PathSchedule(shares=(0.6, 0.2), start_temperature=2.0, end_temperature=0.5)
    assert path.temperature(path.warmup) == 2.0
    assert path.temperature(path.stages[0][0]) == pytest.approx(0.5)
    assert path.temperature(1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("shares", [(), (0.2, 0.3), (1.1,), (0.5, 0.0), (0.5, -0.1)])
def test_what_is_no_path(shares):
    with pytest.raises(ParameterError, match="shares="):
        PathSchedule(shares=shares)
