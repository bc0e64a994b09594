"""Marks do not depend on the seed: hidden cases catch all faults, and what is right passes with every seed."""

import copy
import warnings

import numpy as np
import pytest

from course_rnn import questions
from course_rnn.checking import certify
from course_rnn.checking.cases import ordinary
from course_rnn.checking.question import Chapter
from course_rnn.checking.trial import Trial, run
from course_rnn.questions import gradients, seq2seq, simple_rnn
from course_rnn.variants import FAMILIES

QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}
FIFTY = range(7_000, 7_050)


def mark(question, answer, seed):
    """What an answer gets with the hidden cases of a seed."""
    cases = certify.hidden_cases(question, seed, 8)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        trials = [run(answer, case, question.library, len(question.returns)) for case in cases]
        return question.points_for(trials)


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_hidden_cases_of_a_seed_catch_every_known_mistake_and_half_precision(key):
    question = QUESTIONS[key]
    cases = certify.hidden_cases(question, 3, 8)
    assert 8 <= len(cases) <= certify.MOST_KEPT
    for fault, places in certify.targets(question):
        seen = frozenset().union(*(certify.seen(question, fault, case) for case in cases))
        plain = frozenset().union(*(certify.seen(question, fault, case) for case in cases if ordinary(case)))
        assert set(places) <= seen, fault.name
        assert {place for place, shown in places.items() if shown} <= plain, fault.name
    for name in question.mistakes:
        assert any(fault.name == name for fault, _ in certify.targets(question)), f"{name} can never be seen"


@pytest.mark.parametrize("key", ["02_simple_rnn.rnn_step", "05_seq2seq.bleu_parts", "06_gradients.clip_norm"])
def test_the_same_answer_gets_the_same_mark_for_fifty_seeds(key):
    question = QUESTIONS[key]
    answers = [question.reference, *(mistake.function for mistake in question.mistakes.values())]
    answers += [slip.function for slip in question.slips[::15]]
    known = {question.reference, *(fault.function for fault, _ in certify.targets(question))}
    for answer in answers:
        assert answer not in known or len({mark(question, answer, seed) for seed in FIFTY}) == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_certified_in_every_kind_of_convention(name):
    family = FAMILIES[name]
    for token in (next(iter(family.conventions)), list(family.conventions)[-1]):
        question = family.question(token, Chapter("homework"), points=2)
        assert len(certify.hidden_cases(question, 5, 8)) >= 8
        assert mark(question, family.answer(token), 5) == 2


def test_a_seed_that_lets_a_mistake_through_is_refused(monkeypatch):
    question = replace_cases(simple_rnn.first_state)
    with pytest.raises(certify.Uncertified, match=r"seed 1 for first_state do not catch: .*Take another seed"):
        monkeypatch.setattr(certify, "MOST_DRAWN", 3)
        certify.certified.__wrapped__(question, 1, 8)


def replace_cases(question):
    """The question with a generator that, but for the standard cases, draws the same case each time."""
    poor = copy.copy(question)
    certify.targets(question)
    poor.draw = lambda seed: (
        question.draw(seed) if isinstance(seed, int) else {name: 0 * value for name, value in question.draw(0).items()}
    )
    return poor


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_visible_cases_catch_every_fault_and_tell_all_mistakes_apart(key):
    """Where they do not: `python -m course_rnn.checking.certify` searches seeds that do."""
    question = QUESTIONS[key]
    cases = [question.draw(seed) for seed in question.seeds]
    assert certify.missed(question, [fault for fault, _ in certify.targets(question)], cases) == []
    assert certify.confused(question, cases) == []


def test_the_search_finds_seeds_that_miss_nothing():
    chosen, missing = certify.visible_seeds(seq2seq.bleu_parts)
    assert len(set(chosen)) >= certify.VISIBLE and missing == []


# ---------------------------------------------------------------------- partial credit


