"""One notebook graded by itself, and the places that ask for it: a terminal, Gradescope, GitHub.

The published rules of each are written down where they are tried.
"""

import base64
import json
import os
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace

import nbformat
import pytest
import yaml
from grading_course import EXAMPLES, example
from test_course import worked_out
from test_grading_cli import EXAMPLE, FORWARD, STEP, STUB, needs_sandbox, run, succeeded
from test_grading_report import verdict

from course_rnn.grading import course
from course_rnn.grading.one import gradescope_user
from course_rnn.grading.out import adapters, one

HOSTILE = "</pre><script>x</script> | `a` [b](c) \\ <!-- ![i](j) $x$ @y"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook of the example with one right answer of two."""
    room = tmp_path_factory.mktemp("one")
    succeeded(run("release", EXAMPLE.with_suffix(".ipynb"), room, "--questions", EXAMPLE))
    book = nbformat.read(room / "leaky_integrator.ipynb", as_version=4)
    for cell in book.cells:
        answer = {"leaky_step": STEP, "leaky_forward": FORWARD.replace("np.zeros_like(", "1 + np.zeros_like(")}
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = cell.source.replace(STUB, answer.get(name, STUB))
    nbformat.write(book, room / "ada.ipynb")
    return room / "ada.ipynb"


@needs_sandbox
def test_one_notebook_is_graded_as_json(notebook):
    result = run("grade-one", notebook, "--json", "--questions", EXAMPLE)
    said = json.loads(succeeded(result))
    assert (said["student"], said["status"], said["assignment"]) == ("ada", "graded", "leaky_integrator")
    assert said["score"] == sum(answer["points"] for answer in said["questions"].values()) < said["max_score"] == 3
    assert "seed" not in said


@needs_sandbox
def test_a_zip_is_opened_one_level_and_what_is_no_notebook_fails(notebook, tmp_path):
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as archive:
        archive.write(notebook, "deep/leaky_integrator.ipynb")
        archive.writestr("__MACOSX/deep/._leaky_integrator.ipynb", "")
    said = succeeded(run("grade-one", tmp_path / "work.zip", "--questions", EXAMPLE))
    assert said.startswith("leaky_integrator: ") and "leaky_step: 1 of 1. passed" in said
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.write(tmp_path / "work.zip", "work.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "work.zip").read_bytes()[:500])
    for name, reason in (("twice", "There is no notebook in the zip."), ("cut", "The zip cannot be opened")):
        result = run("grade-one", tmp_path / f"{name}.zip", "--questions", EXAMPLE)
        assert result.exit_code == 1 and reason in result.output


@needs_sandbox
def test_a_variant_is_graded_as_its_own_students_and_nobody_elses(tmp_path):
    plan = course.read(example(tmp_path))
    nbformat.write(worked_out(plan, "homework_1", "bob"), tmp_path / "lab.ipynb")
    arguments = "--json", "--course", tmp_path / "course.toml", "--roster", EXAMPLES / "roster.csv"
    said = json.loads(succeeded(run("grade-one", tmp_path / "lab.ipynb", *arguments)))
    assert (said["student"], said["score"], said["max_score"]) == ("bob", 4, 4)
    book = worked_out(plan, "homework_1", "bob")
    book.metadata.course_rnn.student = "mallory"
    nbformat.write(book, tmp_path / "lab.ipynb")
    result = run("grade-one", tmp_path / "lab.ipynb", *arguments)
    assert result.exit_code == 1 and "does not say whose it is" in result.output
    result = run("grade-one", tmp_path / "lab.ipynb", *arguments, "--student", "mallory")
    assert result.exit_code == 1 and "'mallory' is not on the roster" in result.output


# ---------------------------------------------------------------------- Gradescope


def gradescope_takes(found):
    """Check a results.json by gradescope/autograder_samples, docs/specs.md."""
    kinds = {"score": (int, float), "execution_time": int, "output": str, "visibility": str, "stdout_visibility": str}
    kinds |= {"extra_data": dict, "tests": list, "leaderboard": list}
    assert set(found) <= set(kinds) and all(isinstance(value, kinds[name]) for name, value in found.items())
    assert "score" in found or found["tests"]
    options = {"hidden", "after_due_date", "after_published", "visible"}
    assert found["visibility"] in options and found["stdout_visibility"] == "hidden"
    for test in found["tests"]:
        assert set(test) <= {"score", "max_score", "name", "number", "output", "tags", "visibility", "extra_data"}
        assert 0 <= test["score"] <= test["max_score"] and isinstance(test["output"], str)
    return found


@needs_sandbox
def test_an_autograder_for_gradescope_grades_what_lies_in_its_folder(tmp_path):
    """The folders are those of docs/specs.md; setup.sh would install what the tests have installed."""
    room = tmp_path / "autograder"
    plan = course.read(example(tmp_path))
    (tmp_path / "roster.csv").write_text("student,lms\nada,ada@uni.edu\nbob,bob@uni.edu\n")
    wheels = [tmp_path / f"{name}-1-py3-none-any.whl" for name in ("course_rnn", "course_rnn_kit")]
    for wheel in wheels:
        wheel.write_text("")
    made = adapters.gradescope(
        tmp_path / "out.zip",
        wheels,
        questions=str(tmp_path / "course.toml"),
        roster=str(tmp_path / "roster.csv"),
        assignment="homework_1",
    )
    with zipfile.ZipFile(made) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        archive.extractall(room / "source")
    assert set(modes) == {
        *("setup.sh", "run_autograder", "course.toml", "seed.txt", "roster.csv"),
        *(wheel.name for wheel in wheels),
    }
    assert all(stat.S_IMODE(modes[name]) == 0o755 for name in ("setup.sh", "run_autograder"))
    assert stat.S_IMODE(modes["seed.txt"]) == 0o600
    for name in ("setup.sh", "run_autograder"):
        assert (room / "source" / name).read_text().startswith("#!/")
        subprocess.run(["bash", "-n", room / "source" / name], check=True)
    install = '"./course_rnn-1-py3-none-any.whl[grading]" "./course_rnn_kit-1-py3-none-any.whl"'
    assert install in (room / "source" / "setup.sh").read_text()
    (room / "submission").mkdir()
    nbformat.write(worked_out(plan, "homework_1", "bob"), room / "submission" / "my lab.ipynb")
    users = [{"email": "bob@uni.edu", "id": 1234, "name": "Bob"}]
    (room / "submission_metadata.json").write_text(json.dumps({"id": 1, "users": users, "assignment": {}}))
    (room / "venv" / "bin").mkdir(parents=True)
    command = room / "venv" / "bin" / "course-rnn"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from course_rnn.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    subprocess.run(["bash", room / "source" / "run_autograder"], env=os.environ | {"AUTOGRADER": str(room)}, check=True)
    found = gradescope_takes(json.loads((room / "results" / "results.json").read_text()))
    assert found["score"] == 4 and len(found["tests"]) == 2
    assert plan.seed not in json.dumps(found)


def test_gradescope_gets_no_zero_for_a_fault_of_ours():
    found = json.loads(one.as_gradescope(verdict("ada", 2, 1)))
    assert gradescope_takes(found)["score"] == 3
    rejected = gradescope_takes(json.loads(one.as_gradescope(verdict("ada", 0, 0, "", "rejected", ["No notebook."]))))
    assert rejected["score"] == 0 and rejected["output"].endswith("No notebook.")
    with pytest.raises(ValueError, match="Ungraded"):
        one.as_gradescope(verdict("ada", 0, 0, "", "ungraded"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"users": []}', '{"users": 3}'])
def test_what_gradescope_does_not_say_is_nobody(tmp_path, text):
    assert gradescope_user(tmp_path) is None
    (tmp_path / "submission_metadata.json").write_text(text)
    assert gradescope_user(tmp_path) is None


def test_what_an_autograder_lacks_is_said(tmp_path):
    with pytest.raises(ValueError, match="no wheel"):
        adapters.gradescope(tmp_path / "out.zip", ["course.zip"])
    plan = {"questions": str(example(tmp_path))}
    with pytest.raises(ValueError, match="give the roster too"):
        adapters.gradescope(tmp_path / "out.zip", ["course.whl"], **plan)
    with pytest.raises(ValueError, match="course-rnn-kit: give it too"):
        adapters.gradescope(tmp_path / "out.zip", ["course.whl"], **plan, roster=str(EXAMPLES / "roster.csv"))


# ---------------------------------------------------------------------- GitHub


@needs_sandbox
def test_the_workflow_for_github_grades_the_notebook_and_writes_a_summary(tmp_path):
    """Its steps are run as GitHub does, but for those that install and those that are GitHub's own."""
    path = tmp_path / ".github" / "workflows" / "grade.yml"
    arguments = (
        "--assignment",
        "02_simple_rnn",
        "--install",
        "course-rnn[grading] @ git+https://example.org/x",
        "--classroom",
    )
    succeeded(run("adapter", "github", path, *arguments))
    flow = yaml.safe_load(path.read_text())
    assert flow[True] == ["push", "workflow_dispatch"], "on, which YAML 1.1 takes for a truth"
    [job] = flow["jobs"].values()
    assert job["name"] == "Autograding Tests", "the name of the check that the reporter looks for"
    steps = {step.get("id") or step.get("uses") or step["name"]: step for step in job["steps"]}
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    assert "pip install 'course-rnn[grading] @ git+https://example.org/x'" in job["steps"][2]["run"]
    reporter = steps["classroom-resources/autograding-grading-reporter@v1"]
    assert reporter["with"]["runners"] == "grade" and reporter["env"] == {
        "GRADE_RESULTS": "${{ steps.grade.outputs.result }}"
    }
    solution = EXAMPLES.parent / "solutions" / "02_simple_rnn.ipynb"
    (tmp_path / "02_simple_rnn.ipynb").write_bytes(solution.read_bytes())
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "course-rnn"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from course_rnn.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    environment |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = subprocess.run(["bash", "-e", "-c", steps["grade"]["run"]], cwd=tmp_path, env=environment)
    assert done.returncode == 0
    summary = (tmp_path / "summary").read_text()
    full = sum(question.points for question in course.read().chapters()["02_simple_rnn"].questions.values())
    assert summary.startswith(f"## 02\\_simple\\_rnn: {full} of {full} points\n") and len(summary) < 1 << 20
    [line] = (tmp_path / "output").read_text().splitlines()
    assert line.startswith("result=")
    found = json.loads(base64.b64decode(line.removeprefix("result=")))
    assert (found["status"], found["max_score"]) == ("pass", full)
    assert sum(test["score"] for test in found["tests"]) == full and {test["status"] for test in found["tests"]} == {
        "pass"
    }


def test_a_summary_shows_a_students_text_as_text():
    from markdown_it import MarkdownIt

    found = verdict("ada", 2, 0, messages=[HOSTILE])
    found.questions["rnn_step"]["message"] = HOSTILE
    text = one.as_markdown(replace(found, assignment=HOSTILE))
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in page and "<img" not in page and "<a " not in page and "<code" not in page
    assert page.count("&lt;script&gt;") == 3 and "<!--" not in page


def test_what_cannot_be_graded_is_an_error_in_the_classroom():
    found = json.loads(base64.b64decode(one.as_classroom(verdict("ada", 0, 0, "", "rejected"))))
    assert (found["status"], found["tests"]) == ("error", [])
