"""A few hundred generated tables; ``make fuzz`` tries 100,000."""

import fuzz_messy
import messy_properties
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from messy_properties import cases, check


@pytest.mark.parametrize("number", range(4))
def test_any_table_is_refused_by_name_or_answered_alike_in_every_way(number):
    @seed(number)
    @settings(
        max_examples=60,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(fuzz_messy.TRAINED))
    def tried(case):
        check(case)

    tried()


def test_the_long_run_keeps_the_smallest_table_that_fails(tmp_path, monkeypatch, capsys):
    def too_wide(case):
        assert len(case.table.names) < 3, "three columns"
        return messy_properties.Outcome()

    monkeypatch.setattr(messy_properties, "check", too_wide)
    assert fuzz_messy.run(40, 5, tmp_path) == 1
    said = capsys.readouterr().err
    assert "three columns" in said
    assert "seed 5 failed" in said
    (kept,) = tmp_path.glob("failure-seed-5.txt")
    assert kept.read_text().count("    'c") == 3  # the columns c0, c1 and c2


def test_the_long_run_tells_what_became_of_the_tables(tmp_path, capsys):
    assert fuzz_messy.run(12, 0, tmp_path) == 0
    said = capsys.readouterr().err
    assert "12 frames from seeds 0 to 0: " in said
    assert "no failure" in said
