"""How long a page takes to read: one rule, from which every page of the book has its time.

python -m course_rnn.pages.reading        lists the chapters with their words, visible lines of code and minutes
"""

import math
import re
from pathlib import Path

import nbformat

from course_rnn.pages.atlas import BOOK
from course_rnn.pages.objectives import minutes as minutes_of_question
from course_rnn.questions import chapters

#: A minute of prose and of code that one has not seen before, and the step to which minutes are rounded up.
WORDS, LINES, STEP = 220, 12, 5
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
NOT_PROSE = re.compile(r"\$\$.*?\$\$|^```.*?^```|^\|[-:| ]+\|$|<[^>]+>|\]\([^)]*\)", re.DOTALL | re.MULTILINE)


def counted(cells):
    """The words of prose and the visible lines of code of a notebook's cells, as two whole numbers.

    Formulas on a line of their own, addresses of links and empty lines do not count, nor does what a page hides.
    """
    words = lines = 0
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            words += len(re.findall(r"[^\W\d_][\w'’-]*", NOT_PROSE.sub(" ", source)))
        elif not HIDDEN & set(cell["metadata"].get("tags", ())):
            lines += sum(bool(line.strip()) for line in source.splitlines())
    return words, lines


def minutes(cells):
    """About how long a page takes to read, to the next five minutes.

    Examples
    --------
    >>> minutes([{"cell_type": "markdown", "source": "word " * 440, "metadata": {}}])
    5
    """
    words, lines = counted(cells)
    return STEP * math.ceil((words / WORDS + lines / LINES) / STEP)


def of_chapters(book=BOOK):
    """What each chapter of a book asks of a reader: name -> (minutes to read, hours for its exercises, to a half)."""
    found = {}
    for name, chapter in chapters().items():
        path = Path(book) / f"{name}.ipynb"
        if not path.exists():  # a book of some pages, as a preview is
            continue
        read = minutes(nbformat.read(path, as_version=4).cells)
        solve = sum(map(minutes_of_question, chapter.questions.values()))
        found[name] = read, math.ceil(solve / 30) / 2
    return found


def spans(book=BOOK):
    """The least and the most over the chapters, as words: ("20 to 45", "2 to 4½")."""
    read, solve = zip(*of_chapters(book).values(), strict=True)
    return f"{min(read)} to {max(read)}", f"{hours(min(solve))} to {hours(max(solve))}"


def hours(number):
    """A number of hours as a reader likes it.

    Examples
    --------
    >>> hours(2.0), hours(3.5)
    ('2', '3½')
    """
    return f"{int(number)}{'½' if number % 1 else ''}"


if __name__ == "__main__":
    for path in sorted(BOOK.glob("[0-9]*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        words, lines = counted(cells)
        print(f"{path.name:28}{words:6} words {lines:5} lines {minutes(cells):4} minutes")
