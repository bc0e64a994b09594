"""The checks are checked: right answers pass, each known mistake is named, and nothing a learner writes breaks them."""

import ast
import functools
import inspect
import itertools
import json
import re
import textwrap
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from docutils.nodes import make_id

from course_rnn import questions
from course_rnn.checking import progress, question
from course_rnn.checking.compare import as_array, as_tuple, difference
from course_rnn.checking.question import Chapter
from course_rnn.checking.result import SIGNS
from course_rnn.questions import bidirectional_rnn, simple_rnn

ROOT = Path(__file__).parent.parent
QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}
MISTAKES = [(key, mistake) for key, q in QUESTIONS.items() for mistake in q.mistakes]


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")
    monkeypatch.setattr(progress, "_solved", {})


def names_and_values(key, seed):
    return QUESTIONS[key].cases(np.random.default_rng(seed))


def answering(key, change):
    """The reference answer with what it returns changed: each returned value, and the arguments, go to `change`."""
    q = QUESTIONS[key]

    def answer(*arguments):
        returned = tuple(change(value, arguments) for value in as_tuple(q.reference(*arguments)))
        return returned if len(q.returns) > 1 else returned[0]

    return answer


def of_all(function):
    """An answer that gets all its arguments as one tuple."""
    return lambda *given: function(given)


# ------------------------------------------------------------- for every question of every chapter


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_reference_passes_on_a_hundred_seeds(key, monkeypatch):
    monkeypatch.setattr(QUESTIONS[key], "seeds", range(100))
    assert QUESTIONS[key].check(QUESTIONS[key].reference).passed


@pytest.mark.parametrize(("key", "mistake"), MISTAKES)
def test_a_known_mistake_fails_under_its_own_name(key, mistake):
    """And so every mistake of a question is told apart from every other."""
    q = QUESTIONS[key]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong answer may divide by zero
        result = q.check(q.mistakes[mistake].function)
    assert (result.state, result.cause, result.points) == ("not yet", mistake, 0)
    assert q.mistakes[mistake].message in result.message
    assert result.message.endswith(f"Atlas of mistakes: {q.address(mistake)}")


@pytest.mark.parametrize("key", QUESTIONS)
def test_a_question_is_complete(key):
    q = QUESTIONS[key]
    lacks = []
    if len(set(q.hints)) != 3:
        lacks.append(f"{q.name} has {len(set(q.hints))} different hints, a question needs 3")
    if len(q.mistakes) < 3:
        lacks.append(f"{q.name} knows {len(q.mistakes)} mistakes, a question needs at least 3: {q.name}.mistake(...)")
    if q.points <= 0:
        lacks.append(f"{q.name} is worth {q.points} points")
    if not q.reference.__doc__:
        lacks.append(f"the answer of {q.name} has no docstring, which is the reasoning that its solution shows")
    messages = [mistake.message for mistake in q.mistakes.values()]
    lacks += [f"two mistakes of {q.name} say the same: {text}" for text in set(messages) if messages.count(text) > 1]
    for text in (*q.hints, *messages):
        if not text.endswith((".", "?", "!")) or "\n" in text:
            lacks.append(f"not one line that ends as a sentence: {text}")
    assert not lacks, "\n".join(lacks)


@pytest.mark.parametrize("key", QUESTIONS)
def test_a_question_says_where_its_chapter_teaches_it(key):
    q = QUESTIONS[key]
    assert q.see in anchors(q.chapter.name), (
        f"{q.name} is to be taught under {q.see!r}, the headings of book/{q.chapter.name}.ipynb are "
        f"{anchors(q.chapter.name)}"
    )


@functools.cache
def anchors(chapter):
    """The anchors of the headings of a chapter, as they stand in its page: docutils makes them."""
    cells = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return [make_id(heading) for heading in re.findall(r"^##+ (.+)$", text, re.MULTILINE)]


