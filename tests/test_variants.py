"""Each student has questions of their own: a classmate's answer is wrong, and the check says whose convention it is."""

import ast
import base64
import inspect
import json
import math
import re
import subprocess
import sys
import zlib

import numpy as np
import pytest
from test_questions import anchors

from course_rnn import variants
from course_rnn.checking import progress
from course_rnn.checking.family import number
from course_rnn.checking.question import Chapter
from course_rnn.checking.sealed import seal, unseal
from course_rnn.checking.trial import run
from course_rnn.grading.grade import hidden_cases
from course_rnn.questions import chapters
from course_rnn.variants import FAMILIES

EVERY = [(name, token) for name, family in FAMILIES.items() for token in family.conventions]
CHAPTERS = ["02_simple_rnn", "03_deep_rnn", "04_bidirectional_rnn", "05_seq2seq", "06_gradients", "07_lstm_gru"]


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")
    monkeypatch.setattr(progress, "_solved", {})


def asked(name, token):
    return FAMILIES[name].question(token, Chapter("homework"), points=2)


# ---------------------------------------------------------------------- the answers


@pytest.mark.parametrize(("name", "token"), EVERY)
def test_the_answer_of_every_other_convention_fails_under_its_own_name(name, token):
    """On the visible cases and on hidden ones, and by its values: no exception has to be recognised."""
    mine, family = asked(name, token), FAMILIES[name]
    hidden = hidden_cases(mine, seed=11, count=8)  # certified: they tell every convention apart
    others = [other for other in family.conventions if other != token]
    assert list(mine.mistakes) == others
    for other in others:
        theirs = family.answers[other]
        trials = [run(theirs, case) for case in hidden]
        assert not any(trial.raised for trial in trials)
        for result in (mine.check(theirs), mine.judge(trials)):
            assert (result.state, result.cause) == ("not yet", other) and result.points < mine.points
            assert mine.mistakes[other].message in result.message


@pytest.mark.parametrize(("name", "token"), EVERY)
def test_the_answer_in_the_own_convention_passes(name, token, monkeypatch):
    mine = asked(name, token)
    monkeypatch.setattr(mine, "seeds", range(30))
    assert mine.check(FAMILIES[name].answer(token)).passed


def simple_states(x, weight_ih, weight_hh, bias_ih, bias_hh):
    y = np.zeros((*x.shape[:2], len(bias_ih)))
    for b in range(len(x)):
        h = np.zeros(len(bias_ih))
        for t in range(x.shape[1]):
            h = y[b, t] = np.maximum(weight_ih @ x[b, t] + h @ weight_hh + bias_ih + bias_hh, 0)
    return y


def keras_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    size = h.shape[1]
    a, u = x @ weight_ih.T + bias_ih, h @ weight_hh.T + bias_hh
    z, r = (1 / (1 + np.exp(-(a + u)[:, k * size : (k + 1) * size])) for k in (0, 1))
    return z * h + (1 - z) * np.tanh(a[:, 2 * size :] + r * u[:, 2 * size :])


def gradient_of_the_bias(dh_next, x, h, weight_ih, weight_hh, a):
    loss = lambda b: np.mean(np.sum(dh_next / (1 + np.exp(-a - b)), axis=1))  # noqa: E731
    nudges = 1e-5 * np.eye(a.shape[1])
    return np.array([(loss(nudge) - loss(-nudge)) / 2e-5 for nudge in nudges]).astype(np.float32)


@pytest.mark.parametrize(
    ("answer", "name", "token"),
    [
        (simple_states, "rnn_states", "batch_row_relu"),
        (keras_step, "gru_update", "zrn_keeps_after"),
        (gradient_of_the_bias, "step_gradient", "dbias_sigmoid_mean"),
    ],
)
def test_an_answer_written_from_the_text_alone_passes_in_its_convention_and_is_named_in_the_others(answer, name, token):
    assert asked(name, token).check(answer).passed
    for other in FAMILIES[name].conventions:
        assert other == token or asked(name, other).check(answer).cause == token


