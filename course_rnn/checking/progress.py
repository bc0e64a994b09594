"""What a learner has solved: kept in one small file that is safe to lose.

The file is ``.course_rnn_progress.json`` in the folder of the notebook. The environment variable
``COURSE_RNN_PROGRESS`` names another place; set and empty, nothing is read or written and the progress lasts as long
as the kernel.
"""

import html
import json
import os
from pathlib import Path

_solved = {}  # chapter -> question -> the most points so far


def path():
    """The file that progress is kept in; None where none is wanted."""
    name = os.environ.get("COURSE_RNN_PROGRESS", ".course_rnn_progress.json")
    return Path(name) if name else None


def read():
    """The most points so far, chapter -> question -> points: those on disk and those of this kernel."""
    solved = {chapter: dict(points) for chapter, points in _solved.items()}
    try:
        stored = json.loads(path().read_text())
        for chapter, questions in stored.items():
            for question, points in questions.items():
                _keep_best(solved, chapter, question, float(points))
    except (AttributeError, OSError, TypeError, ValueError):  # no file wanted, none there, or not one of ours
        pass
    return solved


def record(chapter, question, points):
    """Keep the points of a question if they are more than before."""
    if not points:
        return
    _keep_best(_solved, chapter, question, points)
    file = path()
    if file is None:
        return
    new = file.with_name(file.name + ".new")
    try:
        new.write_text(json.dumps(read(), indent=1))
        new.replace(file)
    except OSError:  # a read-only folder: the progress lasts as long as the kernel
        pass


def _keep_best(solved, chapter, question, points):
    questions = solved.setdefault(chapter, {})
    questions[question] = max(points, questions.get(question, 0))


class Table:
    """Shows a summary and a row for each part of it, as text or as a list in HTML."""

    def _rows(self):
        """What the table holds: name, points so far, points in all."""
        raise NotImplementedError

    def _summary(self):
        raise NotImplementedError

    def __repr__(self):
        rows = list(self._rows())
        width = max((len(name) for name, *_ in rows), default=0)
        lines = [f"  {'✓' if got >= of else '○'} {name:<{width}}  {got:g}/{of:g}" for name, got, of in rows]
        return "\n".join([self._summary(), *lines])

    def _repr_html_(self):
        signs = {True: ("✓", "solved"), False: ("○", "to do")}
        rows = ""
        for name, got, of in self._rows():
            sign, meaning = signs[got >= of]
            rows += f'<li><span role="img" aria-label="{meaning}">{sign}</span> '
            rows += f"<code>{html.escape(name)}</code> {got:g}/{of:g}</li>"
        summary = html.escape(self._summary())
        return f'<div role="status"><strong>{summary}</strong><ul style="list-style: none">{rows}</ul></div>'


class Progress(Table):
    """How far a learner is in one chapter; shows itself as a small table."""

    def __init__(self, chapter, available):
        self.chapter, self.available = chapter, available
        solved = read().get(chapter, {})
        self.solved = {question: min(solved.get(question, 0), points) for question, points in available.items()}

    @property
    def done(self):
        """How many questions have their full points."""
        return sum(self.solved[question] >= points for question, points in self.available.items())

    @property
    def points(self):
        """The points so far, and the points of the chapter."""
        return sum(self.solved.values()), sum(self.available.values())

    @property
    def complete(self):
        """Whether every question has its full points."""
        return self.solved == self.available

    def _summary(self):
        got, of = self.points
        return f"{self.chapter}: {self.done} of {len(self.available)} questions, {got:g} of {of:g} points"

    def _rows(self):
        return ((question, self.solved[question], points) for question, points in self.available.items())


class Overview(Table):
    """How far a learner is in the whole course; shows itself as a small table with a row for each chapter."""

    def __init__(self, chapters):
        self.chapters = chapters  # a Progress for each

    @property
    def complete(self):
        """Whether every question of every chapter has its full points."""
        return all(chapter.complete for chapter in self.chapters)

    def _summary(self):
        got, of = map(sum, zip(*(chapter.points for chapter in self.chapters), strict=True))
        done = sum(chapter.done for chapter in self.chapters)
        return (
            f"The course: {done} of {sum(len(c.available) for c in self.chapters)} questions, {got:g} of {of:g} points"
        )

    def _rows(self):
        return ((chapter.chapter, *chapter.points) for chapter in self.chapters)