def test_names_are_unique_in_the_whole_course():
    names = [q.name for q in QUESTIONS.values()]
    addresses = [QUESTIONS[key].address(mistake) for key, mistake in MISTAKES]
    assert len(set(names)) == len(names)
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("key", QUESTIONS)
def test_cases_are_plain_values_drawn_from_their_seed(key):
    """So that they can be sent to a process of its own, and drawn again."""

    def plain(value):
        if isinstance(value, np.ndarray):
            return value.dtype.kind in "biufc" and not value.dtype.hasobject
        if type(value) is list:
            return bool(value) and len({type(v) for v in value}) == 1 and type(value[0]) in (bool, int, float, str)
        return type(value) in (bool, int, float, str, type(None))

    for seed in range(20):
        case = names_and_values(key, seed)
        assert list(case) == list(inspect.signature(QUESTIONS[key].reference).parameters)
        assert all(map(plain, case.values())), {name: type(value) for name, value in case.items()}
        np.testing.assert_equal(names_and_values(key, seed), case)


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_visible_cases_differ_in_what_they_ask_and_in_the_answer(key):
    """A stored answer to one of them is not right for the others."""
    q = QUESTIONS[key]
    for seed in question.SEEDS:
        stored = q.run(q.reference, seed).values
        assert not q.check(of_all(lambda given, stored=stored: stored)).passed


@pytest.mark.parametrize("key", QUESTIONS)
def test_no_answer_that_ignores_its_inputs_passes(key):
    """Neither an input handed back nor a constant of the right shape, not even for one of several values."""
    q = QUESTIONS[key]
    for i in range(len(inspect.signature(q.reference).parameters)):
        assert not q.check(answering(key, lambda value, given, i=i: given[i])).passed
    for constant in (0, 1, np.nan):
        for place in range(len(q.returns)):
            count = itertools.count()

            def change(value, given, constant=constant, place=place, count=count):
                if next(count) % len(q.returns) != place:
                    return value
                array = as_array(value)
                return np.full(array.shape, constant, array.dtype if np.isfinite(constant) else float)

            assert not q.check(answering(key, change)).passed, f"{q.returns[place]} may be {constant} everywhere"


def as_float32(value):
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype == torch.float64 else value
    return value.astype(np.float32) if getattr(value, "dtype", None) == np.float64 else value


@pytest.mark.parametrize("key", QUESTIONS)
def test_an_answer_in_float32_passes(key):
    q = QUESTIONS[key]
    assert q.check(of_all(lambda given: tuple(map(as_float32, as_tuple(q.reference(*map(as_float32, given))))))).passed


@pytest.mark.parametrize("key", QUESTIONS)
def test_an_answer_in_tensors_passes_and_so_do_lists_and_other_orders_in_memory(key):
    q = QUESTIONS[key]

    def tensor(value, given):
        value = as_array(value).copy()  # a tensor has no negative strides
        return torch.tensor(value).requires_grad_(value.dtype.kind == "f")

    ordered = q.check(answering(key, lambda value, given: np.array(as_array(value), order="F")))
    if q.trained:  # what is to be trained must come from the arguments, as tensors
        assert q.check(answering(key, lambda value, given: value * 1)).passed
        assert "is no tensor" in ordered.message
        assert "the gradient of" in q.check(answering(key, tensor)).message
        return
    assert ordered.passed and q.check(answering(key, tensor)).passed
    if len(q.returns) > 1:
        assert q.check(of_all(lambda given: list(q.reference(*given)))).passed


@pytest.mark.parametrize("key", QUESTIONS)
def test_a_value_too_many_or_too_few_is_said(key):
    q = QUESTIONS[key]
    expected = f"values, expected {len(q.returns)}: {', '.join(q.returns)}"
    result = q.check(of_all(lambda given: (*as_tuple(q.reference(*given)), 0.0)))
    assert expected in result.message


@pytest.mark.parametrize("key", QUESTIONS)
def test_an_exercise_asks_the_question_once(key):
    q = QUESTIONS[key]
    notebook = f"{q.chapter.name}.ipynb"
    cells = nbformat.read(ROOT / "exercises" / notebook, as_version=4).cells
    asking = [cell.source for cell in cells if f"def {q.name}(" in cell.source]
    assert len(asking) == 1, (
        f"{q.name} is asked in {len(asking)} cells of exercises/{notebook}, expected 1: "
        f"add it to solutions/{notebook}, then make exercises ONLY={q.chapter.name[:2]}"
    )
    check = f"q.{q.name}.check({q.name})"
    assert asking[0].endswith(f"\n{check}"), f"the cell of {q.name} in solutions/{notebook} does not end in {check}"
    stub = next(node for node in ast.parse(asking[0]).body if getattr(node, "name", "") == q.name)
    assert [argument.arg for argument in stub.args.args] == list(inspect.signature(q.reference).parameters)
    assert ast.get_docstring(stub), "a stub says which shapes it gets and returns"


