"""The twelve conditions are those of the paper's Appendix B, and no others can be made by mistake."""

import pytest

from l0gm.errors import ParameterError
from l0gm.robustness import CONDITIONS, Condition


def test_the_twelve_of_the_paper():
    assert [(c.family, c.level) for c in CONDITIONS] == [
        *(("missing", p) for p in (0.1, 0.3, 0.5)),
        *(("noise", s) for s in (0.05, 0.1, 0.2)),
        *(("quantisation", b) for b in (8, 6, 4)),
        *(("occlusion", r) for r in (0.1, 0.2, 0.3)),
    ]
    assert [c.name for c in CONDITIONS][::4] == ["missing 0.1", "noise 0.1", "quantisation 4"]
    assert len({c.name for c in CONDITIONS}) == 12


@pytest.mark.parametrize(
    ("family", "level", "message"),
    [
        ("shift", 0.1, "choose one of missing, noise, quantisation, occlusion"),
        ("missing", 1.5, "a share, 0 to 1"),
        ("occlusion", float("nan"), "a share, 0 to 1"),
        ("noise", -0.1, "from 0"),
        ("noise", float("inf"), "from 0"),
        ("quantisation", 4.5, "bits, 1 to 32"),
        ("quantisation", 0, "bits, 1 to 32"),
        ("missing", "0.1", "give a number"),
        ("missing", True, "give a number"),
    ],
)
def test_levels_that_mean_nothing(family, level, message):
    with pytest.raises(ParameterError, match=message):
        Condition(family, level)
