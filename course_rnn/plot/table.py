"""A table of results: one that a page, JupyterLab and a screen reader show as a table."""

import numpy as np


class Table:
    """Rows of numbers and words under named columns; the last line of a cell shows it.

    Parameters
    ----------
    rows : dict of str to sequence
        The name of each row and its values: numbers, words, or None for an empty cell.
    columns : sequence of str
        What the values are, with the unit in brackets.
    head : str
        What the rows are.
    digits : int
        Decimals of the numbers that are not whole.

    Raises
    ------
    ValueError
        There is no row, or a row has not one value for each column.

    Examples
    --------
    >>> Table({"RNN": [36, 0.9251], "LSTM": [144, None]}, ["weights", "accuracy"], head="cell")
    cell    weights    accuracy
    RNN          36        0.93
    LSTM        144
    """

    def __init__(self, rows, columns, *, head="", digits=2):
        if not rows:
            raise ValueError("a table needs at least one row")
        for name, values in rows.items():
            if len(values) != len(columns):
                raise ValueError(f"the row {name} has {len(values)} values for {len(columns)} columns")
        self.head, self.columns = head, list(columns)
        self.rows = {name: [_written(value, digits) for value in values] for name, values in rows.items()}

    def _repr_markdown_(self) -> str:
        lines = [[self.head, *self.columns], ["---", *["--:"] * len(self.columns)]]
        lines += [[name, *values] for name, values in self.rows.items()]
        return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |" for line in lines)

    def __repr__(self) -> str:
        first = max(map(len, [self.head, *self.rows]))
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows.values(), strict=True)]
        lines = [(self.head, self.columns), *self.rows.items()]
        texts = (
            "".join(f"    {value:>{width}}" for value, width in zip(line, widths, strict=True)) for _, line in lines
        )
        return "\n".join(f"{name:{first}}{text}".rstrip() for (name, _), text in zip(lines, texts, strict=True))


def table(rows, columns, *, head="", digits=2) -> Table:
    """Show results as a table; the arguments are those of `Table`."""
    return Table(rows, columns, head=head, digits=digits)


def _written(value, digits):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return f"{value:.{digits}f}"
