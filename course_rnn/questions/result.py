"""What a check found, shown well in a notebook, in a terminal and to a screen reader."""

import html
from dataclasses import dataclass

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
        The first thing wrong, and on the next line the likely cause; plain text.
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
        message = "".join(f"<br>{html.escape(line)}" for line in self.message.splitlines())
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding-left: 0.8em">'
            f'<strong><span aria-hidden="true">{sign}</span> {html.escape(self.question)}: {self.state}</strong>'
            f"{message}</div>"
        )


class Shown(str):
    """A text that a notebook shows as it is, without quotes."""

    def __repr__(self):
        return str(self)
