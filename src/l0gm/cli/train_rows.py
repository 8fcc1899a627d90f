"""``l0gm train`` on the rows of tables."""

from __future__ import annotations

from typing import Any

from l0gm.cli.parsing import names, widths
from l0gm.cli.train_options import flag, given
from l0gm.cli.train_report import report
from l0gm.errors import ParameterError

__all__ = ["train_rows"]

STAYS = (
    *("active", "penalty", "cost", "hidden_cost", "embedding_dim", "deep", "cin", "linear", "mask", "gate"),
    *("categorical", "missing_values", "text", "encoder"),
)
"""Options on what a model that training goes on from has decided already."""
OWN = ("teacher", "teacher_weight", "embedding_dim", "linear", "class_weight", "hidden_cost")


def train_rows(values: dict[str, Any], options: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Train on rows and return the summary.

    Parameters
    ----------
    values : dict
        The arguments of ``train``.
    options : dict
        Parameters of the estimator that both kinds of data share.
    common : dict
        Arguments of both :func:`l0gm.experiments.run_seeds` and its twin for graphs.
    """
    from l0gm.cli.files import check_columns
    from l0gm.cli.sources import is_registered, read_task
    from l0gm.experiments import run_seeds
    from l0gm.runtime.files import load_rows

    data, target, initial = values["data"], values["target"], values["initial"]
    options = {
        **options,
        **{name: values[name] for name in OWN},
        "deep": None if values["deep"] is None else widths("--deep", values["deep"]),
        "cin": None if values["cin"] is None else widths("--cin", values["cin"]),
    }
    spelled = [*options["categorical"], *options["text"]]  # as prediction reads them: 00501 is not 501
    if initial is not None:
        options["initial_model"] = str(initial)
        for name in STAYS:
            if given(options[name]):
                raise ParameterError(f"{flag(name)}: it stays that of --from {initial}; leave it out")
        start = load_rows(initial)
        spelled = list(start.schema.text_sources)
        if target is None and not is_registered(data):
            target = start.information.get("target")
    task = read_task(data, target, values["split"], values["test"], values["test_size"], values["out_of_core"], spelled)
    dropped = names(values["drop"])
    for option, listed in (("--drop", dropped), *((f"--{name}", options[name]) for name in ("categorical", "text"))):
        check_columns(task.train.frame, listed, option)
    if task.train.target in dropped:
        raise ParameterError(f"--drop {task.train.target}: it is the target")
    return run_seeds(
        task.train.features(dropped),
        task.train.labels,
        task.test.features([name for name in dropped if name in task.test.frame.columns]),
        task.test.labels,
        about={"data": task.name, "split": task.split, "target": task.train.target},
        on_fit=report,
        **common,
        **{name: value for name, value in options.items() if value is not None},
    )
