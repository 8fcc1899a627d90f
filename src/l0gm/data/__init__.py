"""Rows on their way into a model: what the columns are, how rows are encoded and how they are split."""
