"""Verdicts in the gradebook of an nbgrader course, so that its feedback, its CSV and its exporters work.

nbgrader would run the student's code in the process that computes the score. Here its autograder runs with another
list of preprocessors: instead of executing a notebook, it writes what the verdict says under each check.
"""

import os
import shutil
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import nbformat
from nbformat.v4 import new_output
from tqdm import tqdm

from course_rnn.grading import course as plans
from course_rnn.grading.intake.files import Rejected, handed_in
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.handouts import find_solution, points_id, release, with_metadata
from course_rnn.grading.room.session import Room
from course_rnn.grading.store import Store
from course_rnn.grading.text import file_name
from course_rnn.grading.worker.frames import unpack
from course_rnn.notebooks import STUB


def record(folder, course, solution=None):
    """Put the verdicts of a folder into an nbgrader course; what was recorded before is replaced.

    An assignment that the course does not know is added, made from its solution. The course's folder ``submitted`` is
    neither read nor changed; ``autograded`` holds each student's answers and what was said about them.

    Parameters
    ----------
    folder : path
        What `batch.grade_class` wrote.
    course : path
        The root of the course, where nbgrader_config.py lies, if there is one.
    solution : path, optional
        Of the assignment; default: the one in ``solutions/``.

    Returns
    -------
    recorded : list of str
        nbgrader's ids of the students.
    left_out : list of Verdict
        Rejected or ungraded: nobody's score is made up.

    Raises
    ------
    ValueError
        The verdicts do not fit the course.
    """
    folder, course = Path(folder), Path(course).absolute()
    found = settled(folder).verdicts.values()
    graded = {file_name(verdict.student): verdict for verdict in found if verdict.status == "graded"}
    if shutil.which("alembic") is None:  # nbgrader calls it by its name
        os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    config = _config(course)
    with tempfile.TemporaryDirectory() as submitted, Store(folder) as store:
        known, (limits, trusted) = plans.read(store.settings().get("questions")).chapters(), store.how()
        written, paths = dict(handed_in(store, {each.student: each for each in found}, limits)), store.paths()
        with Room(limits, trusted=trusted) as room:
            for assignment in sorted({verdict.assignment for verdict in graded.values()}):
                exercise = _exercise(config, known[assignment], find_solution(solution or assignment))
                for student, verdict in graded.items():
                    if verdict.assignment == assignment:
                        place = Path(submitted, student, assignment)
                        place.mkdir(parents=True)
                        answers = _answers(room, written[verdict.student], verdict)
                        _hand_in(place, exercise, verdict, answers, paths[verdict.student])
                _autograde(config, submitted, assignment, graded)
    return list(graded), [verdict for verdict in found if verdict.status != "graded"]


def _config(course):
    """The course's own configuration, and where it lies."""
    from traitlets.config import Config, PyFileConfigLoader

    path = course / "nbgrader_config.py"
    config = PyFileConfigLoader(path.name, path=str(course)).load_config() if path.exists() else Config()
    config.CourseDirectory.root = str(course)
    config.ClearSolutions.code_stub = {"python": STUB}
    return config


def _exercise(config, chapter, solution):
    """The exercise of a chapter as notebook; the course gets to know it, if it does not yet."""
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    solution = nbformat.read(solution, as_version=4)
    place = CourseDirectory(config=config, assignment_id=chapter.name)
    with Gradebook(place.db_url, place.course_id) as gradebook:
        try:
            cells = gradebook.find_notebook(chapter.name, chapter.name).grade_cells
        except MissingEntry:
            source = Path(place.format_path(place.source_directory, ".", chapter.name), f"{chapter.name}.ipynb")
            source.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(with_metadata(solution, chapter), source)
            GenerateAssignment(coursedir=place, config=config).start()
        else:
            there = {cell.name: cell.max_score for cell in cells}
            wanted = {points_id(name): question.points for name, question in chapter.questions.items()}
            if there != wanted:
                raise ValueError(f"The course's {chapter.name} has the points {there}, the verdicts have {wanted}.")
    return release(solution, chapter)


def _hand_in(place, exercise, verdict, answers, path):
    """Write the exercise with a student's answers in it, as nbgrader expects what is handed in."""
    filled = nbformat.from_dict(exercise)
    for cell in filled.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name].encode("utf-8", "backslashreplace").decode()
    nbformat.write(filled, place / f"{verdict.assignment}.ipynb")
    if answers and path:
        submitted = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        (place / "timestamp.txt").write_text(f"{submitted:%Y-%m-%d %H:%M:%S} UTC")


def _answers(room, content, verdict):
    """The cells that a verdict is about, by question; none where the file is no longer there, or another."""
    try:
        said = room.read(content, "code", names=list(verdict.questions))
    except Rejected:
        return {}
    return dict(zip(said["names"], unpack(said["code"]), strict=True))


def _autograde(config, submitted, assignment, graded):
    """Run nbgrader's autograder over all students of an assignment, with verdicts in the place of execution."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.preprocessors import Execute
    from sqlalchemy.exc import SAWarning

    place = CourseDirectory(config=config, assignment_id=assignment)
    place.submitted_directory = submitted
    autograder = Autograde(coursedir=place, config=config, force=True)
    with tqdm(total=len(list(Path(submitted).glob(f"*/{assignment}"))), unit="student", disable=None) as bar:
        say = partial(_say, graded, bar)
        steps = [say if step is Execute else step for step in autograder.autograde_preprocessors]
        autograder.autograde_preprocessors = steps
        with warnings.catch_warnings(action="ignore", category=SAWarning):  # of nbgrader's own making
            autograder.start()


def _say(graded, bar, notebook, resources):
    """Write under each check what the verdict says: its words, and the points as the value of the cell."""
    questions = graded[resources["nbgrader"]["student"]].questions
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        for name in (name for name in questions if points_id(name) == grade_id):
            points, message = questions[name]["points"], questions[name]["message"]
            value = new_output("execute_result", data={"text/plain": str(float(points))})
            cell.outputs = [new_output("stream", text=f"{message}\n"), value]
    bar.update()
    return notebook, resources