def test_the_cells_of_torch_are_among_the_conventions():
    torch = pytest.importorskip("torch")

    def gru_update(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        return torch.gru_cell(*map(torch.from_numpy, (x, h, weight_ih, weight_hh, bias_ih, bias_hh)))

    def lstm_update(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
        x, h, c, *weights = map(torch.from_numpy, (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh))
        return torch.lstm_cell(x, (h, c), *weights)

    assert asked("gru_update", "rzn_keeps_after").check(gru_update).passed
    assert asked("lstm_update", "ifgo_plain_tanh").check(lstm_update).passed


def test_a_message_says_what_differs_and_nothing_else():
    mine, theirs = asked("gru_update", "rzn_keeps_after"), FAMILIES["gru_update"].answers["rzn_writes_before"]
    result = mine.check(theirs)
    assert result.message.splitlines()[1] == (
        "Likely cause: this is right in another convention than yours: it writes the candidate with z where yours "
        "keeps the old state with z, and it resets before the product where yours resets after the product."
    )
    assert "Atlas" not in result.message


# ---------------------------------------------------------------------- the texts


def test_every_chapter_from_02_to_07_has_a_family():
    assert {family.chapter for family in FAMILIES.values()} >= set(CHAPTERS)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_where_the_course_teaches_it_and_is_no_question_of_the_course(name):
    family = FAMILIES[name]
    assert family.see in anchors(family.chapter)
    assert not any(name in chapter.questions for chapter in chapters().values())
    assert len(family.conventions) == math.prod(map(len, family.dimensions.values())) >= 8
    assert len(set(family.hints)) == 3


@pytest.mark.parametrize(("name", "token"), EVERY)
def test_the_text_and_the_stub_state_the_own_convention_and_no_other(name, token):
    family = FAMILIES[name]
    mine = family.conventions[token]
    function = ast.parse(family.code(token)).body[0]
    texts = [" ".join(text.split()) for text in (family.instructions(token), ast.get_docstring(function))]
    for options in family.dimensions.values():
        for option in options.values():
            assert [option.says in text for text in texts] == [option in mine] * 2
    q = asked(name, token)
    assert [each.arg for each in function.args.args] == list(inspect.signature(q.reference).parameters)
    assert not any(re.search(r"\{[a-z_]+\}", text) for text in (*texts, *q.hints, *q.returns))
    assert list(q.cases(np.random.default_rng(0))) == [each.arg for each in function.args.args]


def test_no_two_conventions_of_a_family_are_told_alike():
    for family in FAMILIES.values():
        assert len({family.instructions(token) for token in family.conventions}) == len(family.conventions)
        for options in family.dimensions.values():
            assert len({option.does for option in options.values()}) == len(options)


def test_a_question_for_marks_shows_no_solution():
    q = asked("rnn_states", "time_row_tanh")
    assert q.solution() == "rnn_states is asked for marks: there is no solution to show. Ask for a hint."
    assert "Hint 1 of 3" in q.hint()


# ---------------------------------------------------------------------- who is asked what


def test_the_draw_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "import json; from course_rnn.variants import FAMILIES;"
        "print(json.dumps([f.draw('autumn', s) for f in FAMILIES.values() for s in ('ada', 'Chloë')]))"
    )
    made = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": salt}, capture_output=True, check=True)
        for salt in "12"
    ]
    here = [family.draw("autumn", student) for family in FAMILIES.values() for student in ("ada", "Chloë")]
    assert json.loads(made[0].stdout) == json.loads(made[1].stdout) == here


def test_the_draw_is_what_it_was():
    """Otherwise what was handed out in the autumn would be graded as something else in the winter."""
    assert number("autumn", "ada", "rnn_states") % 1_000_003 == 672155
    drawn = {name: family.draw("autumn", "ada") for name, family in FAMILIES.items()}
    assert drawn == {
        "rnn_states": "batch_row_tanh",
        "two_layer_summary": "upper_max_mean",
        "merged_directions": "product_left",
        "shifted_and_marked": "pbe_right_time",
        "step_gradient": "dx_tanh_sum",
        "lstm_update": "ifgo_plain_linear",
        "gru_update": "zrn_writes_before",
    }


