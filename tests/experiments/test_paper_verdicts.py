"""A table marks, and a claim holds, only where the interval of the difference says so."""

import pytest
from paper_runs import result

from l0gm.experiments.paper.ablations import falling_seeds
from l0gm.experiments.paper.claims import ahead, ahead_of_all, alike, as_good, untested
from l0gm.experiments.paper.results import best, difference
from l0gm.experiments.paper.tables import Row, Table, Value, measured_rows, write_table


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    skills = {"poor": [0.5, 0.6, 0.4], "fair": [2.0, 2.1, 1.9], "good": [3.5, 3.6, 3.4]}
    skills["twin"] = [2.6, 1.85, 2.0]  # better than "fair" in the mean, not in every seed
    return {title: result(out, title, own) for title, own in skills.items()}


def test_a_clear_difference_is_decided_and_a_small_one_is_not(runs):
    clear = difference(runs["good"], runs["fair"], "accuracy")
    assert clear.decided
    assert clear.low < clear.mean < clear.high
    assert not difference(runs["twin"], runs["fair"], "accuracy").decided
    back = difference(runs["fair"], runs["good"], "accuracy")
    assert back.mean == pytest.approx(-clear.mean)


@pytest.mark.parametrize("measure", ["accuracy", "auc", "log_loss"])
def test_verdicts_of_a_comparison(runs, measure):
    assert ahead("c", "p", runs["good"], runs["poor"], measure).verdict == "holds"
    assert ahead("c", "p", runs["poor"], runs["good"], measure).verdict == "does not hold here"
    assert ahead("c", "p", runs["twin"], runs["fair"], measure).verdict == "holds weakly"
    assert ahead("c", "p", runs["twin"], None, measure).verdict == "cannot be tested here"


def test_one_seed_decides_nothing(tmp_path):
    single = [result(tmp_path, title, [skill]) for title, skill in (("a", 3.0), ("b", 0.1))]
    assert ahead("c", "p", *single, "accuracy").verdict == "cannot be tested here"


def test_the_rival_is_the_best_of_the_others(runs):
    claim = ahead_of_all("c", "p", runs["good"], [runs["poor"], runs["fair"]], "accuracy")
    assert "(fair)" in claim.ours
    assert best(list(runs.values()), "log_loss") is runs["good"]
    worst = ahead_of_all("c", "p", runs["poor"], [runs["fair"], runs["good"]], "worst")
    assert worst.verdict == "does not hold here"
    assert "(good)" in worst.ours


def test_the_same_within_a_margin(tmp_path):
    first, again = (result(tmp_path, title, [2.0, 2.1, 1.9]) for title in ("one", "two"))
    assert alike("c", "p", first, again, "accuracy").verdict == "holds"
    other = result(tmp_path, "three", [0.2, 0.3, 0.1])
    assert alike("c", "p", first, other, "accuracy").verdict == "does not hold here"
    assert as_good("c", "p", first, other, "accuracy").verdict == "holds"  # better is not worse
    assert as_good("c", "p", other, first, "accuracy").verdict == "does not hold here"
    wide = [result(tmp_path, title, own) for title, own in (("left", [0.1, 3.0]), ("right", [2.9, 0.2]))]
    assert alike("c", "p", *wide, "accuracy").verdict != "holds"


def test_more_seeds_than_the_other_has_all_count(tmp_path):
    five = result(tmp_path, "five", [2.0, 2.1, 1.9, 2.05, 1.95])
    ten = result(tmp_path, "ten", [1.0, 1.1, 0.9, 1.0, 1.1, 0.2, 0.1, 0.3, 0.2, 0.1])
    found = difference(five, ten, "accuracy")
    assert found.mean == pytest.approx(five.summary("accuracy")["mean"] - ten.summary("accuracy")["mean"])
    assert found.decided


def test_the_best_of_a_block_and_its_equals_are_bold(runs):
    rows = measured_rows({"modality": "tabular"}, [runs["good"], runs["poor"]], ["accuracy", "ece", "rob_mu"])
    assert {row.names["method"]: row.values["accuracy"].marked for row in rows} == {"good": True, "poor": False}
    equal = measured_rows({}, [runs["fair"], runs["twin"]], ["accuracy"])
    assert all(row.values["accuracy"].marked for row in equal)
    numbers = equal[0].values["accuracy"].numbers
    assert numbers["low"] < numbers["mean"] < numbers["high"]
    assert numbers["worst"] == min(runs["fair"].values("accuracy"))


def test_the_open_fraction_has_to_fall_in_a_seed(tmp_path):
    paths = {"a": [0.9, 0.9], "b": [0.5, 0.5], "c": [0.3, 0.6], "d": [0.1, 0.1]}
    results = [result(tmp_path, title, [1.0, 1.0], open_fractions=found) for title, found in paths.items()]
    found = falling_seeds(results)
    assert found["falling"] == [0]
    assert found["share"] == 0.5
    assert found["paths"][1] == [0.9, 0.5, 0.6, 0.1]


def test_a_table_as_files(tmp_path, runs):
    paper = {"accuracy": 0.9, "worst": 0.88}
    with_paper = result(tmp_path, "fair", [2.0, 2.1], paper=paper)
    rows = measured_rows({"modality": "text"}, [with_paper], ["accuracy", "active"])
    rows.append(Row({"modality": "text", "method": "a | b"}, {"accuracy": Value("-", {"mean": None})}))
    table = Table("table3", "A title", rows, [untested("claim", "0.9", "why")], ["a note"])
    markdown, csv, json = write_table(table, tmp_path)
    text = markdown.read_text()
    assert "[0.9000]" in text
    assert "[0.8800]" in text
    assert "a / b" in text
    assert text.count("**") == 2
    assert "cannot be tested here" in text
    assert text.count("15.0 %") == 1
    head, first, second = csv.read_text().splitlines()
    assert head.startswith("modality,method,accuracy mean,accuracy std,accuracy worst,accuracy low,accuracy high")
    assert len(first.split(",")) == len(second.split(",")) == len(head.split(","))
    assert '"table": "table3"' in json.read_text()
