"""From the export of an LMS to marks in a gradebook, with the commands that an instructor types.

The class answers the questions of examples/leaky_integrator.py, as if they were the instructor's own.
"""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from grading_store import keep, kept
from test_grading_batch import by_hand, same

from course_rnn import cli, machine
from course_rnn.grading.limits import Limits
from course_rnn.grading.room import doctor, sandbox
from course_rnn.grading.room.doctor import Check

EXAMPLE = Path(__file__).parent.parent / "examples" / "leaky_integrator.py"
STUB = "    raise NotImplementedError  # your code here"
STEP = "    return (1 - leak) * h + leak * x"
FORWARD = """    h, states = np.zeros_like(x[0]), []
    for x_t in x:
        h = leaky_step(h, x_t, leak)
        states.append(h)
    return np.stack(states)"""
SEED = "0123456789abcdef"
ANSWERS = {  # student -> what they wrote, and the points that it is worth
    "Ada Lovelace_11": ({"leaky_step": STEP, "leaky_forward": FORWARD}, 3),
    "<b>Bob</b>_12": ({"leaky_step": "    return leak * h + (1 - leak) * x", "leaky_forward": FORWARD}, 0),
    "=1+1_13": ({"leaky_step": STEP}, 1),
    "Dot_14": ({}, 0),
}

try:
    sandbox.bubblewrap()
    NO_SANDBOX = ""
except sandbox.Unavailable as error:
    NO_SANDBOX = str(error)
