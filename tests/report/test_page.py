"""The page holds all that it shows, names are text in it, and what is not there has the command that makes it."""

from __future__ import annotations

import io
import re
import shutil
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from report_records import NASTY

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from l0gm.errors import MissingExtraError, ParameterError
from l0gm.metrics import paired_interval
from l0gm.report import figures, read, write_figures, write_page
from l0gm.report.figures.words import better, label
from l0gm.report.svg import inline_svg


class Outline(HTMLParser):
    """Tags, ids, links and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.texts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.tags.append(tag)
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known[name] for name in ("href", "src", "xlink:href") if name in known]
        self.texts += [known["aria-label"]] if "aria-label" in known else []

    def handle_data(self, data):
        self.texts.append(data)


def test_it_needs_no_other_file(pages):
    page = pages("paper")[1].read_text(encoding="utf-8")
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    assert {link for link in outline.links if not link.startswith("#")} == set()
    assert {link[1:] for link in outline.links} <= set(outline.ids)
    for reference in re.findall(r"url\((.*?)\)", page):
        assert reference.strip("\"'").removeprefix("#") in outline.ids
    assert "http" not in re.sub(r'xmlns(:xlink)?="http[^"]*"', "", page).replace("http-equiv", "")


def test_it_shows_measures_claims_and_how_to_repeat(pages):
    paper, page = pages("paper")
    texts = "\n".join(Outline(page.read_text(encoding="utf-8")).texts)
    ours = read(paper).datasets["adult (openml)"][0]
    found = ours.summary("accuracy", True)
    assert f"{found['mean']:.4f} ± {found['std']:.4f}" in texts
    assert f"{found['worst']:.4f}" in texts
    assert page.read_text(encoding="utf-8").count("<strong>0.88 ± 0.01</strong>") == 1
    for said in ("does not hold here", "0.87 ± 0.01 [0.89]", "6 of 40 (15.0%)", f"l0gm paper table3 --out {paper}"):
        assert said in texts
    for title in ("Methods", "Reliability", "Confusion matrices", "Training", "Gates by field", "Robustness"):
        assert title in texts
    # one open fraction is no front
    assert "Not in this folder: quality against open dimensions (\nl0gm sweep DATA" in texts


def test_a_difference_has_its_interval(pages):
    paper, page = pages("paper")
    ours, mlp, _ = read(paper).datasets["adult (openml)"]
    gap = paired_interval(list(mlp.values("accuracy").values()), list(ours.values("accuracy").values()))
    star = " *" if gap.low > 0 or gap.high < 0 else ""
    assert f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]{star}<" in page.read_text(encoding="utf-8")


def test_names_are_text_whatever_they_hold(pages):
    page = pages("messy")[1].read_text(encoding="utf-8")
    outline = Outline(page)
    assert outline.tags.count("script") == 1
    assert not {"b", "i"} & set(outline.tags)
    assert outline.texts.count(NASTY) >= 3
    assert "\x00" not in page
    assert "runs/half.json is left out" in page
    assert "$x_{1}$ & $y" in "\n".join(outline.texts)


def test_a_figure_inside_a_page_and_its_own_file(paper):
    (ours, *_) = read(paper).datasets["adult (openml)"]
    ax = figures.gates(ours)
    root = ElementTree.fromstring(inline_svg(ax, "here", "what it shows"))
    svg = "{http://www.w3.org/2000/svg}"
    tips = [group.find(f"{svg}title").text for group in root.iter(f"{svg}g") if group.get("class") == "tip"]
    assert sum(tip.startswith("age: 3 open dimensions") for tip in tips) == 2  # the bar, and the end of it
    assert all(element.get("id", "here-").startswith("here-") for element in root.iter())
    assert root.get("aria-label") == "what it shows"
    assert "var(--ink, #1f2328)" in inline_svg(ax, "here", "")
    # drawn again, it is the same, and what a user saves knows nothing of the page
    assert inline_svg(ax, "here", "what it shows") == inline_svg(ax, "here", "what it shows")
    own = io.StringIO()
    ax.figure.savefig(own, format="svg")
    assert "tip:" not in own.getvalue()


def test_figures_as_files(paper, tmp_path):
    for path in (paper / "runs").iterdir():
        if not path.name.startswith("l0gm"):
            path.unlink()
    written = write_figures(read(paper), tmp_path / "figures", ("svg", "png"))
    names = {path.name for path in written}
    assert {"adult-openml-methods-1.svg", "adult-openml-robustness-1.png", "adult-openml-training-4.svg"} <= names
    for path in written:
        start = path.read_bytes()[:100]
        assert start.startswith(b"\x89PNG") if path.suffix == ".png" else b"<?xml" in start
    with pytest.raises(ParameterError, match=r"formats=\['gif'\]: choose out of svg, png, pdf"):
        write_figures(read(paper), tmp_path, ["gif"])


def test_without_the_packages(paper, tmp_path, monkeypatch):
    found = read(paper)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"jinja2, which is not installed: pip install 'l0gm\[report\]'"):
        write_page(found, tmp_path / "x.html")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"a comparison needs matplotlib"):
        figures.compare(found.datasets["adult (openml)"])
    assert not (tmp_path / "x.html").exists()


def test_a_folder_with_a_table_alone(paper, tmp_path):
    shutil.rmtree(paper / "runs")
    page = write_page(read(paper), tmp_path / "x.html").read_text(encoding="utf-8")
    assert "Sparser is calibrated" in page
    assert "0 runs" in page


def test_words():
    assert (label("log_loss"), label("something_else")) == ("log loss", "something else")
    assert (better("ece"), better("accuracy"), better("n_rows")) == ("lower is better", "higher is better", "")