@pytest.mark.parametrize("chapter", questions.chapters())
def test_an_exercise_does_not_import_the_answers(chapter):
    cells = nbformat.read(ROOT / "exercises" / f"{chapter}.ipynb", as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "course_rnn.numpy" not in source and "course_rnn.torch" not in source


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
        ("return x @ weight_ih.T * 1.0", "h_next has wrong values, 30 of 30: at ["),
        ("return undefined", "It stopped with NameError: name 'undefined' is not defined, at line 2 of your cell"),
        ("raise SystemExit", "It stopped with SystemExit"),
        ("return rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh)", "RecursionError"),
        (
            "h += 1; return np.tanh(x @ weight_ih.T + bias_ih + (h - 1) @ weight_hh.T + bias_hh)",
            "changed its input h in place",
        ),
        ("return np.array([x, None], dtype=object)", "expected an array of numbers"),
        ("class E(BaseException): __str__ = None\n    raise E", "It stopped with E, at line 3 of your cell"),
        ("raise ValueError('a' * 999)", "aaa…, at line 2"),
        ("raise ValueError('two\\n lines')", "ValueError: two lines, at line 2"),
    ],
)
def test_the_first_thing_wrong_is_said(body, said):
    assert said in repr(simple_rnn.rnn_step.check(as_cell(STEP + body)))


def test_of_several_values_the_first_wrong_one_is_explained():
    """Two mistakes at once, in two values: the registered one is named, and no cause is given for the other."""

    def forward(x, h0, *weights):
        y, h_n = simple_rnn.rnn_forward.reference(x, np.zeros_like(h0), *weights)
        return y, h_n.T

    result = simple_rnn.rnn_forward.check(lambda x, h0, a, b, c, d: forward(x, h0, a, b, c, d))
    assert result.message.startswith("y has wrong values") and result.cause in ("unused", "zeros_for_h0")
    assert "h0" in result.message.partition("Likely cause: ")[2].splitlines()[0]


def test_an_unknown_mistake_has_no_cause():
    result = simple_rnn.rnn_forward.check(lambda x, h0, a, b, c, d: (1e3 + x.sum() * np.stack([h0] * len(x)) ** 5, h0))
    assert result.state == "not yet" and result.cause == "input"  # h_n is h0 as it came
    result = simple_rnn.rnn_step.check(lambda *given: 1e3 + sum(a.sum() for a in given) * given[1] ** 5)
    assert result.state == "not yet" and result.cause == "" and "Likely cause" not in result.message


def test_a_tensor_changed_in_place_is_said():
    def summary(h_n):
        return torch.cat([h_n[-2], h_n[-1].mul_(2) / 2], dim=-1)

    message = bidirectional_rnn.summary.check(summary).message
    said = "The function changed its input h_n in place. Work on h_n.clone(), or on a new array."
    assert message.splitlines()[0] == said and "Likely cause" not in message


