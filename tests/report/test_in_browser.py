"""The page in a browser: nothing in the console, each figure drawn, values under the pointer, room on a phone."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

import report_browser as browser

pytestmark = pytest.mark.skipif(browser.binary() is None, reason="there is no Chromium")

SCRIPT = """
const drawn = [...document.querySelectorAll("figure")].map((figure) => {
  const box = figure.querySelector("svg").getBBox(), size = figure.getBoundingClientRect();
  return [box.width > 100 && box.height > 50, size.width, figure.querySelectorAll("path").length];
});
const shown = [...document.querySelectorAll("svg.figure")].map((figure) => {
  const mark = figure.querySelector(".tip");
  const box = mark.getBoundingClientRect();
  const at = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true};
  mark.dispatchEvent(new PointerEvent("pointermove", at));
  const hover = document.querySelector(".hover"), place = hover.getBoundingClientRect();
  return [hover.hidden, hover.textContent, place.left >= 0 && place.right <= innerWidth];
});
document.querySelector("svg.figure").dispatchEvent(new PointerEvent("pointerleave"));
return {drawn, shown, left: document.querySelector(".hover").hidden, page: document.documentElement.scrollWidth,
        window: innerWidth, scripts: document.scripts.length, markup: document.querySelectorAll("b, i").length};
"""


@pytest.mark.parametrize(("folder", "width"), [("paper", 1280), ("trained", 500), ("messy", 500)])
def test_every_figure_is_drawn_and_tells_its_values(folder, width, pages):
    _, page = pages(folder)
    found, said = browser.ask(page, SCRIPT, width)
    assert said == []
    assert len(found["drawn"]) == page.read_text().count("<figure>") > 5
    for is_large, wide, paths in found["drawn"]:
        assert is_large
        assert paths > 3
        assert 250 < wide <= width
    for hidden, text, inside in found["shown"]:
        assert not hidden
        assert len(text) > 10
        assert inside
    assert found["left"]
    assert found["page"] <= found["window"]  # the page does not scroll sideways; its tables do
    assert found["scripts"] == 3  # the page's own, and the test's two
    assert found["markup"] == 0  # that of names is text


def test_the_page_as_it_is_says_nothing_in_the_console(pages, tmp_path):
    """With its Content-Security-Policy, which lets its own script run and no other."""
    _, page = pages("trained")
    assert browser.console(page) == []
    other = tmp_path / "other.html"
    other.write_text(page.read_text().replace('"use strict";', "'use strict';"))
    assert "Content Security Policy" in " ".join(browser.console(other))
