"""Grade files that Canvas and Moodle import, made from the files that they export for this purpose.

Both name students in ways of their own, so their file comes first, and grades are filled in.

**Canvas** imports a gradebook as it exports it: the columns up to ``Section`` tell who a student is, and a column that
is called ``Title (number)`` is an assignment. Only the columns of the student and the one assignment are written, as
Canvas leaves alone what is not in the file. An empty cell changes nothing; one that says EX, excused, is not touched.
Sources: Canvas community guides, "How do I import grades in the Gradebook?" and "How do I export grades in the
Gradebook?"; and Canvas itself, github.com/instructure/canvas-lms, lib/gradebook_importer.rb and gradebook_exporter.rb.

**Moodle** imports the "offline grading worksheet" of one assignment. It needs the columns ``Identifier``, with the
number that the participant has in this assignment and no other, ``Grade`` and ``Last modified (grade)``; ``Feedback
comments``, where it is there, is HTML. A grade above the maximum is skipped without a word, so it is refused here.
Sources: MoodleDocs, "Assignment settings" (feedback types, offline grading worksheet); and Moodle itself,
github.com/moodle/moodle, mod/assign/feedback/offline/importgradeslib.php and locallib.php.
"""

import csv
import html
import io
import re
from collections import Counter
from dataclasses import dataclass

from course_rnn.grading import tables
from course_rnn.grading.intake.roster import LMS, Entry

SECTION, POINTS_POSSIBLE = "Section", "Points Possible"
TITLE_AND_ID = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)
EXCUSED = ("EX", "N/A")  # the second: the assignment is not theirs
IDENTIFIER, GRADE, MODIFIED = "Identifier", "Grade", "Last modified (grade)"
MAXIMUM, COMMENTS, OPEN = "Maximum Grade", "Feedback comments", "Grade can be changed"


@dataclass(frozen=True)
class Person:
    """A student as the file of an LMS names them.

    Attributes
    ----------
    ids : set of str
        Names that are nobody else's.
    number : str
        What the LMS writes behind the name in the export of submissions.
    names : list of str
    row : list of str
        The cells of the file, in which the grade is filled in.
    """

    ids: set
    number: str
    names: list
    row: list


@dataclass(frozen=True)
class Export:
    """A file to import.

    Attributes
    ----------
    text : str
    graded : int
        How many grades are in it.
    left_out : list of str
        Whose are not, and why.
    """

    text: str
    graded: int
    left_out: list


def canvas(grades, gradebook, column=None, roster=None, scale=False) -> Export:
    """A gradebook to import into Canvas.

    Parameters
    ----------
    grades : settle.Grades
        Of one assignment.
    gradebook : path
        What Canvas exports.
    column : str, optional
        The assignment in Canvas, by title or number; default: the only one, or the one with the name of ours in it.
    roster : dict of str to Entry, optional
        Whose `lms` is the student's ID, SIS User ID or SIS Login ID in Canvas.
    scale : bool
        Convert the points where Canvas has another maximum.

    Raises
    ------
    ValueError
        The file is no exported gradebook, or it is not clear which column is meant.
    """
    header, *rows = [row for _, row in tables.rows_of(gradebook)] or [[]]
    if "ID" not in header or SECTION not in header:
        raise ValueError(f"{gradebook} is no gradebook as Canvas exports it: it has no columns ID and {SECTION}.")
    section = header.index(SECTION)
    place = _column(header, section, column, _assignment(grades))
    rows = [[*row[: section + 1], *row[place : place + 1]] for row in rows if len(row) > place]
    people = []
    for row in rows:
        who = dict(zip(header, row, strict=False))
        if POINTS_POSSIBLE in row[0]:
            if "read only" in row[-1]:
                raise ValueError(f"The column {header[place]!r} of Canvas is read-only.")
            maximum = tables.number(row[-1])
        elif who["ID"].strip():
            family, given = who.get("LastName", ""), who.get("FirstName", "")
            name = who.get("Student", f"{family}, {given}")
            ids = {who["ID"], who.get("SIS User ID", ""), who.get("SIS Login ID", "")} - {""}
            people.append(Person(ids, who["ID"], [name, " ".join(reversed(name.split(", ", 1)))], row))

    def fill(person, verdict):
        if person.row[-1].strip().upper() in EXCUSED:
            return f"Canvas says {person.row[-1].strip()}"
        person.row[-1] = _grade(verdict, maximum, scale)
        return ""

    graded, left_out = _fill(grades, people, roster, fill)
    header = [*header[: section + 1], header[place]]
    return Export(_text([header, *rows], tables.delimiter_of(tables.text_of(gradebook))), graded, left_out)