@pytest.mark.parametrize(
    ("got", "want", "said"),
    [
        (4, 5, "y has wrong values: it is 4, expected 5."),
        (5.0, 5, None),
        (np.array([1, 7, 9]), np.array([1, 2, 3]), "y has wrong values, 2 of 3: at [2] it is 9, expected 3."),
        (np.array([True, False]), np.array([True, True]), "wrong values, 1 of 2: at [1] it is False, expected True."),
        (
            np.array([0.5, 1.0]),
            np.array([0.5, np.nan]),
            "at [1] it is 1, expected nan (off by inf)",
        ),
        (np.array([0.5, np.nan]), np.array([0.5, np.nan]), None),
        (np.array([np.inf, 1.0]), np.array([np.inf, 1.0]), None),
        (np.array([-np.inf, 1.0]), np.array([np.inf, 1.0]), "y contains -inf (first at [0])."),
        (1 + 1j, 1.0, "wrong values"),
        (np.full(3, 1e-17), np.zeros(3), None),  # what is left of a sum that should be zero
        (np.full(3, 1e-5), np.zeros(3), "wrong values"),
        (np.array([1 + 1e-6, 2.0]), np.array([1.0, 2.0]), None),
        (np.array([1 + 1e-4, 2.0]), np.array([1.0, 2.0]), "at [0] it is 1.0001, expected 1 (off by 0.0001)"),
        (np.array([1 + 1e-4, 2.0], np.float32), np.array([1.0, 2.0]), "wrong values, 1 of 2"),
        (np.array([1.1, 2.0], np.float16), np.array([1.1, 2.0]), "wrong values, 1 of 2"),
        ({"y": 1}, 1.0, "y is a dict, expected an array of numbers."),
        ([1.0, [2.0]], 1.0, "y is a list, expected an array of numbers."),
        (np.ma.masked_array([1.0, 2.0], [True, True]), np.array([3.0, 4.0]), "wrong values"),
    ],
)
def test_a_difference_is_said(got, want, said):
    found = difference("y", got, want)
    assert found is None if said is None else said in found


@pytest.mark.parametrize("answer", [3, None, np.zeros(2), lambda x: x, lambda: 0, np.tanh])
def test_what_cannot_be_called_as_asked_is_said(answer):
    result = simple_rnn.rnn_step.check(answer)
    assert result.state == "not yet" and result.message.splitlines()[1:] == [
        "Next: rnn_step.hint(), or read one-step in chapter 02."
    ]


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


def test_html_names_the_kind_of_each_line_and_hides_the_sign_from_readers_aloud():
    shown = simple_rnn.rnn_step.check(simple_rnn.rnn_step.mistakes["without_bias_hh"].function)._repr_html_()
    assert "<div><strong>Likely cause:</strong> bias_hh is missing." in shown
    link = '<a href="../book/atlas.html#rnn-step-without-bias-hh">rnn-step-without-bias-hh</a>'
    assert f"<strong>Atlas of mistakes:</strong> {link}" in shown
    assert '<a href="../book/02_simple_rnn.html#one-step">one-step</a>' in shown
    assert '<span aria-hidden="true">✗</span> rnn_step: not yet' in shown and 'role="status"' in shown


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_the_colours_of_a_result_stand_out_in_light_and_dark(ground):
    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for _, colour in SIGNS.values():
        dark, light = sorted([luminance(colour), luminance(ground)])
        assert (light + 0.05) / (dark + 0.05) >= 3


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
    assert repr(simple_rnn.progress()).startswith("02_simple_rnn: 1 of 10 questions, 2 of 20 points")

    simple_rnn.rnn_step.check(lambda x, h, a, b, c, d: h)  # a later failure takes nothing away
    for q in simple_rnn.chapter.questions.values():
        q.check(q.reference)
    assert simple_rnn.progress().complete and not questions.overview().complete


def test_the_overview_adds_up_the_chapters():
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    total = sum(q.points for q in QUESTIONS.values())
    first, *rows = repr(questions.overview()).splitlines()
    assert first == f"The course: 1 of {len(QUESTIONS)} questions, 2 of {total} points"
    assert "  ○ 02_simple_rnn         2/20" in rows and len(rows) == len(questions.chapters())


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"02_simple_rnn": 3}', '{"02_simple_rnn": {"rnn_step": "x"}}', "\0"]
)
def test_a_broken_progress_file_costs_nothing_but_the_progress(tmp_path, monkeypatch, content):
    path = tmp_path / "progress.json"
    path.write_text(content)
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(path))
    assert set(simple_rnn.progress().solved.values()) == {0}
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    assert json.loads(path.read_text()) == {"02_simple_rnn": {"rnn_step": 2}}


def test_a_folder_that_cannot_be_written_keeps_the_progress_in_the_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(tmp_path / "missing" / "progress.json"))
    simple_rnn.rnn_step.check(simple_rnn.rnn_step.reference)
    assert simple_rnn.progress().solved["rnn_step"] == 2


def test_progress_shows_itself_as_html_too():
    assert "<code>rnn_step</code> 0/2" in simple_rnn.progress()._repr_html_()
