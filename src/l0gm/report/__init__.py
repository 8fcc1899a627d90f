"""One page that shows a run, and its figures for notebooks and papers."""