needs_sandbox = pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX)


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def succeeded(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("instructor")


@pytest.fixture(scope="module")
def export(room):
    """What Moodle exports after a class has worked on the released exercise."""
    succeeded(run("release", EXAMPLE.with_suffix(".ipynb"), room / "release", "--questions", EXAMPLE))
    with zipfile.ZipFile(room / "lab.zip", "w") as archive:
        for student, (answers, _) in ANSWERS.items():
            exercise = nbformat.read(room / "release" / "leaky_integrator.ipynb", as_version=4)
            for cell in exercise.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                cell.source = cell.source.replace(STUB, answers.get(name, STUB))
            name = student.replace("/", "_")
            archive.writestr(f"{name}_assignsubmission_file/my lab.ipynb", nbformat.writes(exercise))
        archive.writestr("Eve_15_assignsubmission_file/essay.pdf", "%PDF")
    return room / "lab.zip"


@pytest.fixture(scope="module")
def graded(room, export):
    """The folder of a graded class, and what the command said."""
    out = room / "grades"
    return out, succeeded(run("grade", export, "--out", out, "--questions", EXAMPLE, "--seed", SEED, "--jobs", 2))


@pytest.fixture(scope="module")
def course(room, graded):
    """An nbgrader course with the verdicts in it, and what the command said."""
    (room / "course").mkdir()
    (room / "course" / "nbgrader_config.py").write_text('get_config().CourseDirectory.course_id = "rnn"\n')
    arguments = "record", graded[0], "--nbgrader", room / "course", "--solution", EXAMPLE.with_suffix(".ipynb")
    return room / "course", succeeded(run(*arguments))


def nbgrader(course, *arguments):
    environment = os.environ | {"PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------- a class from beginning to end


@needs_sandbox
def test_a_class_is_graded_by_an_instructors_own_questions(graded):
    out, said = graded
    found = kept(out)
    scores = {student.replace("/", "_"): points for student, (_, points) in ANSWERS.items()}
    assert {student: verdict.score for student, verdict in found.items()} == scores | {"Eve_15": None}
    assert found["<b>Bob<_b>_12"].questions["leaky_step"]["cause"] == "leak_turned_round"
    assert found["Dot_14"].questions["leaky_step"]["message"] == "Still to do."
    assert {verdict.seed for verdict in found.values()} == {int(SEED, 16)}
    assert "5 submissions." in said and "Eve_15: rejected. No notebook was handed in, only essay.pdf." in said
    assert (out / "index.html").is_file() and len(list((out / "feedback").iterdir())) == 5


@needs_sandbox
def test_the_atlas_of_the_course_is_not_named_for_questions_that_are_not_in_it(graded):
    assert "tlas" not in str(kept(graded[0]))


@needs_sandbox
def test_grading_again_changes_nothing(graded, export):
    out, _ = graded
    before = kept(out)
    succeeded(run("grade", export, "--out", out, "--questions", EXAMPLE))
    assert kept(out) == before


@needs_sandbox
def test_the_report_can_be_made_again_from_the_verdicts_alone(graded):
    out, _ = graded
    pages = {path: path.read_bytes() for path in [out / "index.html", out / "grades.csv", *out.glob("feedback/*")]}
    for path in pages:
        path.unlink()
    assert succeeded(run("report", out)).strip() == str(out / "index.html")
    assert {path: path.read_bytes() for path in pages} == pages


@needs_sandbox
def test_a_cluster_started_by_hand_gives_the_same_verdicts(graded, export, room):
    with by_hand(room, workers=2) as (address, _):
        options = "--questions", EXAMPLE, "--seed", SEED, "--scheduler", address
        succeeded(run("grade", export, "--out", room / "cluster", *options))
    found, expected = (kept(folder) for folder in (room / "cluster", graded[0]))
    eve = expected.pop("Eve_15"), found.pop("Eve_15")  # rejected, at another place
    assert same(found) == same(expected) and len({each.messages[0] for each in eve}) == 1


# ---------------------------------------------------------------------- nbgrader


@needs_sandbox
def test_the_verdicts_are_in_nbgraders_gradebook(course):
    from nbgrader.api import Gradebook

    root, said = course
    assert "4 students recorded" in said and "Not recorded: Eve_15, rejected." in said
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "rnn") as gradebook:
        scores = sorted(each.score for each in gradebook.assignment_submissions("leaky_integrator"))
        [ada] = [
            each for each in gradebook.assignment_submissions("leaky_integrator") if each.student_id.startswith("Ada")
        ]
        assert scores == [0, 0, 1, 3] and ada.max_score == 3 and not ada.needs_manual_grade
        assert ada.timestamp is not None


@needs_sandbox
def test_nbgraders_own_export_has_the_scores(course):
    root, _ = course
    nbgrader(root, "export", "--to", "out.csv")
    with open(root / "out.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["student_id"]: float(row["score"]) for row in found if row["student_id"][:3] in ("Ada", "Dot")} == {
        "Ada Lovelace_11": 3.0,
        "Dot_14": 0.0,
    }
    assert len(found) == len(ANSWERS) and not any(row["student_id"].startswith("=") for row in found)


@needs_sandbox
def test_nbgraders_own_feedback_shows_the_answer_and_what_was_said(course):
    root, _ = course
    nbgrader(root, "generate_feedback", "leaky_integrator")
    pages = {path.parent.parent.name: path.read_text() for path in root.glob("feedback/*/*/*.html")}
    assert len(pages) == len(ANSWERS)
    [bob] = [page for student, page in pages.items() if "Bob" in student]
    assert "the two weights are exchanged" in bob and "Score: 0.0 / 3.0" in bob
    assert "The hidden checks passed." in pages["Ada Lovelace_11"] and "Score: 3.0 / 3.0" in pages["Ada Lovelace_11"]
    assert "<b>Bob" not in bob


@needs_sandbox
def test_recording_again_replaces_and_touches_nothing_that_was_handed_in(course, graded):
    root, said = course
    handed_in = root / "submitted" / "Ada Lovelace_11" / "leaky_integrator" / "leaky_integrator.ipynb"
    handed_in.parent.mkdir(parents=True)
    handed_in.write_text("what the student handed in")
    assert succeeded(run("record", graded[0], "--nbgrader", root, "--solution", EXAMPLE.with_suffix(".ipynb"))) == said
    assert handed_in.read_text() == "what the student handed in"


@needs_sandbox
def test_a_course_with_other_points_is_refused(course, graded, tmp_path):
    root, _ = course
    changed = tmp_path / "changed"
    module = tmp_path / EXAMPLE.name
    module.write_text(EXAMPLE.read_text().replace("points=2", "points=7"))
    keep(changed, kept(graded[0]), {"questions": str(module)})
    result = run("record", changed, "--nbgrader", root, "--solution", EXAMPLE.with_suffix(".ipynb"))
    assert result.exit_code == 1 and "has the points" in result.output


# ---------------------------------------------------------------------- what is said when something is wrong


def test_every_limit_is_an_option_with_its_default():
    said = " ".join(succeeded(run("grade", "--help")).split())
    for limit in fields(Limits):
        assert f"--{limit.name.replace('_', '-')} " in said and f"[default: {limit.default}]" in said


def test_a_seed_is_of_128_bits_and_another_each_time():
    seeds = {succeeded(run("seed")) for _ in range(3)}
    assert len(seeds) == 3 and all(re.fullmatch(r"[0-9a-f]{32}\n", seed) for seed in seeds)


@pytest.mark.parametrize("seed", ["7", "0123456789abcde", "autumn 2026", "-0123456789abcdef"])
def test_a_seed_that_can_be_tried_out_is_refused(tmp_path, seed):
    result = run("grade", tmp_path, "--out", tmp_path / "grades", "--seed", seed)
    assert result.exit_code == 2 and "16 to 32 hexadecimal digits" in result.output


def test_without_a_sandbox_grading_is_refused(monkeypatch, tmp_path):
    def missing():
        raise sandbox.Unavailable("Grading needs bubblewrap: apt install bubblewrap.")

    monkeypatch.setattr("course_rnn.grading.batch.bubblewrap", missing)
    (tmp_path / "ada.ipynb").write_text("{}")
    result = run("grade", tmp_path / "ada.ipynb", "--out", tmp_path / "grades")
    assert result.exit_code == 1 and "apt install bubblewrap" in result.output
    assert "--i-trust-these-submissions" in result.output and not (tmp_path / "grades").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("grade", "none", "--out", "grades"), "does not exist"),
        (("grade", ".", "--out", "grades", "--cell-seconds", "0"), "cell_seconds is 0"),
        (("grade", ".", "--out", "grades", "--assignment", "99_none"), "There is no assignment 99_none"),
        (("report", "."), "There are no verdicts in ."),
        (("record", ".", "--nbgrader", "."), "There are no verdicts in ."),
        (("release", "99", "out"), "0 notebooks in solutions/ begin with '99'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said_in_a_sentence(monkeypatch, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code and said in result.output and "Traceback" not in result.output


def test_a_name_cannot_write_on_the_terminal(tmp_path):
    with zipfile.ZipFile(tmp_path / "lab.zip", "w") as archive:
        archive.writestr("ada/\x1b[2J.pdf", "")
        archive.writestr("\x1b]0;bob\x07.txt", "")
    result = run(
        "grade", tmp_path / "lab.zip", "--out", tmp_path / "grades", "--i-trust-these-submissions", "--jobs", 1
    )
    said = succeeded(result)
    assert "ada: rejected" in said and "Left out: " in said and "\x1b" not in said and "\x07" not in said


def test_a_missing_library_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "course_rnn.grading.out.report", raising=False)
    result = run("report", tmp_path)
    assert result.exit_code == 1 and 'pip install "course-rnn[grading]"' in result.output


