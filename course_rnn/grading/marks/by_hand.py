"""Marks by hand for derivations and open questions: a rubric, and a spreadsheet that goes out and comes back.

The rubric is a file in TOML::

    assignment = "02_simple_rnn"
    exercise = "exercises/02_simple_rnn.ipynb"   # what was handed out: its lines are nobody's answer

    [questions.the_other_way]
    heading = "An open question"                 # the answer is what stands under this heading of the notebook

    [questions.the_other_way.criteria]
    "says what has to be true of the output" = 2
    "finds a network where it is not" = 1

``course-rnn manual GRADES --rubric RUBRIC`` writes GRADES/manual.csv, a row for each student and question with the
answer beside. Whoever marks fills in `points`, one number for each criterion joined by a plus, such as 2+0.5, and
`comment`; ``course-rnn report GRADES`` reads both. An empty cell is not marked yet.
"""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from course_rnn.grading import tables
from course_rnn.grading.intake.files import Rejected, handed_in
from course_rnn.grading.room.session import Room
from course_rnn.grading.store import Store
from course_rnn.grading.text import write_whole
from course_rnn.grading.worker.frames import unpack

FILE, RUBRIC = "manual.csv", "rubric.toml"
COLUMNS = ("student", "question", "criteria", "points", "comment", "answer")


@dataclass(frozen=True)
class Open:
    """A question that is marked by hand.

    Attributes
    ----------
    heading : str
    criteria : dict of str to float
        The points that each is worth.
    """

    heading: str
    criteria: dict

    @property
    def points(self):
        """What all criteria are worth together."""
        return sum(self.criteria.values())


@dataclass(frozen=True)
class Rubric:
    """The open questions of an assignment, by the names under which they stand in the grades."""

    assignment: str
    questions: dict
    exercise: str = ""


def read_rubric(path) -> Rubric:
    """The rubric of a file.

    Raises
    ------
    ValueError
        It is no rubric; the sentence says where.
    """
    try:
        found = tomllib.loads(tables.text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}.") from None
    if not isinstance(found.get("assignment"), str):
        raise ValueError(f'{path} does not say which assignment it is for: assignment = "02_simple_rnn".')
    questions = found.get("questions")
    if not isinstance(questions, dict) or not questions:
        raise ValueError(f"{path} has no questions: [questions.NAME].")
    for name, question in questions.items():
        question = question if isinstance(question, dict) else {}
        heading, criteria = question.get("heading"), question.get("criteria")
        if not isinstance(heading, str):
            raise ValueError(f'{path}: {name} does not name the heading of the notebook: heading = "An open question".')
        if not isinstance(criteria, dict) or not criteria:
            raise ValueError(f'{path}: {name} has no criteria: [questions.{name}.criteria], then "what to find" = 2.')
        for criterion, points in criteria.items():
            if not isinstance(points, int | float) or isinstance(points, bool) or not 0 < points < float("inf"):
                raise ValueError(f"{path}: {name}, {criterion!r} is worth {points!r}, expected a number above 0.")
    exercise = found.get("exercise", "")
    opened = {name: Open(each["heading"], each["criteria"]) for name, each in questions.items()}
    return Rubric(found["assignment"], opened, str(Path(path).parent / exercise) if exercise else "")


def write_manual(folder, rubric):
    """Write, or bring up to date, the table in which a class is marked by hand; the marks that it holds are kept.

    Parameters
    ----------
    folder : path
        What `batch.grade_class` wrote.
    rubric : path
        It is copied into the folder.

    Returns
    -------
    path : Path
    changed : list of str
        Students who handed in another answer after theirs was marked.

    Raises
    ------
    ValueError
        The rubric is wrong, or does not fit the verdicts.
    """
    folder, asked = Path(folder), read_rubric(rubric)
    with Store(folder) as store:
        graded, limits, trusted = _graded(store.verdicts(), asked), *store.how()
        marked = {(cells["student"], cells["question"]): cells for cells in _marks(folder)}
        rows, changed = [], []
        with Room(limits, trusted=trusted) as room:
            for student, content in handed_in(store, graded, limits):
                for name, answer in _answers(room, content, asked).items():
                    old = marked.get((student, name), dict.fromkeys(COLUMNS, ""))
                    if old["points"] and old["answer"].split() != answer.split():
                        changed.append(student)
                    criteria = asked.questions[name].criteria.items()
                    criteria = " + ".join(f"{points:g}: {criterion}" for criterion, points in criteria)
                    rows.append([student, name, criteria, old["points"], old["comment"], answer])
    write_whole(folder / RUBRIC, tables.text_of(rubric))
    tables.write(folder / FILE, COLUMNS, rows)
    return folder / FILE, list(dict.fromkeys(changed))


