import numpy as np
import pytest
import torch

from l0gm.training.order import BLOCK_ROWS, shuffled
from l0gm.training.state import RandomNumbers


@pytest.mark.parametrize("window", [None, 1000, 1001])
def test_what_fits_into_the_window_is_shuffled_as_ever(window):
    torch.manual_seed(3)
    expected = torch.randperm(1000)
    torch.manual_seed(3)
    assert torch.equal(shuffled(1000, window=window), expected)


@pytest.mark.parametrize("n", [1, BLOCK_ROWS - 1, BLOCK_ROWS, 10 * BLOCK_ROWS + 17])
@pytest.mark.parametrize("window", [1, BLOCK_ROWS, 3 * BLOCK_ROWS])
def test_each_row_comes_once(n, window):
    rows = shuffled(n, window=window)
    assert torch.equal(rows.sort().values, torch.arange(n))


def test_rows_of_a_window_come_from_few_blocks():
    n, window = 20 * BLOCK_ROWS, 4 * BLOCK_ROWS
    rows = shuffled(n, window=window)
    used = [set((part // BLOCK_ROWS).tolist()) for part in rows.split(window)]
    assert [len(blocks) for blocks in used] == [4] * 5
    assert len(set.union(*used)) == 20


def test_a_batch_is_spread_over_the_table():
    torch.manual_seed(0)
    n = 64 * BLOCK_ROWS
    batches = shuffled(n, window=16 * BLOCK_ROWS).split(256)
    means = np.array([batch.double().mean().item() / n for batch in batches])
    assert means.std() < 0.1  # of neighbours alone it would be 0.29


def test_every_epoch_has_another_order():
    n, window = 8 * BLOCK_ROWS, 2 * BLOCK_ROWS
    torch.manual_seed(1)
    first, second = shuffled(n, window=window), shuffled(n, window=window)
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    assert torch.equal(shuffled(n, window=window), first)


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("window", [None, 3 * BLOCK_ROWS])
def test_an_epoch_that_was_cut_short_goes_on_in_its_order(window, passes):
    n = 10 * BLOCK_ROWS
    torch.manual_seed(2)
    numbers = RandomNumbers(torch.device("cpu"))
    orders = torch.stack(numbers.orders(passes, n, window))
    assert len(orders) == len(orders.unique(dim=0)) == passes
    noise = torch.rand(3)
    state = numbers.state_dict()
    following = torch.rand(3), torch.stack(numbers.orders(passes, n, window))

    torch.manual_seed(99)
    resumed = RandomNumbers(torch.device("cpu"))
    resumed.load_state_dict(state)
    assert torch.equal(torch.stack(resumed.orders(passes, n, window)), orders)
    assert torch.equal(torch.rand(3), following[0])
    assert not torch.equal(noise, following[0])
    assert torch.equal(torch.stack(resumed.orders(passes, n, window)), following[1])
