"""What a check found, shown well in a notebook, in a terminal and to a screen reader."""

import html
import os
from dataclasses import dataclass, field, fields

#: By state, a sign and a colour that stands out from white as from black (a contrast of 3 or more with both).
SIGNS = {"passed": ("✓", "#009E73"), "to do": ("○", "#808080"), "not yet": ("✗", "#D55E00")}
LABELS = ("Shapes", "Right already", "Likely cause", "Smallest failing case", "Next", "Atlas of mistakes")


@dataclass(frozen=True)
class Result:
    """What a check found.

    Attributes
    ----------
    question : str
    state : str
        "passed", "to do" or "not yet".
    message : str
        The first thing wrong, then a line each for what is right already, the likely cause, the smallest failing case,
        and where to read on; plain text.
    cause : str
        The name of the known mistake that behaves as the answer does, or of the rule that found the cause; "" where
        there is none.
    points, max_points : float
    case : Case or None
        The smallest case that fails: `case()` calls your function with it, `case.arguments` are what it gets.
    links : dict
        By a word of the message: the page of the book that explains it.
    """

    question: str
    state: str
    message: str = ""
    cause: str = ""
    points: float = 0
    max_points: float = 0
    case: object = field(default=None, compare=False, repr=False)
    links: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def passed(self):
        """Whether every visible check passed."""
        return self.state == "passed"

    def as_dict(self):
        """The result as plain values, without the case."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "case"}

    def __repr__(self):
        return f"{self.question}: {self.state}" + (f". {self.message}" if self.message else "")

    def _repr_html_(self):
        sign, colour = SIGNS[self.state]
        lines = "".join(f"<div>{self._linked(_with_label(html.escape(line)))}</div>" for line in self.lines)
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding-left: 0.8em; max-width: 50em; '
            f'overflow-wrap: anywhere">'
            f'<strong><span aria-hidden="true">{sign}</span> {html.escape(self.question)}: {self.state}</strong>'
            f"{lines}</div>"
        )

    @property
    def lines(self):
        """The message line by line."""
        return self.message.splitlines()

    def _linked(self, line):
        """A line of HTML in which what the book explains is a link."""
        if not line.startswith(("<strong>Atlas", "<strong>Next")):
            return line
        for word, page in self.links.items():
            line = line.replace(word, f'<a href="{html.escape(address(page))}">{word}</a>')
        return line


def address(page):
    """Where a page of the book lies: COURSE_RNN_BOOK is the address of the book, else it is beside the exercises."""
    book = os.environ.get("COURSE_RNN_BOOK", "").rstrip("/")
    return f"{book}/book/{page}" if book else f"../book/{page}"


def _with_label(line):
    """A line with what stands before its colon in bold, where that says what kind of line it is."""
    label, colon, text = line.partition(": ")
    return f"<strong>{label}:</strong> {text}" if colon and label in LABELS else line


class Shown(str):
    """A text that a notebook shows as it is, without quotes."""

    def __repr__(self):
        return str(self)
