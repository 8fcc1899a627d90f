"""A figure as SVG that lives inside a page: names of its own, colours of the page, and texts for the pointer."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from l0gm.report.style import GRID, INK, MUTED, PALETTE
from l0gm.report.tips import noted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["inline_svg"]

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
TIP = "tip:"
COLOURS = {INK: "ink", MUTED: "muted", GRID: "grid", **{colour: f"c{i}" for i, colour in enumerate(PALETTE)}}
_COLOUR = re.compile("|".join(COLOURS))
_NOT_DRAWN = ("metadata", "style")


def inline_svg(ax: Axes, name: str, label: str) -> str:
    """Return the figure as one ``svg`` element.

    Parameters
    ----------
    ax : Axes
    name : str
        Unique in the page: ids begin with it.
    label : str
        What it shows, for those who cannot see it.
    """
    drawn, texts = _saved(ax.figure, name)
    root = ElementTree.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.removeprefix(f"{{{SVG}}}") in _NOT_DRAWN:
                parent.remove(child)
    for element in root.iter():
        _own_names(element, name)
        if element.get("style"):
            element.set("style", _COLOUR.sub(_variable, element.attrib["style"]))
        target = element.get(HREF, "")
        if target.startswith(TIP):
            _make_tip(element, texts[int(target.removeprefix(TIP))])
        elif target:
            element.set("href", element.attrib.pop(HREF))
    for dimension in ("width", "height", "version"):
        root.attrib.pop(dimension, None)
    root.attrib.update({"role": "img", "aria-label": label, "class": "figure"})
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _saved(figure: Any, name: str) -> tuple[bytes, list[str]]:
    """Return matplotlib's SVG and the texts; what carries text N is a link to ``tip:N`` in it."""
    from matplotlib import rc_context

    carriers = [artist for artist in figure.findobj() if noted(artist)]
    texts: list[str] = []
    for artist in carriers:
        urls = [f"{TIP}{len(texts) + i}" for i in range(len(noted(artist)))]
        texts += noted(artist)
        if hasattr(artist, "set_urls"):
            artist.set_urls([*urls, *urls[:1]])  # two at least: a single one would not be written
        else:
            artist.set_url(urls[0])
    buffer = io.BytesIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    try:
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # the reader's browser has other fonts
            figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    finally:
        for artist in carriers:
            if hasattr(artist, "set_urls"):
                artist.set_urls([None])
            else:
                artist.set_url(None)
    return buffer.getvalue(), texts


def _own_names(element: ElementTree.Element, name: str) -> None:
    """Put the figure's name before ids and what refers to them."""
    for attribute, value in element.attrib.items():
        if attribute == "id":
            element.set(attribute, f"{name}-{value}")
        elif attribute == HREF and value.startswith("#"):
            element.set(attribute, f"#{name}-{value[1:]}")
        elif "url(#" in value:
            element.set(attribute, value.replace("url(#", f"url(#{name}-"))


def _make_tip(link: ElementTree.Element, text: str) -> None:
    """Make of a link a group with a title."""
    link.tag = f"{{{SVG}}}g"
    link.attrib.clear()
    link.set("class", "tip")
    title = ElementTree.Element(f"{{{SVG}}}title")
    title.text = text
    link.insert(0, title)


def _variable(found: re.Match[str]) -> str:
    return f"var(--{COLOURS[found[0]]}, {found[0]})"
