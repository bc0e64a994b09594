"""Projects: the scale, what the visible check says, and what the grader gives for honest work and for attacks."""

import json
import re
import shutil

import numpy as np
import pytest
from grading_course import example

from course_rnn import projects
from course_rnn.checking import progress
from course_rnn.grading import course
from course_rnn.grading.batch import Run, grade_class
from course_rnn.grading.course import Plan
from course_rnn.grading.grade import grade_submission
from course_rnn.grading.intake.submissions import Submission, collect
from course_rnn.grading.limits import Limits
from course_rnn.grading.one import grade_notebook
from course_rnn.grading.out.handouts import variant
from course_rnn.projects import forecast as p1
from course_rnn.projects import own_cell as p5

PROJECTS = {project.name: project for chapter in projects.chapters().values() for project in chapter.questions.values()}
LIMITS = Limits(cell_seconds=2, question_seconds=4, total_seconds=60)


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")
    monkeypatch.setattr(progress, "_solved", {})


# ------------------------------------------------------------- every project


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_is_complete(name):
    project = PROJECTS[name]
    worth = [mark.points for mark in project.marks if mark.points is not None]
    assert worth[0] == 0 and worth[-1] == project.points and worth == sorted(worth)
    scores = [mark.score for mark in project.marks]
    assert scores == sorted(scores, reverse=project.lower)
    assert len(set(project.hints)) == 3
    assert (project.doubtful < project.full.score) if project.lower else (project.doubtful > project.full.score)


@pytest.mark.parametrize("name", PROJECTS)
def test_hidden_inputs_are_plain_and_follow_from_the_seed(name):
    project = PROJECTS[name]
    first, again, other = (project.draw("hidden", np.random.default_rng(seed)) for seed in (1, 1, 2))
    for (inputs, _), (same, _), (another, _) in zip(first, again, other, strict=True):
        assert tuple(inputs) == project.parameters
        for key, array in inputs.items():
            assert array.dtype.kind in "if"
            np.testing.assert_array_equal(array, same[key])
            assert array.shape != another[key].shape or (array != another[key]).any()


@pytest.mark.parametrize("name", PROJECTS)
def test_hidden_and_visible_inputs_are_others(name):
    project = PROJECTS[name]
    visible, hidden = (project.draw(part, np.random.default_rng(0)) for part in ("validation", "hidden"))
    if name in ("own_cell", "translate"):  # drawn anew each time
        hidden = project.draw("hidden", np.random.default_rng(1))
    rows = {row.tobytes() for inputs, _ in visible for x in inputs.values() for row in np.swapaxes(x, 0, 1)}
    assert not any(
        row.tobytes() in rows for inputs, _ in hidden for x in inputs.values() for row in np.swapaxes(x, 0, 1)
    )


@pytest.mark.parametrize("name", PROJECTS)
def test_the_targets_themselves_would_score_best(name):
    project = PROJECTS[name]
    cases = project.draw("hidden", np.random.default_rng(3))
    perfect = [target[0] if isinstance(target, tuple) else target for _, target in cases]
    if name == "write":
        perfect = [1e3 * np.eye(len(np.unique(cases[0][1])) + 72)[target][..., :72] for target in perfect]
    best = project.score(perfect, [target for _, target in cases])
    assert project.points_for(best) == project.points
    assert [array.shape for array in perfect] == [project.answer(**inputs) for inputs, _ in cases]


def test_points_lie_on_lines_between_the_marks():
    project = p1.forecast
    assert [project.points_for(score) for score in (2, 1.33, 1.165, 1.0, 0.995, 0.99, 0.5)] == [0, 0, 3, 6, 8, 10, 10]
    assert p5.own_cell.points_for(0.63) == 6
    assert "1.000  linear model of 3 steps  6 points" in str(project.scale())


# ------------------------------------------------------------- what a learner sees


def fitted():
    """The weights of a linear model of the last two steps."""
    x = p1.training()
    lags = np.concatenate([x[1:-1], x[:-2]], axis=1)
    return {"A": np.linalg.lstsq(lags, x[2:])[0]}