def _answers(room, content, asked):
    """What a notebook says under the heading of each question; nothing where it cannot be read."""
    headings = [question.heading for question in asked.questions.values()]
    try:
        said = unpack(room.read(content, "answers", headings=headings, given=sorted(_given(asked)))["answers"])
    except Rejected:
        said = [""] * len(headings)
    return dict(zip(asked.questions, said, strict=True))


def apply(folder, found):
    """The verdicts with the marks that were given by hand.

    A question that is not marked yet counts for nothing so far, and the student's verdict says so.

    Parameters
    ----------
    folder : path
        There need not be any marks in it.
    found : dict of str to Verdict

    Returns
    -------
    found : dict of str to Verdict
    pending : set of str
        Students of whom something is not marked yet.

    Raises
    ------
    ValueError
        A mark is none; the sentence says where.
    """
    if not (Path(folder) / RUBRIC).exists():
        return found, set()
    asked, pending = read_rubric(Path(folder) / RUBRIC), set()
    marks = {(cells["student"], cells["question"]): cells for cells in _marks(folder)}
    found = dict(found)
    for student, verdict in _graded(found, asked).items():
        questions, messages = dict(verdict.questions), list(verdict.messages)
        for name, question in asked.questions.items():
            cells = marks.get((student, name), {"points": ""})
            if cells["points"]:
                questions[name] = _answer(question, cells, f"{Path(folder) / FILE}, line {cells.get('line')}")
            else:
                pending.add(student)
                messages.append(f"Not marked yet: {name}.")
        by_hand = [questions[name] for name in asked.questions if name in questions]
        found[student] = replace(
            verdict,
            questions=questions,
            messages=messages,
            score=verdict.score + sum(answer["points"] for answer in by_hand),
            max_score=verdict.max_score + sum(question.points for question in asked.questions.values()),
        )
    return found, pending


def _answer(question, cells, where):
    """What the verdict says about a question that was marked."""
    parts = [tables.number(part) for part in cells["points"].split("+")]
    most = list(question.criteria.values())
    if len(parts) != len(most) or not all(
        part is not None and 0 <= part <= best for part, best in zip(parts, most, strict=False)
    ):
        wanted = " + ".join(f"0 to {best:g}" for best in most)
        raise ValueError(f"{where}: the points are {cells['points']!r}, expected {wanted}.")
    lines = [
        f"{tables.shown(part)} of {tables.shown(best)}: {criterion}"
        for part, (criterion, best) in zip(parts, question.criteria.items(), strict=True)
    ]
    message = "\n".join([*lines, *([cells["comment"]] if cells["comment"] else [])])
    return {"points": sum(parts), "max": question.points, "message": message, "cause": ""}


def _graded(found, asked):
    """The verdicts that are about a graded answer to the assignment of a rubric."""
    graded = {
        student: verdict
        for student, verdict in found.items()
        if verdict.assignment == asked.assignment and verdict.status == "graded"
    }
    if not graded:
        raise ValueError(f"Nobody has been graded in {asked.assignment}, which the rubric is for.")
    for verdict in graded.values():
        taken = asked.questions.keys() & verdict.questions.keys()
        if taken:
            raise ValueError(f"The rubric's {', '.join(taken)} is graded already: choose a new name.")
    return graded


def _marks(folder):
    path = Path(folder) / FILE
    return [cells | {"line": line} for line, cells in tables.read(path, COLUMNS)] if path.exists() else []


def _given(asked):
    """The lines of what was handed out."""
    if not asked.exercise:
        return set()
    cells = nbformat.read(asked.exercise, as_version=4).cells
    return {line.strip() for cell in cells for line in cell.source.splitlines()} - {""}
