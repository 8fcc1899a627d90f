"""Adult: boosted trees under the twelve conditions, figures that were found once and have to come again."""

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from l0gm.datasets import load, path
from l0gm.errors import DatasetError
from l0gm.robustness import InputStatistics, perturb, robustness
from l0gm.robustness.conditions import CONDITIONS

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def adult():
    try:
        path("adult")
    except DatasetError as error:
        pytest.skip(str(error))
    data = load("adult")
    train, test = data.split("openml")
    X = data.features.astype(dict.fromkeys(data.features.select_dtypes("object"), "category"))
    return X.iloc[train], data.labels.iloc[train], X.iloc[test], data.labels.iloc[test]


def test_boosted_trees(adult):
    X_train, y_train, X, y = adult
    trees = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0).fit(X_train, y_train)
    found = robustness(trees, X, y, X_train=X_train)
    assert len(found.applied) == 12
    assert found.clean == pytest.approx(0.8755, abs=0.004)
    assert found.rob_mu == pytest.approx(0.8442, abs=0.006)
    easy_to_hard = list(found.conditions.values())
    for first in range(0, 12, 3):
        assert found.clean > easy_to_hard[first] >= easy_to_hard[first + 2]


def test_what_noise_does_to_a_column_that_is_mostly_zero(adult):
    X_train, _, X, _ = adult
    statistics = InputStatistics.fit(X_train)
    assert statistics.numeric["capital-gain"].std == pytest.approx(X_train["capital-gain"].std(ddof=0))
    gain = perturb(X, CONDITIONS[3], statistics, 0)["capital-gain"]
    assert (X["capital-gain"] == 0).mean() > 0.9
    assert (gain == 0).mean() == 0