def linear(weights, series):
    before = np.concatenate([series[:1], series[:-1]])
    return np.concatenate([series, before], axis=-1) @ weights["A"]


def test_a_linear_model_gets_its_share_and_is_told_where_it_stands():
    result = p1.forecast.check(linear, fitted())
    assert result.state == "not yet" and 5 < result.points < 6
    assert "on the validation part" in result.message and "The scale: next = now 1.330 is 0 points" in result.message
    assert p1.progress().points == (result.points, 10)


def stub(weights, series):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (stub, "forecast: to do"),
        (lambda series: series, "must take these arguments, in this order: weights, series"),
        (lambda weights, series: series[:3], "It returned the shape (3, 2, 4), expected (72, 2, 4)."),
        (lambda weights, series: None, "is the return missing?"),
        (lambda weights, series: "x", "must return one array of numbers"),
        (lambda weights, series: series * np.nan, "It returned nan or inf."),
        (lambda weights, series: weights["B"], "It stopped with KeyError: 'B'"),
        (lambda weights, series: np.concatenate([series[1:], series[:1]]) * weights["A"].any(), "it knows the future"),
        (lambda weights, series: linear(fitted(), series), "nothing here is learnt"),
    ],
)
def test_what_is_wrong_is_said(function, said):
    result = p1.forecast.check(function, fitted())
    assert said in repr(result) and result.points == 0


def test_weights_come_from_the_file_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no file p1_forecast.npz" in p1.forecast.check(linear).message
    np.savez("p1_forecast.npz", **fitted())
    assert p1.forecast.check(linear).points == p1.forecast.check(linear, fitted()).points > 5
    np.savez("p1_forecast.npz", A=np.zeros(1 << 18))
    assert "2.0 MiB, and 1 MiB are allowed" in p1.forecast.check(linear).message
    (tmp_path / "p1_forecast.npz").write_bytes(b"no zip")
    assert "no file of np.savez" in p1.forecast.check(linear).message


def test_an_answer_that_is_called_twice_gets_the_same_weights():
    def spoils(weights, series):
        weights["A"] *= 1.5
        return linear({"A": weights["A"] / 1.5}, series)

    assert p1.forecast.check(spoils, fitted()).points > 5


# ------------------------------------------------------------- what the grader gives

SOLVED = """
import numpy as np
import torch
from course_rnn.projects import forecast as p

model = torch.nn.GRU(4, 8)
for step in range(p.training().shape[0]):
    model(step).backward()

def forecast(weights, series):
    before = np.concatenate([series[:1], series[:-1]])
    return np.concatenate([series, before], axis=-1) @ weights["A"]

p.forecast.check(forecast)
"""
HEAD = "import numpy as np\n\ndef forecast(weights, series):\n    "


