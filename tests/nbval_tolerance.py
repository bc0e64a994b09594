"""nbval with a tolerance: decimals may differ in the last printed digit, all else must be equal.

nbval compares text to the letter. A sum on another processor may round otherwise, so 0.123 may come out as 0.124.
Here two texts are equal when they are equal with their decimals taken out, and each pair of decimals differs by at
most one unit of the last digit that both print (or 1e-6 of its size, or 1e-9). Integers, words and shapes stay exact.
A cell whose numbers come out of training may widen its own tolerance with the metadata ``{"course_rnn": {"rtol":
0.05}}``; a test counts such cells. Pictures inside HTML are not compared.

Also, a code cell that was never executed fails: nbval lets it pass. After a cell that did not end no other of its
notebook is run: each could hang as long.

nbval offers no hook for this, so two private methods of `nbval.plugin.IPyNbCell` are wrapped; nbval is pinned for
that reason.
"""

import re

from nbval import plugin

# a number with a decimal point or an exponent, that is not part of a longer word such as a version 1.2.3
DECIMAL = re.compile(
    r"(?<![\w.])[-+]?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)(?![\w]|\.\d)"
)
PICTURE = re.compile(r"data:image/[\w+.-]+;base64,[A-Za-z0-9+/=]+")


def unit(number):
    """One unit of the last printed digit: 0.01 for '1.23', 10 for '1.2e2'."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)


def close(reference, new, rtol=1e-6):
    """Whether two printed decimals say the same."""
    a, b = float(reference), float(new)
    # the factor lets 0.124 - 0.123, which is not exactly 0.001 in binary, count as one unit
    return abs(a - b) <= max(1.001 * max(unit(reference), unit(new)), rtol * abs(a), 1e-9)


def skeleton(text):
    """The text without its decimals and pictures, blanks folded: what must agree to the letter."""
    return re.sub(r"\s+", " ", DECIMAL.sub("#", text)).strip()


class Approximate(str):
    """A text that equals another whose decimals are close."""

    rtol = 1e-6

    def __eq__(self, other):
        if not isinstance(other, str) or skeleton(self) != skeleton(other):
            return False
        return all(close(a, b, self.rtol) for a, b in zip(DECIMAL.findall(self), DECIMAL.findall(other), strict=True))

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def sanitize(cell, text):
    """What nbval compares in place of an output's text."""
    text = _sanitize(cell, text)
    if not isinstance(text, str):
        return text
    text = Approximate(PICTURE.sub("[picture]", text))
    text.rtol = cell.cell.metadata.get("course_rnn", {}).get("rtol", Approximate.rtol)
    return text


def runtest(cell):
    """Run one cell, after making sure that it has something to be compared with."""
    if cell.parent.timed_out:
        cell.raise_cell_error("An earlier cell did not end.")
    if cell.cell.source.strip() and cell.cell.execution_count is None and not cell.options["skip"]:
        cell.raise_cell_error(
            "This cell was committed without having been run: python -m course_rnn.notebooks NOTEBOOK"
        )
    _runtest(cell)


def setup(file):
    """Leave SVG out of the comparison: its path data are drawn numbers, compared nowhere else either."""
    file.skip_compare = (*file.skip_compare, "image/svg+xml")
    _setup(file)


_sanitize, plugin.IPyNbCell.sanitize = plugin.IPyNbCell.sanitize, sanitize
_runtest, plugin.IPyNbCell.runtest = plugin.IPyNbCell.runtest, runtest
_setup, plugin.IPyNbFile.setup = plugin.IPyNbFile.setup, setup
