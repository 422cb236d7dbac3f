"""Rows in columns, as wide as what stands in them."""

from collections.abc import Sequence

from rich.markup import escape

from portal.commands._common import out


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """The first row are the headings."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out().print(escape(line.rstrip()), style="" if number else "bold")
