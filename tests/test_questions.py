"""The checks are checked: right answers pass, each known mistake is named, and nothing a learner writes breaks them."""

import json
import textwrap

import numpy as np
import pytest
import torch

from course_rnn import questions
from course_rnn.questions import progress, question, simple_rnn
from course_rnn.questions.question import Chapter

QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}
MISTAKES = [(key, mistake) for key, q in QUESTIONS.items() for mistake in q.mistakes]


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")
    monkeypatch.setattr(progress, "_solved", {})


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_reference_passes_on_a_hundred_seeds(key, monkeypatch):
    monkeypatch.setattr(question, "SEEDS", range(100))
    assert QUESTIONS[key].check(QUESTIONS[key].reference).passed


@pytest.mark.parametrize(("key", "mistake"), MISTAKES)
def test_a_known_mistake_fails_under_its_own_name(key, mistake):
    q = QUESTIONS[key]
    result = q.check(q.mistakes[mistake].function)
    assert (result.state, result.cause, result.points) == ("not yet", mistake, 0)
    assert q.mistakes[mistake].message in result.message


@pytest.mark.parametrize("key", QUESTIONS)
def test_a_question_is_complete(key):
    q = QUESTIONS[key]
    assert len(q.hints) == 3 and q.points > 0 and q.reference.__doc__
    assert len(q.mistakes) >= 3
    assert len({mistake.message for mistake in q.mistakes.values()}) == len(q.mistakes)


# ------------------------------------------------------------- right answers, written differently