def notebook(*cells):
    code = {"cell_type": "code", "id": "x", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [code | {"id": f"c{k}", "source": cell} for k, cell in enumerate(cells)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def graded(tmp_path, *cells, weights=None, raw=None):
    path = tmp_path / "p1_forecast.ipynb"
    path.write_text(notebook(*cells))
    beside = tmp_path / "mine.npz"
    if raw is not None:
        beside.write_bytes(raw)
    else:
        np.savez(beside, **(fitted() if weights is None else weights))
    return grade_submission(
        Submission("ada", path, beside={"p1_forecast.npz": beside}), seed=5, limits=LIMITS, alone=True
    )


needs_sandbox = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap: apt install bubblewrap")


@needs_sandbox
def test_honest_work_gets_what_the_scale_says(tmp_path):
    verdict = graded(tmp_path, SOLVED)
    assert verdict.status == "graded" and 5 < verdict.score <= 6.1 and verdict.look == []
    answer = verdict.questions["forecast"]
    assert (answer["points"], answer["max"]) == (verdict.score, 10) and "on the hidden part" in answer["message"]
    cases = p1.draw("hidden", np.random.default_rng(0))
    by_hand = p1.score([linear(fitted(), cases[0][0]["series"])], [target for _, target in cases])
    assert verdict.score == p1.forecast.points_for(by_hand)


def stored(x):
    """The weights of somebody who kept a series, and a function that looks it up."""
    body = """
    out, kept = np.zeros_like(series), weights["kept"]
    for b in range(series.shape[1]):
        for t in range(len(series)):
            at = np.abs(kept[:-1] - series[t, b]).sum(axis=-1).argmin()
            out[t, b] = kept[at + 1]
    return out
    """
    return HEAD + body.strip(), {"kept": x}


def test_a_stored_validation_part_is_worth_nothing_on_the_hidden_part(tmp_path):
    cell, weights = stored(p1.series()[: p1.VALIDATION])
    names = {}
    exec(cell, names)
    assert p1.forecast.check(names["forecast"], weights).points == 10  # it has seen what it is asked
    verdict = graded(tmp_path, cell, weights=weights)
    assert verdict.score == 0 and "on the hidden part" in verdict.questions["forecast"]["message"]


@needs_sandbox
def test_who_has_stored_the_hidden_part_too_is_pointed_out(tmp_path):
    cell, weights = stored(p1.series())
    verdict = graded(tmp_path, cell, weights=weights)
    assert verdict.look == [
        "forecast: better than anything honest that is known. Look at the code and at what the weights hold."
    ]


def pickled():
    import io

    file = io.BytesIO()
    np.savez(file, A=np.array([{"a": 1}], dtype=object))
    return file.getvalue()


def bomb():
    import io

    file = io.BytesIO()
    np.savez_compressed(file, A=np.zeros(1 << 24))
    return file.getvalue()


PEEK = HEAD + "return np.concatenate([series[1:], series[:1]]) * weights['A'].any()"
FRAMES = (
    HEAD
    + """import sys
    frame, best = sys._getframe(), None
    while frame:
        for value in list(frame.f_locals.values()):
            if isinstance(value, np.ndarray) and value.shape == series.shape and value is not series:
                best = value
        frame = frame.f_back
    return best if best is not None else series * 0
"""
)
SEARCH = (
    HEAD
    + """import os
    found = [os.path.join(top, n) for top, _, names in os.walk("/") for n in names if "eeg" in n or n.endswith(".dat")]
    return np.fromfile(found[0])[: series.size].reshape(series.shape) if found else series * 0 + 9
"""
)
NOTES = (
    HEAD
    + """import os
    path = "/tmp/first.npy"
    if os.path.exists(path):
        return np.load(path)
    peek = np.concatenate([series[1:], series[:1]]) * weights["A"].any()
    np.save(path, peek)
    return peek
"""
)


@needs_sandbox
@pytest.mark.parametrize(
    ("cell", "raw", "said"),
    [
        (SOLVED, b"", "There is no file of weights"),
        (SOLVED, b"PK\x03\x04 no zip", "none of np.savez"),
        (SOLVED, pickled, "none of np.savez with arrays of numbers"),
        (SOLVED, bomb, "more than the 1 MiB"),
        (PEEK, None, "it knows the future"),
        (NOTES, None, "it knows the future"),
        (FRAMES, None, "0 of 10 points"),
        (SEARCH, None, "0 of 10 points"),
        (HEAD + "while True: pass", None, "The function was stopped: it did not end within 4 seconds."),
        (HEAD + "import os; os._exit(0)", None, "The function was stopped"),
        (HEAD + "return np.zeros((10**5, 10**5))", None, "It stopped with MemoryError"),
        (HEAD + "raise NotImplementedError", None, "Still to do."),
        ("x = 1", None, "There is no function forecast."),
        ("def forecast(:", None, "There is no function forecast. Code cell 1 stopped: SyntaxError"),
        (HEAD + "return __import__('pickle').loads(weights['A'].tobytes())", None, "It stopped with"),
    ],
    ids=range(15),
)
def test_an_attack_gets_nothing(tmp_path, cell, raw, said):
    verdict = graded(tmp_path, cell, raw=raw() if callable(raw) else raw)
    assert (verdict.status, verdict.score) == ("graded", 0)
    assert said in verdict.questions["forecast"]["message"]


@needs_sandbox
def test_a_huge_file_of_weights_is_rejected(tmp_path):
    path = tmp_path / "p1_forecast.ipynb"
    path.write_text(notebook(SOLVED))
    beside = tmp_path / "mine.npz"
    with open(beside, "wb") as file:
        file.truncate(2**21)
    verdict = grade_submission(
        Submission("ada", path, beside={"p1_forecast.npz": beside}), seed=5, limits=LIMITS, alone=True
    )
    assert (
        verdict.status == "rejected" and "The file of weights has 2 MiB, and 1 MiB are allowed." in verdict.messages[0]
    )


def test_weights_are_found_beside_the_notebook_in_a_folder_and_in_a_zip(tmp_path):
    folder, plan = tmp_path / "class" / "ada", Plan()
    folder.mkdir(parents=True)
    (folder / "p1_forecast.ipynb").write_text(notebook(SOLVED))
    np.savez(folder / "p1_forecast.npz", **fitted())
    [found], _ = collect(tmp_path / "class", tmp_path / "unpacked", plan.chapters(), beside=plan.files)
    assert found.beside == {"p1_forecast.npz": folder / "p1_forecast.npz"} and not found.problem
    archive = shutil.make_archive(tmp_path / "class", "zip", tmp_path / "class")
    [found], _ = collect(archive, tmp_path / "unpacked", plan.chapters(), beside=plan.files)
    assert found.beside["p1_forecast.npz"].read_bytes() == (folder / "p1_forecast.npz").read_bytes()


@needs_sandbox
def test_one_notebook_by_itself_is_graded_with_the_weights_beside_it(tmp_path):
    path = tmp_path / "p1_forecast.ipynb"
    path.write_text(notebook(SOLVED))
    np.savez(tmp_path / "p1_forecast.npz", **fitted())
    for where in (path, tmp_path):
        verdict = grade_notebook(where, student="ada", seed=1, limits=LIMITS)
        assert verdict.status == "graded" and verdict.score > 5


PROJECT = """
[[assignments]]
name = "homework_9"
title = "A forecast"
due = 2026-12-01T12:00:00
project = "{name}"
"""


def test_a_project_is_an_assignment_with_due_dates_like_any_other(tmp_path):
    path = example(tmp_path)
    plain = course.read(path).version
    path.write_text(path.read_text() + PROJECT.format(name="p1_forecast"))
    plan = course.Course(path)
    assert list(plan.chapters("ada")["homework_9"].questions) == ["forecast"]
    assert plan.files == {"p1_forecast.npz": 1} and plan.version != plain
    assert plan.assignments["homework_9"].late.percent_per_day > 0
    made = variant(plan, plan.assignments["homework_9"], "ada")
    assert made.metadata.course_rnn == {"assignment": "homework_9", "student": "ada"}
    assert any("raise NotImplementedError" in cell.source for cell in made.cells)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PROJECT.format(name="p7"), "homework_9: there is no project 'p7'. There are: p1_forecast"),
        (PROJECT.replace("project", "# project"), "it asks questions, or it is a project: one of the two"),
    ],
)
def test_a_project_that_is_none_is_refused(tmp_path, text, said):
    path = example(tmp_path)
    path.write_text(path.read_text() + text)
    with pytest.raises(ValueError, match=re.escape(said)):
        course.Course(path)


@needs_sandbox
def test_new_weights_beside_the_same_notebook_are_graded_again(tmp_path):
    folder = tmp_path / "class" / "ada"
    folder.mkdir(parents=True)
    (folder / "p1_forecast.ipynb").write_text(notebook(SOLVED))
    run = Run(str(tmp_path / "class"), "", "p1_forecast", 3, LIMITS)
    scores = []
    for weights in (None, {"A": np.zeros((8, 4))}, fitted(), fitted()):
        if weights:
            np.savez(folder / "p1_forecast.npz", **weights)
        verdicts, _ = grade_class(run, tmp_path / "grades", jobs=1)
        scores.append(verdicts["ada"].score)
    assert scores[:2] == [0, 0] and scores[2] == scores[3] > 5
