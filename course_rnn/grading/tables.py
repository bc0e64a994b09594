"""Tables that go through a spreadsheet and come back: read with care, written so that no cell becomes a formula."""

import csv
import io
import re
from pathlib import Path

from course_rnn.grading.text import write_whole

GRADES = "grades.csv"
BOM = "\ufeff"  # tells a spreadsheet that a file is UTF-8
FORMULA = re.compile(r"[=+\-@＝＋－＠]")  # with one of these a spreadsheet would begin a formula
KEPT_FROM_IT = re.compile(r"'(?=[=+\-@＝＋－＠])")  # what `as_text` makes of it
DIVIDES = ";,|\"'\t\r\n"  # where it might begin a cell, also if it splits lines at another sign than the comma
LARGEST_CELL = 1 << 20


def as_text(cell):
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what would begin one.

    Examples
    --------
    >>> as_text("=HYPERLINK(1)"), as_text("O'Neill, Ada-Mae")
    ("'=HYPERLINK(1)", "O'Neill, Ada-Mae")
    """
    return FORMULA.sub(lambda found: f"'{found[0]}" if _begins(cell, found.start()) else found[0], cell)


def as_it_was(cell):
    """What `as_text` was given.

    Examples
    --------
    >>> as_it_was("'=HYPERLINK(1)")
    '=HYPERLINK(1)'
    """
    return KEPT_FROM_IT.sub(lambda found: "" if _begins(cell, found.start()) else "'", cell)


def _begins(cell, place):
    """Whether a cell might begin at a place: nothing but spaces is between it and the begin, or what divides."""
    while place and cell[place - 1].isspace() and cell[place - 1] not in DIVIDES:
        place -= 1
    return place == 0 or cell[place - 1] in DIVIDES


def write(path, header, rows):
    """Write a table as CSV in UTF-8: the whole file or nothing of it."""
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    lines.writerow(header)
    lines.writerows([as_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    write_whole(path, BOM + text.getvalue())


def read(path, columns):
    """The rows of a table, with the number of the line that each begins on.

    The cells may be divided by commas, semicolons or tabs, as spreadsheets in different languages write them. Rows
    without any text are left out.

    Parameters
    ----------
    path : path
    columns : iterable of str
        Those that must be there; others may be.

    Returns
    -------
    list of (int, dict)
        The cells by column, without spaces around them; "" for a cell that is missing.

    Raises
    ------
    ValueError
        The file is no such table.
    """
    header, *rows = rows_of(path) or [(1, [])]
    header, found = [name.strip() for name in header[1]], []
    missing = [name for name in columns if name not in header]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}. Its first line must name: {', '.join(columns)}.")
    for began, row in rows:
        cells = dict.fromkeys(header, "") | dict(zip(header, (as_it_was(cell).strip() for cell in row), strict=False))
        if any(cells.values()):
            found.append((began, cells))
    return found


def rows_of(path):
    """The rows of a table as they stand, its first line among them, each with the line that it begins on.

    Raises
    ------
    ValueError
        The file is no table.
    """
    text, began, found = text_of(path), 1, []
    csv.field_size_limit(LARGEST_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        for row in lines:
            found.append((began, row))
            began = lines.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {began}, cannot be read: {error}.") from None
    return found


def text_of(path):
    """The text of a file in UTF-8, with or without the mark that spreadsheets put first.

    Raises
    ------
    ValueError
        It is in another encoding.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: save it in the spreadsheet as CSV UTF-8.") from None


def delimiter_of(text):
    """What divides the cells: the sign that the first line has most of, the comma where it has none.

    Examples
    --------
    >>> delimiter_of("student;points;reason")
    ';'
    """
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def number(text):
    """The number that a cell shows, with a decimal point or a decimal comma; None where it shows none.

    Examples
    --------
    >>> number("2,5"), number("2.0"), number("two"), number("nan")
    (2.5, 2, None, None)
    """
    if not re.fullmatch(r"\s*-?\d+([.,]\d+)?\s*", text):
        return None
    value = float(text.replace(",", "."))
    return int(value) if value.is_integer() else value


def shown(value):
    """A number of points as it is written: two decimal places at most.

    Examples
    --------
    >>> shown(2.0), shown(12345.678)
    ('2', '12345.68')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")
