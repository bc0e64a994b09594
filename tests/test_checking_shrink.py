"""Every failing check carries the smallest case in which the answer fails, as it fails in the large one."""

import numpy as np
import pytest

from course_rnn import questions
from course_rnn.checking import shrink
from course_rnn.checking.cases import Small
from course_rnn.questions import bidirectional_rnn, simple_rnn

QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_smallest_case_fails_too_and_is_not_larger(key):
    question = QUESTIONS[key]
    mistake = next(iter(question.mistakes.values()))
    result = question.check(mistake.function)
    first = next(t for t in (question.run(mistake.function, seed) for seed in question.seeds) if question.finding(t))
    assert shrink.weight(result.case.arguments) <= shrink.weight(first.arguments)
    trial = mistake.run(result.case.arguments, question.library, len(question.returns))
    assert question.finding(trial)


def test_a_forgotten_bias_shows_in_a_network_of_one_unit():
    result = simple_rnn.rnn_step.check(simple_rnn.rnn_step.mistakes["without_bias_hh"].function)
    assert {name: value.size for name, value in result.case.arguments.items()} == dict.fromkeys(
        result.case.arguments, 1
    )
    assert "Smallest failing case: for x = [[" in result.message and ", expected [[" in result.message


def test_a_case_can_be_called_again():
    answer = simple_rnn.rnn_step.mistakes["without_bias_hh"].function
    case = simple_rnn.rnn_step.check(answer).case
    right = case(simple_rnn.rnn_step.reference)
    np.testing.assert_allclose(right, case.expected[0])
    assert abs(case() - right).max() > 0.1
    assert str(case) == shrink.in_words(case.arguments)


def test_a_case_in_torch_gets_tensors():
    summary = bidirectional_rnn.summary
    answer = next(iter(summary.mistakes.values())).function
    assert hasattr(summary.check(answer).case(summary.reference), "detach")


def test_a_small_case_is_small_and_the_same_for_the_same_seed():
    one, other = (simple_rnn.rnn_step.cases(Small(3, 2)) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert max(max(value.shape) for value in one.values()) <= 2
    assert all(np.array_equal(value, np.round(value)) for value in one.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": 30, "W": 7}, "n = 30, W = 7"),
        ({"x": np.array([[1.0, -2.5]])}, "x = [[1, -2.5]]"),
        ({"x": np.ones((3, 4))}, "x = all 1, (3, 4)"),
        ({"x": np.random.default_rng(0).normal(size=(9, 9, 9))}, "x = of shape (9, 9, 9)"),
        ({"mask": np.array([True, False]), "words": ["un"]}, "mask = [True, False], words = ['un']"),
    ],
)
def test_arguments_in_words(arguments, said):
    assert shrink.in_words(arguments) == said


def test_from_which_place_on_a_sequence_is_wrong():
    result = simple_rnn.rnn_forward.check(simple_rnn.rnn_forward.mistakes["state_not_carried"].function)
    assert "y[0] is right; it goes wrong from y[1] on." in result.message


def test_what_is_right_already_is_said():
    result = simple_rnn.rnn_forward.check(simple_rnn.rnn_forward.mistakes["h0_for_h_n"].function)
    assert "Right already: y." in result.message