def test_a_class_is_spread_over_all_conventions_and_another_seed_deals_anew():
    students = [f"student{k}" for k in range(600)]
    for family in FAMILIES.values():
        drawn = [family.draw("autumn", student) for student in students]
        expected = len(students) / len(family.conventions)
        counts = [drawn.count(token) for token in family.conventions]
        assert 0.5 * expected < min(counts) and max(counts) < 1.6 * expected
        again = [family.draw("spring", student) for student in students]
        assert sum(a == b for a, b in zip(drawn, again, strict=True)) < 2 * expected


# ---------------------------------------------------------------------- what a notebook carries


def test_a_wrong_token_is_said():
    with pytest.raises(ValueError, match=r"no family of questions 'rnn_state'\. There are: rnn_states, "):
        variants.chapter("homework_1", {"rnn_state": ("time_row_tanh", 2)})
    with pytest.raises(ValueError, match=r"rnn_states has no convention 'row_time_tanh'\. There are: time_column_"):
        variants.chapter("homework_1", {"rnn_states": ("row_time_tanh", 2)})


@pytest.mark.parametrize("name", FAMILIES)
def test_a_sealed_question_tells_right_from_wrong_and_holds_no_answer(name):
    family = FAMILIES[name]
    token, *_, other = family.conventions
    text = seal(variants.chapter("homework_1", {name: (token, 2)}))
    question = getattr(unseal(text), name)
    assert question.check(family.answers[token]).points == 2
    told = question.check(family.answers[other]).message
    assert "wrong values" in told or "has shape" in told
    assert "Smallest failing case: for " in told and f"in chapter {family.chapter[:2]}." in told
    assert "no solution" in repr(question.solution()) and repr(question.hint()).startswith("Hint 1 of 3")
    held = zlib.decompress(base64.b64decode(text)).decode()
    for line in map(str.strip, family.code(token).splitlines()):
        assert line not in held or len(line) < 12 or any(line in hint for hint in question.hints)
    assert all(word not in held for word in ("def ", "lambda", *family.conventions))


def test_a_sealed_question_says_what_is_to_do_and_what_stops():
    asked = {"rnn_states": ("batch_row_tanh", 2), "gru_update": ("zrn_writes_after", 1.5)}
    q = unseal(seal(variants.chapter("homework_1", asked)))
    assert list(vars(q)) == ["rnn_states", "gru_update", "progress"]

    def stub(x, weight_ih, weight_hh, bias_ih, bias_hh):
        raise NotImplementedError

    assert q.rnn_states.check(stub).state == "to do"
    assert "ZeroDivisionError" in q.rnn_states.check(lambda *given: 1 / 0).message
    assert "arguments, in this order: x, weight_ih" in q.rnn_states.check(lambda x: x).message
    wrong = q.rnn_states.check(lambda *given: -FAMILIES["rnn_states"].answers["batch_row_tanh"](*given))
    assert wrong.cause == "sign" or "sign" in wrong.message
    case = wrong.case
    np.testing.assert_allclose(-case(), case.expected[0], rtol=1e-5)
    assert "homework_1: 0 of 2 questions" in repr(q.progress())


def test_a_sealed_text_that_was_changed_is_said():
    text = seal(variants.chapter("homework_1", {"rnn_states": ("batch_row_tanh", 2)}))
    for changed in (text[10:], "", text.replace("A", "B")):
        with pytest.raises(ValueError, match="were changed"):
            unseal(changed)


@pytest.mark.parametrize("chapter", list(chapters()))
def test_every_question_of_the_course_can_be_sealed(chapter):
    """Texts, lists and whole numbers too, so that an instructor's own questions can."""
    asked = chapters()[chapter]
    sealed = unseal(seal(asked))
    for name, question in asked.questions.items():
        result = getattr(sealed, name).check(question.reference)
        assert result.passed, result.message