def test_each_value_earns_its_share():
    right = gradients.rnn_step_backward.reference

    def no_bias(*given):
        return *right(*given)[:-1], np.zeros(given[-1].shape[0])

    assert mark(gradients.rnn_step_backward, no_bias, 1) == pytest.approx(2 * 4 / 5)
    assert mark(gradients.rnn_step_backward, right, 1) == 2


def test_what_only_special_cases_show_costs_a_half():
    def one_sample_lost(x, h, *weights):
        y, h_n = simple_rnn.rnn_forward.reference(x, h, *weights)
        return y.squeeze(), h_n

    question = simple_rnn.rnn_forward
    assert {mark(question, one_sample_lost, seed) for seed in range(10)} == {question.points * 3 / 4}

    def stops_at_large_scores(o, y):
        if np.abs(o).max() > 300:
            raise OverflowError("math range error")
        return simple_rnn.softmax_loss.reference(o, y)

    assert mark(simple_rnn.softmax_loss, stops_at_large_scores, 1) == simple_rnn.softmax_loss.points / 2


def test_the_check_of_a_learner_gives_no_part_of_the_points():
    result = gradients.linear_backward.check(lambda do, h, weight: (do @ weight, do.T @ h, do.sum()))
    assert result.points == 0 and "Right already: dh, dweight." in result.message


def test_an_answer_that_stops_once_or_changes_its_input_earns_nothing():
    def in_place(do, h, weight):
        do += 1
        return gradients.linear_backward.reference(do - 1, h, weight)

    assert mark(gradients.linear_backward, in_place, 1) == 0
    assert mark(gradients.linear_backward, lambda do, h, weight: 1 / 0, 1) == 0


def test_one_array_of_all_values_counts_as_the_values():
    assert simple_rnn.parameter_count.check(
        lambda *given: np.array(simple_rnn.parameter_count.reference(*given))
    ).passed
    cases = certify.hidden_cases(simple_rnn.parameter_count, 1, 8)
    right = [np.array(simple_rnn.parameter_count.reference(**case)) for case in cases]
    assert simple_rnn.parameter_count.judge([Trial(c, (r,)) for c, r in zip(cases, right, strict=True)]).passed


def test_partial_credit_can_be_switched_off(monkeypatch):
    question = gradients.linear_backward
    cases = certify.hidden_cases(question, 1, 8)
    trials = [run(lambda do, h, weight: (do @ weight, do.T @ h, do.sum()), case, "numpy", 3) for case in cases]
    assert question.judge(trials).points == round(2 / 3, 2)
    assert question.judge(trials, partial=False).points == 0
    monkeypatch.setattr(question, "partial", False)
    assert question.judge(trials).points == 0


# ---------------------------------------------------------------------- tolerance


def test_half_precision_of_a_wrong_answer_does_not_pass():
    wrong = lambda *given: (1.004 * simple_rnn.rnn_step.reference(*given)).astype(np.float16)  # noqa: E731
    assert not simple_rnn.rnn_step.check(wrong).passed
    assert not simple_rnn.rnn_step.check(lambda *given: simple_rnn.rnn_step.reference(*given).astype(np.float16)).passed


@pytest.mark.parametrize("key", QUESTIONS)
def test_what_is_right_passes_in_every_dress(key):
    question = QUESTIONS[key]
    for name, answer in certify.honest(question):
        assert question.check(answer).passed, name
        assert mark(question, answer, 9) == question.points, name


def test_the_table_has_a_row_for_each_question():
    first = {"01_sequential_data": questions.chapters()["01_sequential_data"]}
    heading, *rows, total = certify.table(first, 0)
    asked = len(first["01_sequential_data"].questions)
    assert len(rows) == asked and heading.split() == ["faults", "visible", "hidden", "cases", "honest"]
    assert all(row.split()[1] == row.split()[2] == row.split()[3] for row in rows), rows
    assert all(row.endswith("3 of 3") for row in rows) and total.endswith(str(asked))
