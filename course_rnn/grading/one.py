"""Grading one notebook by itself, as another program asks for it."""

import json
import secrets

from course_rnn.grading import course
from course_rnn.grading.batch import SEED_BITS
from course_rnn.grading.grade import grade_submission
from course_rnn.grading.intake.roster import find
from course_rnn.grading.intake.roster import read as read_roster
from course_rnn.grading.intake.submissions import Submission, one_of
from course_rnn.grading.limits import DEFAULTS


def grade_notebook(
    path, *, plan="", student=None, roster=None, assignment=None, seed=None, limits=DEFAULTS, trusted=False
):
    """Grade a notebook, a zip with one in it, or what lies in a folder.

    Parameters
    ----------
    path : Path
    plan : path
        A module of questions or a course.toml; "" for the course's own questions.
    student : str, optional
        Who handed it in: an id of the roster, or what `intake.roster.find` knows them by. Default: whoever the notebook
        was made for, if the roster has them; without a roster the name of the file.
    roster : path, optional
    assignment : str, optional
    seed : int, optional
        Default: drawn at random.
    limits : Limits
    trusted : bool

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
    """
    students = read_roster(roster) if roster else {}
    group = ()
    if students and student:
        meant = find(student, students.values())
        if len(meant) != 1:
            raise ValueError(f"{student!r} is not on the roster, or not alone.")
        student = meant[0].student
    elif students:
        student, group = "", tuple(students)
    elif not student:
        student = path.stem
    read = course.read(plan)
    found = one_of(student, path, assignment, read.files)
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    how = {"assignment": assignment, "seed": seed, "limits": limits, "trusted": trusted, "alone": True}
    return grade_submission(Submission(**vars(found) | {"group": group}), plan=read, **how)


def gradescope_user(folder):
    """The e-mail address of whoever handed in, as Gradescope says it in submission_metadata.json; None without one.

    Source: gradescope/autograder_samples, docs/submission_metadata.md.
    """
    try:
        users = json.loads((folder / "submission_metadata.json").read_text(encoding="utf-8"))["users"]
        return str(users[0]["email"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
