"""What a page says of the methods on one data set, section by section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from l0gm.report import figures
from l0gm.report.figures.compare import MOST
from l0gm.report.figures.parts import MOST_FIELDS
from l0gm.report.figures.training import QUANTITIES, has_curve
from l0gm.report.figures.words import label, number
from l0gm.report.runs import Method
from l0gm.report.tables import Table, measures_table, sizes_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Figure", "Section", "sections_of"]

MEASURES = ("accuracy", "macro_f1", "auc", "log_loss", "brier", "ece")
MOST_EACH = 12
"""Methods of which a section draws each by itself."""
MOST_TRAINED = 4
MOST_KINDS = 4
"""Methods up to which both kinds of reliability are drawn."""
MOST_PLACES = 4
LEAST_SIZES = 3
MOST_CLASSES = 60
PAPER_GRAPH = "l0gm paper table{} --modality graph --out DIR"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure of a page: what draws it, and what stands below it."""

    draw: Callable[[], Axes]
    label: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A section of a page. One without figures and tables is not there, and ``lacking`` says what would make it."""

    name: str
    title: str
    text: str = ""
    figures: Sequence[Figure] = field(default_factory=tuple)
    tables: Sequence[Table] = field(default_factory=tuple)
    lacking: str = ""

    @property
    def is_there(self) -> bool:
        """Whether there is something to show."""
        return bool(self.figures or self.tables)


def sections_of(methods: Sequence[Method], front: Record | None = None) -> list[Section]:
    """Return the sections on methods of one data set, in the order of the page, also those that lack their content.

    Parameters
    ----------
    methods : sequence of Method
    front : dict, optional
        ``front.json`` of a sweep on this data.
    """
    return [
        _compared(methods),
        _front(methods, front),
        _reliability(methods),
        _confusion(methods),
        _training(methods),
        _gates(methods),
        _robustness(methods),
        _latency(methods),
    ]


def _compared(methods: Sequence[Method]) -> Section:
    there = [m for m in MEASURES if any(method.values(m) for method in methods)]
    drawn = [m for m in ("accuracy", "auc", "log_loss", "ece") if m in there]
    what = (
        "Methods on the test rows. Large marks are means over seeds (diamonds: some dimensions are shut), small dots "
        "are seeds, lines are 95 % intervals of the mean (Student's t over seeds; a single seed has none, and one that "
        "reaches the edge goes on)."
    )
    made = [
        Figure(
            partial(figures.compare, methods, m),
            f"{label(m)} of each method",
            "Shaded: where a perfectly calibrated model stays in 95 of 100 cases." if m == "ece" else "",
        )
        for m in drawn
    ]
    return Section("methods", "Methods", what, made, [measures_table(methods, there), sizes_table(methods)])


def _front(methods: Sequence[Method], front: Record | None) -> Section:
    title = "Quality against open dimensions"
    sized = [method for method in methods if method.mean("open_fraction") is not None]
    metric = str((front or {}).get("metric") or "log_loss")
    if len({method.mean("open_fraction") for method in sized}) < LEAST_SIZES:
        sweep = "l0gm sweep DATA --active 0.05:0.6:8 --seeds 5 --out DIR"
        return Section("front", title, lacking=PAPER_GRAPH.format(8) if _is_graph(methods) else sweep)
    made = []
    for measure, part in dict.fromkeys([(metric, "validation"), (metric, "test"), ("accuracy", "test")]):
        drawn = [method for method in sized if method.values(measure, part)]
        if len(drawn) > 1:
            made.append(
                Figure(
                    partial(figures.front, drawn, measure, part=part),
                    f"{label(measure)} on {part} rows against open dimensions",
                )
            )
    text = (
        "Diamonds joined by a line are the Pareto front of that figure: no other method is as good and as small, and "
        "better in one of the two. To choose by, take the one on validation rows; test rows decide nothing. Bars are "
        "one standard deviation over seeds."
    )
    return Section("front", title, text, made)


def _reliability(methods: Sequence[Method]) -> Section:
    there = [method for method in methods if method.part("reliability")]
    text = (
        "Observed frequency against mean predicted probability in 15 bins of equal width. Shaded bars: where 90 of 100 "
        "perfectly calibrated models lie, bin by bin. Grey columns: test rows in the bin."
    )
    made = []
    for method in there[:MOST_EACH]:
        kinds = sorted({kind for run in method.runs for kind in run.reliability})  # the positive class comes first
        made += [
            Figure(
                partial(figures.reliability, method, kind), f"reliability of {method.label}, {_kind(kind)}", _kind(kind)
            )
            for kind in (kinds if len(there) <= MOST_KINDS else kinds[:1])
        ]
    again = "l0gm train DATA --out DIR (records of older versions: with --overwrite)"
    return Section("reliability", "Reliability", _more(text, there), made, lacking=again)


def _kind(kind: str) -> str:
    return "Probability of the positive class." if kind == "positive" else "Largest probability of each row."


def _confusion(methods: Sequence[Method]) -> Section:
    there = [
        method
        for method in methods
        if any(run.confusion and len(run.confusion["classes"]) <= MOST_CLASSES for run in method.runs)
    ]
    size = max((len(run.confusion["classes"]) for method in there for run in method.runs if run.confusion), default=0)
    text = (
        "Test rows by true class (down) and predicted class (across), means over seeds; the shade is the share of the "
        "true class. Blue is right, orange wrong."
    )
    most = MOST_EACH if size <= 12 else 2
    made = [
        Figure(partial(figures.confusion, method), f"confusion matrix of {method.label}") for method in there[:most]
    ]
    again = "l0gm train DATA --out DIR (records of older versions: with --overwrite)"
    return Section("confusion", "Confusion matrices", _more(text, there, most), made, lacking=again)


def _training(methods: Sequence[Method]) -> Section:
    there = [method for method in methods if method.part("history")]
    text = "A colour is a seed; a dot marks where the gates were fixed."
    made = [
        Figure(partial(figures.curve, method, quantity), f"{QUANTITIES[quantity].axis} in training of {method.label}")
        for method in there[:MOST_TRAINED]
        for quantity in QUANTITIES
        if has_curve(method, quantity) and (method.is_gated or quantity == "loss")
    ]
    return Section("training", "Training", _more(text, there, MOST_TRAINED), made, lacking="l0gm train DATA --out DIR")


def _gates(methods: Sequence[Method]) -> Section:
    there = [method for method in methods if any(len(run.support) > 1 for run in method.runs)]
    text = (
        "Open dimensions of each field, the mean over seeds and each seed (dots). A field that is cut in a seed has "
        "left that model: it is not read in prediction."
    )
    made = []
    for method in there[:MOST_EACH]:
        names = list(dict.fromkeys(name for run in method.runs for name in run.support))
        cut = [name for name in names if not any(run.support.get(name) for run in method.runs)]
        caption = f"Cut in every seed: {', '.join(cut[:20]) or 'none'}{', …' if len(cut) > 20 else ''}."
        if len(names) > MOST_FIELDS:
            most = f"The {MOST_FIELDS} fields with the most open dimensions, of {len(names):,}"
            caption = f"{most}; {len(cut):,} are cut. {caption}"
        made.append(Figure(partial(figures.gates, method), f"open dimensions by field of {method.label}", caption))
    where = "--gate-at attributes" if _is_graph(methods) else "--active 0.15"
    return Section("gates", "Gates by field", _more(text, there), made, lacking=f"l0gm train DATA {where} --out DIR")


def _robustness(methods: Sequence[Method]) -> Section:
    there = [method for method in methods if method.part("robustness")]
    command = PAPER_GRAPH.format(3) if _is_graph(methods) else "l0gm robustness MODEL DATA --out DIR"
    if not there:
        return Section("robustness", "Robustness", lacking=command)
    names = list(dict.fromkeys(name for m in there for run in m.runs for name in run.robustness if name != "clean"))
    rows = []
    for method in there:
        values = [method.mean("rob_mu"), *(_under(method, name) for name in ("clean", *names))]
        rows.append([method.label, *map(number, values)])
    measured = {measure for m in there for run in m.runs for found in run.robustness.values() for measure in found}
    made = [
        Figure(partial(figures.robustness, there, measure), f"{label(measure)} under corruption")
        for measure in ("accuracy", "auc", "log_loss", "ece")
        if measure in measured
    ]
    text = (
        "The same corrupted test rows for every method, means over seeds. Rob μ is the mean accuracy over the "
        f"{len(names)} conditions. Missing and occlusion are shares, noise is in standard deviations of the training "
        "rows, quantisation in bits."
    )
    table = Table(["method", "Rob μ", "clean", *names], rows, "Accuracy.")
    return Section("robustness", "Robustness", _more(text, there, MOST), made, [table])


def _under(method: Method, name: str) -> float | None:
    values = [run.robustness[name]["accuracy"] for run in method.runs if "accuracy" in run.robustness.get(name, {})]
    if not values and name == "clean":
        values = list(method.values("accuracy").values())
    return sum(values) / len(values) if values else None


def _latency(methods: Sequence[Method]) -> Section:
    there = [method for method in methods if method.part("latency")]
    counts: dict[str, int] = {}
    for method in there:
        for place in dict.fromkeys(place for run in method.runs for place in run.latency):
            counts[place] = counts.get(place, 0) + 1
    places = sorted(counts, key=lambda place: -counts[place])  # of equals, the first comes first
    made = [
        Figure(partial(figures.latency, there, place), f"accuracy against time: {place}")
        for place in places[:MOST_PLACES]
    ]
    rows = [[method.label, *(_time(method, place) for place in places)] for method in there]
    tables = [Table(["method", *places], rows, "Microseconds a row, medians.")] if there else []
    text = "Microseconds a row: the mark is the median, the line goes from the 10th to the 99th percentile of calls."
    command = PAPER_GRAPH.format(3) if _is_graph(methods) else "l0gm bench DATA --out DIR"
    return Section("latency", "Latency against accuracy", text, made, tables, command)


def _is_graph(methods: Sequence[Method]) -> bool:
    return any(run.modality == "graph" for method in methods for run in method.runs)


def _time(method: Method, place: str) -> str:
    times = [run.latency[place]["p50"] for run in method.runs if place in run.latency]
    return f"{sum(times) / len(times):.3g}" if times else ""


def _more(text: str, there: Sequence[Method], most: int = MOST_EACH) -> str:
    """Return the text with a word on the methods that are not drawn."""
    left = len(there) - most
    return (
        text if left <= 0 else f"{text} The first {most} methods are drawn; l0gm.report.figures draws the other {left}."
    )
