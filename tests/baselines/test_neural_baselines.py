"""The neural baselines are the models that they say they are."""

import itertools

import numpy as np
import pytest
import torch

from l0gm.baselines.deepfm import DeepFM, pairs
from l0gm.baselines.mlp import MLP
from l0gm.baselines.wide_deep import WideDeep
from l0gm.baselines.xdeepfm import XDeepFM
from l0gm.errors import ParameterError
from l0gm.estimators import L0GMClassifier
from l0gm.testing.messy import mixed_rows

SMALL = {"deep": (8,), "epochs": 3, "batch_size": 64, "embedding_dim": 3, "random_state": 4}
X, CODES = mixed_rows(300, 0, 2)
NEW, _ = mixed_rows(50, 1, 2)


@pytest.mark.parametrize(
    ("baseline", "settings"),
    [(WideDeep(**SMALL), {"cin": ()}), (XDeepFM(cin=(3, 2), **SMALL), {"cin": (3, 2)})],
    ids=["wide-deep", "xdeepfm"],
)
def test_is_the_integrated_predictor_without_a_gate(baseline, settings):
    ours = L0GMClassifier(gate="none", linear="ungated", **SMALL, **settings).fit(X, CODES)
    baseline.fit(X, CODES)
    np.testing.assert_allclose(baseline.predict_proba(NEW), ours.predict_proba(NEW), atol=1e-12)
    found, expected = baseline.metrics_["validation"], ours.metrics_["validation"]
    assert found == pytest.approx({name: expected[name] for name in found})
    assert baseline.size().n_dimensions == ours.model_.gate.dim


def test_pairs_are_the_strict_upper_triangle():
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    expected = sum(x[:, i] * x[:, j] for i, j in itertools.combinations(range(4), 2))
    torch.testing.assert_close(pairs(x), expected)


def test_deepfm_adds_the_products_of_embeddings_to_wide_and_deep():
    model = DeepFM(**SMALL).fit(X, CODES)
    network, rows = model.model_.eval(), model._read(NEW)
    h = network.encoder(rows)
    z = torch.ones(network.gate.dim)
    without = super(type(network.head), network.head).forward(h, z, rows)
    products = sum(
        (h[:, 3 * i : 3 * i + 3] * h[:, 3 * j : 3 * j + 3]).sum(1)
        for i, j in itertools.combinations(range(len(model.schema_.fields)), 2)
    )
    torch.testing.assert_close(network(rows), without + products[:, None])
    assert bool((products != 0).any())


def test_the_mlp_reads_standardised_numbers_and_a_column_a_category():
    model = MLP(deep=(4,), epochs=1).fit(X, CODES)
    names = model.encoder_.get_feature_names_out().tolist()
    assert {"numbers__x", "numbers__missingindicator_x"} <= {*names}
    matrix = model._inputs(model._read(X), torch.device("cpu")).take(torch.arange(len(X)))
    column = matrix[:, names.index("numbers__x")]
    assert float(column.mean()) == pytest.approx(0.0, abs=0.1)
    assert float(column.std()) == pytest.approx(1.0, abs=0.1)
    kinds = [j for j, name in enumerate(names) if name.startswith("categories__kind")]
    assert len(kinds) == 4  # a, b, c and missing
    assert torch.equal(matrix[:, kinds].sum(1), torch.ones(len(X)))
    assert model.size().n_parameters == 4 * matrix.shape[1] + 4 + 4 + 1 + 1


def test_bad_settings_are_named():
    with pytest.raises(ParameterError, match="lr='fast'"):
        MLP(lr="fast").fit(X, CODES)
    with pytest.raises(ParameterError, match="threads=0"):
        MLP(threads=0).fit(X, CODES)