def step_with_einsum(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(np.einsum("bd,hd->bh", x, weight_ih) + np.einsum("bk,hk->bh", h, weight_hh) + (bias_hh + bias_ih))


def step_sample_by_sample(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return [np.tanh(weight_ih @ a + weight_hh @ b + bias_ih + bias_hh) for a, b in zip(x, h, strict=True)]


def step_in_torch(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    x, h, weight_ih, weight_hh, bias_ih, bias_hh = map(torch.tensor, (x, h, weight_ih, weight_hh, bias_ih, bias_hh))
    return torch.tanh(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh).requires_grad_()


def step_in_float32(*arguments):
    return simple_rnn.rnn_step.reference(*(a.astype(np.float32) for a in arguments))


def step_in_place_on_a_copy(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    h = h.copy() @ weight_hh.T
    h += x @ weight_ih.T
    h += bias_ih
    h += bias_hh
    return np.tanh(h, out=h)


@pytest.mark.parametrize(
    "answer",
    [step_with_einsum, step_in_torch, step_in_float32, step_in_place_on_a_copy],
    ids=lambda answer: answer.__name__,
)
def test_a_right_answer_passes_however_it_is_written(answer):
    assert simple_rnn.rnn_step.check(answer).passed


def test_a_list_of_rows_is_told_apart_from_an_array():
    assert simple_rnn.rnn_step.check(lambda *a: np.stack(step_sample_by_sample(*a))).passed
    assert "values, expected 1" in simple_rnn.rnn_step.check(step_sample_by_sample).message


def test_a_recursive_sequence_passes():
    def forward(x, h0, *weights):
        if len(x) == 0:
            return np.empty((0, *h0.shape)), h0
        y, h = forward(x[:-1], h0, *weights)
        h = simple_rnn.rnn_step.reference(x[-1], h, *weights)
        return np.concatenate([y, h[None]]), h

    assert simple_rnn.rnn_forward.check(lambda x, h0, a, b, c, d: forward(x, h0, a, b, c, d)).passed


# ------------------------------------------------------------- what is said of wrong ones


def as_cell(source):
    """The functions of a notebook cell, compiled as IPython would, under a file name of its own."""
    names = {"np": np}
    exec(compile(textwrap.dedent(source), "<cell>", "exec"), names)
    return names["rnn_step"]


STEP = "def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):\n    "


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise NotImplementedError", "rnn_step: to do"),
        ("pass", "returned None: is the return missing?"),
        ("return 'h'", "h_next is a str, expected an array of numbers"),
        ("return np.tanh(x @ weight_ih.T), h", "returned 2 values, expected 1: h_next"),
        ("return (x @ weight_ih.T)[0]", "h_next has shape"),
        ("return (x @ weight_ih.T).T", "transposed?"),
        ("return np.zeros(h.shape, dtype=int)", "h_next has dtype int64, expected float64"),
        ("return np.full(h.shape, np.nan)", "h_next contains nan (first at [0, 0])"),
        ("return x @ weight_ih.T * 1.0", "largest relative error"),
        ("return undefined", "It stopped with NameError: name 'undefined' is not defined, at line 2 of your cell"),
        ("raise SystemExit", "It stopped with SystemExit"),
        ("return rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh)", "RecursionError"),
        (
            "h += 1; return np.tanh(x @ weight_ih.T + bias_ih + (h - 1) @ weight_hh.T + bias_hh)",
            "changed its input h in place",
        ),
        ("return np.array([x, None], dtype=object)", "expected an array of numbers"),
    ],
)
def test_the_first_thing_wrong_is_said(body, said):
    assert said in repr(simple_rnn.rnn_step.check(as_cell(STEP + body)))


@pytest.mark.parametrize("answer", [3, None, np.zeros(2), lambda x: x, lambda: 0, np.tanh])
def test_what_cannot_be_called_as_asked_is_said(answer):
    result = simple_rnn.rnn_step.check(answer)
    assert result.state == "not yet" and "\n" not in result.message


def test_no_answer_that_ignores_its_inputs_passes():
    stored = simple_rnn.rnn_step.reference(**simple_rnn.rnn_step.cases(np.random.default_rng(0)))
    assert not simple_rnn.rnn_step.check(lambda x, h, a, b, c, d: stored).passed
    assert not simple_rnn.rnn_step.check(lambda x, h, a, b, c, d: h).passed


def test_an_object_that_claims_to_equal_everything_does_not_pass():
    class Equal(np.ndarray):
        def __eq__(self, other):
            return np.ones(self.shape, dtype=bool)

        def __sub__(self, other):
            return np.zeros(self.shape)

    assert not simple_rnn.rnn_step.check(lambda x, h, a, b, c, d: np.zeros_like(h).view(Equal)).passed


def test_an_interrupt_reaches_the_user():
    def interrupted(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simple_rnn.rnn_step.check(interrupted)


def test_what_a_learner_prints_is_left_alone(capsys):
    simple_rnn.rnn_step.check(as_cell(STEP + "print('here'); return h"))
    assert "here" in capsys.readouterr().out


def test_html_escapes_what_a_learner_wrote():
    shown = simple_rnn.rnn_step.check(as_cell(STEP + "raise ValueError('<script>')"))._repr_html_()
    assert "&lt;script&gt;" in shown and "<script>" not in shown


# ------------------------------------------------------------- hints and solution


def fresh_question():
    chapter = Chapter("00_test")

    @chapter.question(points=1, returns=("y",), cases=lambda rng: {"x": rng.normal(size=3)}, hints=("one", "two"))
    def double(x):
        """Twice x."""
        return 2 * x

    return double


def test_hints_come_one_after_the_other():
    q = fresh_question()
    assert [q.hint() for _ in range(3)] == ["Hint 1 of 2: one", "Hint 2 of 2: two", "Hint 1 of 2: one"]


def test_the_solution_asks_to_try_first_and_then_shows_itself():
    q = fresh_question()
    assert q.solution().startswith("Try first")
    assert q.solution().startswith("def double(x):") and "return 2 * x" in q.solution()

    tried = fresh_question()
    tried.check(lambda x: x)
    assert tried.solution().startswith("def double(x):")


# ------------------------------------------------------------- progress


def test_progress_is_kept_on_disk_and_survives_a_new_kernel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_RNN_PROGRESS")
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    monkeypatch.setattr(progress, "_solved", {})  # what a new kernel knows
    assert repr(simple_rnn.progress()).startswith("02_simple_rnn: 1 of 2 questions, 2 of 5 points")

    simple_rnn.rnn_step.check(lambda x, h, a, b, c, d: h)  # a later failure takes nothing away
    simple_rnn.rnn_forward.check(simple_rnn.rnn_forward.reference)
    assert simple_rnn.progress().complete


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"02_simple_rnn": 3}', '{"02_simple_rnn": {"rnn_step": "x"}}', "\0"]
)
def test_a_broken_progress_file_costs_nothing_but_the_progress(tmp_path, monkeypatch, content):
    path = tmp_path / "progress.json"
    path.write_text(content)
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(path))
    assert simple_rnn.progress().solved == {"rnn_step": 0, "rnn_forward": 0}
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    assert json.loads(path.read_text()) == {"02_simple_rnn": {"rnn_step": 2}}


def test_a_folder_that_cannot_be_written_keeps_the_progress_in_the_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(tmp_path / "missing" / "progress.json"))
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    assert simple_rnn.progress().solved["rnn_step"] == 2


def test_progress_shows_itself_as_html_too():
    assert "<code>rnn_step</code> 0/2" in simple_rnn.progress()._repr_html_()
