"""Exercises made for a class: nbgrader accepts them, and they hold no answers and no outputs."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbgrader import nbgraderformat
from nbgrader.utils import compute_checksum

from course_rnn.grading import course
from course_rnn.grading.out.handouts import find_solution, points_id, release, with_metadata, write_release
from course_rnn.questions import chapters as course_chapters

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "leaky_integrator.py"
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


def solution_of(path):
    return nbformat.read(path, as_version=4)


def made(path):
    known = course.read(None if path in SOLUTIONS else EXAMPLE).chapters()
    return release(solution_of(path), known[path.stem]), known[path.stem]


def by_id(notebook):
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


@pytest.mark.parametrize("path", [*SOLUTIONS, EXAMPLE.with_suffix(".ipynb")], ids=lambda path: path.stem)
def test_a_release_asks_every_question_and_holds_no_answer_and_no_output(path, tmp_path):
    exercise, chapter = made(path)
    cells = by_id(exercise)
    asked = list(cells)[::2]
    assert sorted(asked) == sorted(chapter.questions)
    assert list(cells)[1::2] == [points_id(name) for name in asked]
    for name, question in chapter.questions.items():
        answer, points = cells[name], cells[points_id(name)]
        assert "raise NotImplementedError" in answer.source and ".check(" not in answer.source
        assert points.metadata.nbgrader.points == question.points and not points.metadata.editable
    for cell in exercise.cells:
        assert "SOLUTION" not in cell.source and not cell.get("outputs") and cell.get("execution_count") is None
    assert exercise.metadata.course_rnn.assignment == chapter.name
    nbformat.write(exercise, tmp_path / "exercise.ipynb")
    nbgraderformat.read(tmp_path / "exercise.ipynb", as_version=4)  # it checks its metadata


@pytest.mark.parametrize("path", [*SOLUTIONS, EXAMPLE.with_suffix(".ipynb")], ids=lambda path: path.stem)
def test_the_checksums_are_those_of_nbgrader(path):
    for cell in by_id(made(path)[0]).values():
        assert cell.metadata.nbgrader.checksum == compute_checksum(cell)


def test_the_last_value_of_a_check_is_the_points_that_nbgrader_would_record():
    exercise, chapter = made(next(path for path in SOLUTIONS if path.stem == "02_simple_rnn"))
    for name in chapter.questions:
        source = by_id(exercise)[points_id(name)].source
        assert f"result = q.{name}.check({name})" in source
        assert ast.unparse(ast.parse(source).body[-1]) == "result.points"


def test_a_question_that_is_not_asked_is_named():
    solution, chapter = solution_of(EXAMPLE.with_suffix(".ipynb")), course.read(EXAMPLE).chapters()["leaky_integrator"]
    solution.cells = [cell for cell in solution.cells if "def leaky_step" not in cell.source]
    with pytest.raises(ValueError, match="leaky_step is asked 0 times"):
        with_metadata(solution, chapter)


def test_a_release_leaves_the_solution_as_it_is():
    solution, chapter = solution_of(EXAMPLE.with_suffix(".ipynb")), course.read(EXAMPLE).chapters()["leaky_integrator"]
    release(solution, chapter)
    assert solution == solution_of(EXAMPLE.with_suffix(".ipynb"))


def test_a_solution_is_found_by_number_by_name_and_by_path(tmp_path):
    for name in ("01_one", "02_two", "02_too"):
        (tmp_path / f"{name}.ipynb").touch()
    assert find_solution("01", tmp_path) == find_solution("01_one", tmp_path) == tmp_path / "01_one.ipynb"
    assert find_solution(tmp_path / "02_two.ipynb") == tmp_path / "02_two.ipynb"
    with pytest.raises(ValueError, match=r"2 notebooks .* begin with '02'. There are: 01_one, 02_too, 02_two"):
        find_solution("02", tmp_path)
    with pytest.raises(ValueError, match=r"0 notebooks .* is this the repository"):
        find_solution("02", tmp_path / "none")


def test_a_release_without_questions_names_those_that_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"no questions for leaky_integrator. There are: .*02_simple_rnn"):
        write_release(EXAMPLE.with_suffix(".ipynb"), tmp_path, course_chapters())


# ---------------------------------------------------------------------- questions of an instructor's own


def test_own_questions_are_read_again_when_the_module_changes(tmp_path):
    module = tmp_path / "numpy.py"  # a name that must not take the place of another module
    module.write_text(EXAMPLE.read_text())
    first, first_version = course.read(module).chapters(), course.read(module).version
    assert list(first) == ["leaky_integrator"] and course.read(module).chapters() is first
    module.write_text(EXAMPLE.read_text().replace('Chapter("leaky_integrator")', 'Chapter("leaky_unit")'))
    again = course.read(module)
    assert list(again.chapters()) == ["leaky_unit"] and again.version != first_version


def test_a_module_without_questions_is_said(tmp_path):
    module = tmp_path / "empty.py"
    module.write_text("x = 1")
    with pytest.raises(ValueError, match="defines no Chapter"):
        course.read(module)


def test_the_example_teaches_each_of_its_mistakes():
    for question in course.read(EXAMPLE).chapters()["leaky_integrator"].questions.values():
        assert question.check(question.reference).passed
        for name, mistake in question.mistakes.items():
            assert question.check(mistake.function).cause == name
