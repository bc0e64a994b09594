"""What a check found, shown well in a notebook, in a terminal and to a screen reader."""

import html
from dataclasses import dataclass

#: By state, a sign and a colour that stands out from white as from black (a contrast of 3 or more with both).
SIGNS = {"passed": ("✓", "#009E73"), "to do": ("○", "#808080"), "not yet": ("✗", "#D55E00")}


@dataclass(frozen=True)
class Result:
    """What a check found.

    Attributes
    ----------
    question : str
    state : str
        "passed", "to do" or "not yet".
    message : str
        The first thing wrong, then a line with the likely cause and one with its address; plain text.
    cause : str
        The name of the known mistake that behaves as the answer does; "" where there is none.
    points, max_points : float
    """

    question: str
    state: str
    message: str = ""
    cause: str = ""
    points: float = 0
    max_points: float = 0

    @property
    def passed(self):
        """Whether every visible check passed."""
        return self.state == "passed"

    def __repr__(self):
        return f"{self.question}: {self.state}" + (f". {self.message}" if self.message else "")

    def _repr_html_(self):
        sign, colour = SIGNS[self.state]
        lines = "".join(f"<div>{_with_label(html.escape(line))}</div>" for line in self.message.splitlines())
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding-left: 0.8em; max-width: 50em; '
            f'overflow-wrap: anywhere">'
            f'<strong><span aria-hidden="true">{sign}</span> {html.escape(self.question)}: {self.state}</strong>'
            f"{lines}</div>"
        )


def _with_label(line):
    """A line with what stands before its colon in bold, where that says what kind of line it is."""
    label, colon, text = line.partition(": ")
    return f"<strong>{label}:</strong> {text}" if colon and label in ("Likely cause", "Atlas of mistakes") else line


class Shown(str):
    """A text that a notebook shows as it is, without quotes."""

    def __repr__(self):
        return str(self)