def moodle(grades, worksheet, roster=None, scale=False) -> Export:
    """A grading worksheet to import into an assignment of Moodle, with what was said as feedback comments.

    Parameters
    ----------
    grades : settle.Grades
        Of one assignment.
    worksheet : path
        What the assignment exports as its grading worksheet, in English.
    roster : dict of str to Entry, optional
        Whose `lms` is the student's e-mail address, ID number, or number in this assignment.
    scale : bool
        Convert the points where Moodle has another maximum.

    Raises
    ------
    ValueError
        The file is no grading worksheet.
    """
    header, *rows = [row for _, row in tables.rows_of(worksheet)] or [[]]
    missing = [name for name in (IDENTIFIER, GRADE, MODIFIED) if name not in header]
    if missing:
        raise ValueError(
            f"{worksheet} is no grading worksheet as Moodle exports it: it has no column {', '.join(missing)}. "
            "Set Moodle to English before you download it, and import it so."
        )
    _assignment(grades)
    people = []
    for row in (row for row in rows if len(row) == len(header)):
        who = dict(zip(header, row, strict=True))
        prefix, number = re.match(r"(\D*)(\d*)", who[IDENTIFIER]).groups()
        ids = {who.get(name, "") for name in ("Email address", "ID number", "Username")} - {""}
        people.append(Person(ids, number, [who.get("Full name") or prefix], row))

    def fill(person, verdict):
        who = dict(zip(header, person.row, strict=True))
        if who.get(OPEN, "Yes") != "Yes":
            return "Moodle does not let this grade be changed"
        maximum = tables.number(who.get(MAXIMUM, ""))
        person.row[header.index(GRADE)] = _grade(verdict, maximum, scale)
        if COMMENTS in header:
            person.row[header.index(COMMENTS)] = comments(verdict, grades.overrides.get(verdict.student, ()))
        return ""

    graded, left_out = _fill(grades, people, roster, fill)
    return Export(_text([header, *rows], tables.delimiter_of(tables.text_of(worksheet))), graded, left_out)


def comments(verdict, overrides=()):
    """What the feedback page says, as a few lines of HTML in which nothing of the student's is more than text."""
    lines = [
        f"{name}: {tables.shown(answer['points'])} of {tables.shown(answer['max'])}. {answer['message']}"
        for name, answer in verdict.questions.items()
    ]
    lines += [f"Changed by hand: {each}" for each in overrides]
    lines += verdict.messages
    escaped = [html.escape(line).replace("\n", "<br>") for line in lines]
    return tables.as_text("".join(f"<p>{line}</p>" for line in escaped))


def _assignment(grades):
    """The one assignment that grades are of."""
    names = {verdict.assignment for verdict in grades.verdicts.values() if verdict.score is not None}
    if len(names) != 1:
        there = f"{len(names)}: {', '.join(sorted(names))}" if names else "none"
        raise ValueError(f"An LMS takes the grades of one assignment, and here are those of {there}. Name one.")
    return names.pop()


def _column(header, section, wanted, assignment):
    """The place of the assignment in the header of Canvas's gradebook."""
    found = {place: TITLE_AND_ID.fullmatch(header[place]) for place in range(section + 1, len(header))}
    found = {place: match for place, match in found.items() if match}
    if wanted:
        meant = [place for place, match in found.items() if wanted in (match[0], match["title"], match["id"])]
    else:
        meant = [place for place, match in found.items() if len(found) == 1 or assignment in match["title"]]
    if len(meant) != 1:
        there = ", ".join(match[0] for match in found.values()) or "none"
        raise ValueError(f"Name the assignment in Canvas, by its title or number. There are: {there}.")
    return meant[0]


def _grade(verdict, maximum, scale):
    """A score as the LMS is to read it.

    Raises
    ------
    ValueError
        The LMS has another maximum.
    """
    if maximum is None or maximum == verdict.max_score:
        return tables.shown(verdict.score)
    if not scale:
        raise ValueError(
            f"The LMS gives {maximum:g} points at most, and {verdict.assignment} has {verdict.max_score:g}: "
            "change it there, or let --scale convert them."
        )
    return tables.shown(verdict.score / verdict.max_score * maximum)


def _fill(grades, people, roster, fill):
    """Fill in every grade that is somebody's; how many, and whose were left out and why."""
    rows, left_out = {}, []
    for student, verdict in grades.verdicts.items():
        if verdict.score is None:
            left_out.append(f"{student}: {verdict.status}, no score.")
        elif student in grades.pending:
            left_out.append(f"{student}: not all of it is marked yet.")
        else:
            found = find(student, people, (roster or {}).get(student, Entry(student)))
            if len(found) == 1:
                rows[student] = found[0]
            else:
                who = "several people" if found else "nobody"
                left_out.append(f"{student}: {who} in the file of the LMS.")
    claims, graded = Counter(id(person) for person in rows.values()), 0
    for student, person in rows.items():
        if claims[id(person)] > 1:
            why = "somebody else is the same person in the file of the LMS"
        else:
            why = fill(person, grades.verdicts[student])
        left_out += [f"{student}: {why}."] if why else []
        graded += not why
    return graded, left_out


def find(student, people, entry):
    """The people that a student of ours can be.

    First by an id that is theirs alone; then by the number that the LMS gives, if the name fits as well; then by name.

    Examples
    --------
    >>> ada = Person({"lovelace@uni"}, "101", ["Lovelace, Ada"], [])
    >>> [len(find(who, [ada], Entry(who))) for who in ("lovelace@uni", "lovelaceada_101", "byronbob_101")]
    [1, 1, 0]
    """
    lms = LMS.fullmatch(student)
    number, name = (lms["number"], lms["name"]) if lms else (entry.lms, entry.name)
    for is_meant in (
        lambda each: each.ids & ({student, entry.lms} - {""}),
        lambda each: number and each.number == number and _fits(name, each.names),
        lambda each: any(_letters(own) and _letters(own) in map(_letters, each.names) for own in (entry.name, student)),
    ):
        found = list(filter(is_meant, people))
        if found:
            return found
    return []


def _fits(name, names):
    """Whether a name in a file name is one of these; Moodle may write a group before it, Canvas leaves spaces out."""
    return any(_letters(each) and _letters(name).endswith(_letters(each)) for each in names)


def _letters(name):
    return "".join(filter(str.isalnum, name.casefold()))


def _text(rows, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()
