"""One page that shows what a folder holds, and its figures for notebooks and papers.

``read(folder)`` finds runs, ``write_page(found, path)`` makes the page, and :mod:`l0gm.report.figures` draws.
"""

from l0gm.report import figures
from l0gm.report.page import write_figures, write_page
from l0gm.report.reading import Found, read
from l0gm.report.runs import Interval, Method, Run

__all__ = ["Found", "Interval", "Method", "Run", "figures", "read", "write_figures", "write_page"]
