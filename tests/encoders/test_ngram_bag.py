"""The n-gram bag: the contract, what it starts from, and what a training row may not see of itself."""

import math

import numpy as np
import pytest
import torch

from l0gm.data.ragged import Ragged
from l0gm.encoders import NgramBag, RowBatch, RowEncoder, TextBatch
from l0gm.encoders.text import Ngrams
from l0gm.errors import ParameterError
from l0gm.testing import check_encoder

ROWS = Ragged.of([[1, 2, 3], [0], [2, 2, 4], [3], [4, 5, 1, 2], [5]])
BATCH = TextBatch.of(ROWS)
Y = torch.tensor([1, 0, 1, 0, 0, 1])


@pytest.mark.parametrize(("dim", "outputs", "dropout"), [(4, 1, 0.0), (5, 3, 0.0), (1, 1, 0.0), (4, 1, 0.5)])
def test_the_contract(dim, outputs, dropout):
    check_encoder(lambda: NgramBag(6, dim, outputs, dropout=dropout), BATCH)


def test_the_contract_in_rows():
    codes = torch.zeros(6, 0, dtype=torch.int64)
    rows = RowBatch(codes, codes.float(), (BATCH, BATCH))
    check_encoder(lambda: RowEncoder(None, [NgramBag(6, 3), NgramBag(6, 2)]), rows)


def test_h_is_the_sum_over_the_root_of_the_number():
    bag = NgramBag(6, 3)
    vectors = bag.vectors()
    for i in range(len(ROWS)):
        ids = ROWS.ids[ROWS.starts[i] : ROWS.starts[i + 1]]
        torch.testing.assert_close(bag(BATCH)[i], vectors[ids.tolist()].sum(0) / math.sqrt(len(ids)))


def ratio(rows, y, n_rows, label, a=0.5):
    """The log-count ratio of each n-gram, in plain Python."""
    inside, outside = np.full(n_rows, a), np.full(n_rows, a)
    for ids, k in zip(rows, y, strict=True):
        for i in set(ids):
            (inside if k == label else outside)[i] += 1
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_first_coordinates_start_at_the_log_count_ratio(n_classes):
    y = Y if n_classes == 2 else torch.tensor([0, 1, 2, 0, 1, 2])
    rows = [ROWS.ids[a:b].tolist() for a, b in zip(ROWS.starts, ROWS.starts[1:], strict=False)]
    outputs = 1 if n_classes == 2 else n_classes
    bag = NgramBag(6, 4, outputs)
    bag.start(BATCH, y, n_classes)
    for k in range(outputs):
        expected = ratio(rows, y.tolist(), 6, 1 if outputs == 1 else k)
        np.testing.assert_allclose(bag.vectors()[1:, k].numpy(), bag.strength * expected[1:], rtol=1e-5)
    assert not bag.vectors()[0, :outputs].any()


def test_a_training_row_does_not_see_its_own_label():
    rows = [ROWS.ids[a:b].tolist() for a, b in zip(ROWS.starts, ROWS.starts[1:], strict=False)]
    bag = NgramBag(6, 1)
    h = bag(bag.start(BATCH, Y, 2)).detach()
    alone = bag(BATCH).detach()
    for i, ids in enumerate(rows):
        counts = {
            k: np.array([sum(j in set(r) for r, y in zip(rows, Y, strict=True) if y == k) for j in range(6)])
            for k in (0, 1)
        }
        own = int(Y[i])
        a = bag.smoothing
        gone = sum(math.log(counts[own][j] + a) - math.log(counts[own][j] - 1 + a) for j in ids)
        expected = float(alone[i]) - (1 if own else -1) * bag.strength * gone / math.sqrt(len(ids))
        assert float(h[i]) == pytest.approx(expected, abs=1e-5)
    taken = bag(bag.start(BATCH, Y, 2).take(torch.tensor([4, 1]))).detach()
    torch.testing.assert_close(taken, h[[4, 1]])


@pytest.mark.parametrize(
    "option", [{"dim": 0}, {"words": 4}, {"words": 0}, {"min_count": 0}, {"dropout": 1.0}, {"tail": 1.5}, {"most": 2.5}]
)
def test_settings_out_of_range(option):
    with pytest.raises(ParameterError, match=next(iter(option))):
        Ngrams(**option)