@pytest.mark.parametrize("ok", [True, False])
def test_doctor_fails_where_a_check_fails(monkeypatch, ok):
    found = [Check("bubblewrap is installed", True), Check("User namespaces are allowed", ok, "" if ok else "sysctl.")]
    monkeypatch.setattr(doctor, "checks", lambda: found)
    monkeypatch.setattr(machine, "kernels", lambda: {})  # whose seconds test_machine.py waits for
    result = run("doctor")
    assert result.exit_code == (not ok) and "✓ bubblewrap is installed" in result.output
    assert ("  sysctl." in result.output) == (not ok)
    assert "NumPy multiplies matrices with" in result.output


def test_the_instructors_page_quotes_what_was_measured():
    root = EXAMPLE.parent.parent
    page = (root / "book" / "for_instructors.md").read_text()
    measured = json.loads((root / "benchmarks" / "results" / "grading.json").read_text())
    ours, theirs = (measured["medians"][name]["cpu_s_per_submission"] for name in ("ours, 1 process", "nbgrader"))
    assert f"takes {ours:.1f} CPU seconds" in page and f"{theirs:.1f} for the same" in page
    assert 60 * 3 < 1000 * ours < 60 * 5, "about four minutes"
    assert max(measured["class_sizes"]["1000"]["peak_mb"].values()) == pytest.approx(70, rel=0.1)
