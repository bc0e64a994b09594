"""The exercise as students get it: with nbgrader's metadata, and without outputs.

Each question becomes two cells: the function to write, and a locked one that checks it and carries the points. In that
one the last value is the points that the visible cases give, which is what nbgrader's own autograder would record.
"""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_rnn.checking.sealed import seal
from course_rnn.notebooks import make_exercise, write

SOLUTIONS = Path("solutions")
UNSEAL = '''\
# The cases that your answers are checked with. Leave this cell as it is.
from course_rnn.checking.sealed import unseal

q = unseal("""
{text}""")'''
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CHECK = re.compile(r"^\w+\.\w+\.check\(\w+\)$", re.MULTILINE)


def find_solution(name, folder=SOLUTIONS):
    """The path of a solution: a path as it is, or the one in `folder` that begins with a number or name.

    Raises
    ------
    ValueError
        There is none, or more than one.
    """
    if Path(name).is_file():
        return Path(name)
    found = sorted(Path(folder).glob(f"{name}*.ipynb"))
    if len(found) != 1:
        there = ", ".join(path.stem for path in sorted(Path(folder).glob("*.ipynb"))) or "none: is this the repository?"
        raise ValueError(f"{len(found)} notebooks in {folder}/ begin with {name!r}. There are: {there}.")
    return found[0]


def release(solution, chapter) -> NotebookNode:
    """The exercise of a solution, ready to hand out.

    Parameters
    ----------
    solution : NotebookNode
    chapter : Chapter
        The questions that it asks.
    """
    from nbgrader.preprocessors import ComputeChecksums, LockCells

    exercise = make_exercise(with_metadata(solution, chapter))
    for preprocessor in (LockCells(), ComputeChecksums()):
        exercise, _ = preprocessor.preprocess(exercise, {})
    return exercise


def with_metadata(solution, chapter) -> NotebookNode:
    """A solution with what nbgrader wants to find in the source of an assignment.

    Where it does not check its questions itself, it gets them sealed: their checks, and no answers.

    Raises
    ------
    ValueError
        A question of the chapter is not asked, or asked twice.
    """
    source = nbformat.from_dict(solution)
    source.metadata.course_rnn = {"assignment": chapter.name}
    source.cells = [new for cell in source.cells for new in _cells(cell, chapter.questions)]
    if not any(CHECK.search(cell.source) for cell in solution.cells):
        first = next((k for k, cell in enumerate(source.cells) if "nbgrader" in cell.metadata), 0)
        source.cells.insert(first, _sealed(chapter))
    asked = [cell.metadata.nbgrader.grade_id for cell in source.cells if "nbgrader" in cell.metadata]
    for name in chapter.questions:
        if asked.count(name) != 1:
            raise ValueError(f"{chapter.name}: {name} is asked {asked.count(name)} times, expected once.")
    return source


def _cells(cell, questions):
    """What becomes of one cell: itself, or the two cells of the question that it asks."""
    defined = [name for name in questions if re.search(rf"^def {name}\(", cell.source, re.MULTILINE)]
    if cell.cell_type != "code" or BEGIN not in cell.source or not defined:
        return [cell]
    name, points = defined[-1], questions[defined[-1]].points  # a cell may write a helper first
    check = CHECK.search(cell.source)
    if check:
        answer, rest = cell.source[: check.start()], cell.source[check.end() :]
        test = f"result = {check[0]}\ndisplay(result){rest.rstrip()}\nresult.points"
    else:
        answer, test = cell.source, f"result = q.{name}.check({name})\ndisplay(result)\nresult.points"
    cell.source = answer.rstrip()
    cell.metadata.nbgrader = _metadata(name, solution=True)
    points_cell = new_code_cell(test, id=f"{cell.id}-points")
    points_cell.metadata.nbgrader = _metadata(points_id(name), points=points)
    return [cell, points_cell]


def _sealed(chapter):
    """The cell that makes the sealed questions of a chapter, folded away where an editor can."""
    cell = new_code_cell(UNSEAL.format(text=seal(chapter)), id="questions")
    cell.metadata |= {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}  # the tag is what `write` goes by
    return cell


def points_id(name):
    """How the cell is called that carries the points of a question."""
    return f"{name}_points"


def _metadata(grade_id, points=None, solution=False):
    metadata = {"schema_version": 3, "grade_id": grade_id, "solution": solution, "locked": not solution, "task": False}
    return metadata | {"cell_type": "code", "grade": not solution} | ({} if solution else {"points": points})


def write_release(name, out, chapters):
    """Write the exercise of the solution that `find_solution` finds into a folder; returns its path.

    Raises
    ------
    ValueError
        There are no questions for it.
    """
    solution = find_solution(name)
    if solution.stem not in chapters:
        raise ValueError(f"There are no questions for {solution.stem}. There are: {', '.join(chapters)}.")
    path = Path(out, solution.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(release(nbformat.read(solution, as_version=4), chapters[solution.stem]), path)
    return path


def variant_solution(course, assignment, student) -> NotebookNode:
    """The solution of a student's own questions, from which their exercise is made.

    Parameters
    ----------
    course : Course
    assignment : Assignment
    student : str
    """
    asked = course.chapters(student)[assignment.name].questions
    due, points = assignment.due_of(student), sum(question.points for question in asked.values())
    cells = [
        new_markdown_cell(
            f"# {assignment.title}\n\n"
            f"{course.title}. For **{student}**, due on {due:%Y-%m-%d at %H:%M} ({course.zone}).\n\n"
            f"{len(asked)} {'question' if len(asked) == 1 else 'questions'}, {points:g} points. "
            "Each states a convention that was drawn for you: an answer in somebody else's is wrong in yours.\n"
            "The checks here try some cases. What counts are others, tried after you have handed in.",
            id="title",
        ),
        new_code_cell("import numpy as np", id="imports"),
    ]
    for name, question in asked.items():
        code = question.family.code(question.token, f"{BEGIN}\n", f"{END}\n")
        cells += [
            new_markdown_cell(question.family.instructions(question.token), id=f"{name}-text"),
            new_code_cell(code.rstrip(), id=name),
        ]
    cells.append(new_code_cell("q.progress()", id="progress"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def variant(course, assignment, student) -> NotebookNode:
    """The exercise of a student, as it is handed out; a project is the same for everybody."""
    if assignment.project:
        solution = nbformat.read(find_solution(assignment.project), as_version=4)
    else:
        solution = variant_solution(course, assignment, student)
    exercise = release(solution, course.chapters(student)[assignment.name])
    exercise.metadata.course_rnn.student = student
    return exercise


def write_variants(course, roster, out, name=None):
    """Write the notebook of every student for every assignment, or for one: OUT/NAME/NAME_STUDENT.ipynb.

    Parameters
    ----------
    course : Course
    roster : iterable of str
        The students.
    out : path
    name : str, optional
        Of the only assignment.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        There is no such assignment, or an extension is nobody's.
    """
    course.check_students(roster)
    if name is not None and name not in course.assignments:
        raise ValueError(f"There is no assignment {name}. There are: {', '.join(course.assignments)}.")
    paths = []
    for assignment in [course.assignments[name]] if name else course.assignments.values():
        Path(out, assignment.name).mkdir(parents=True, exist_ok=True)
        for student in roster:
            path = Path(out, assignment.name, f"{assignment.name}_{student}.ipynb")
            write(variant(course, assignment, student), path)
            paths.append(path)
    return paths
