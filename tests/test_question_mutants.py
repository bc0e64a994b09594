"""No wrong answer passes: reference answers, broken one place at a time, are caught by the visible cases.

A mutant that the visible cases let through must behave as the reference on `MANY` further ones too, of the same
generator with other seeds and of its smallest cases; a mutant that these tell apart is a survivor, and there may be no
more than 1 in 1000 of them. Those there are stand in `SURVIVORS`, each with the reason why no learner will meet it.
`benchmarks/checks.py` does the same with operators that the mutator of the package does not have.
"""

import ast
import functools
import warnings

import numpy as np
import pytest

from course_rnn import questions
from course_rnn.checking import mutate
from course_rnn.checking.cases import Exhausted, Small
from course_rnn.checking.mistake import quietly

QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}
MANY = range(1000, 1040)
SMALL = range(12)

#: question -> the changed code of a mutant that only further cases catch -> why that does no harm
SURVIVORS = {
    "03_deep_rnn.sample_letters": {
        "np.cumsum(p, axis=-1) < u[:, None] → np.cumsum(p, axis=-1) <= u[:, None]": (
            "They differ where u is the end of a piece, which only a case of rounded numbers has; both are right then."
        )
    }
}


def further(question):
    """Cases that the search of the visible seeds has not seen."""
    cases = [question.draw(seed) for seed in MANY]
    for seed in SMALL:
        try:
            cases.append(question.cases(Small(seed, 2)))
        except (Exhausted, ValueError, IndexError):  # the question has no case that is so small
            continue
    return [case for case in cases if question.expected(case) is not None]


def caught(question, function, cases):
    """Whether a case of these tells a function from the reference; the first one that does ends the search."""
    return any(question.finding(quietly(function, case, question.library, len(question.returns))) for case in cases)


@functools.cache
def outcome(key):
    """How many mutants of a question are caught by the visible cases, and what changed in those only others catch."""
    question = QUESTIONS[key]
    visible, others = [question.draw(seed) for seed in question.seeds], further(question)
    count, survivors = 0, []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for slip in question.slips:
            if caught(question, slip.function, visible):
                count += 1
            elif caught(question, slip.function, others):
                survivors.append(f"{slip.was} → {slip.now}")
    return count, survivors


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_visible_cases_catch_every_mutant_that_more_cases_catch(key):
    count, survivors = outcome(key)
    assert count >= 5
    assert sorted(survivors) == sorted(SURVIVORS.get(key, {}))


def test_nearly_all_mutants_are_caught():
    outcomes = [outcome(key) for key in QUESTIONS]
    survived = sum(len(survivors) for _, survivors in outcomes)
    assert survived <= 0.001 * (survived + sum(count for count, _ in outcomes))


def test_a_survivor_is_explained_and_exists():
    assert set(SURVIVORS) <= set(QUESTIONS)
    assert all(len(reason) > 20 for reasons in SURVIVORS.values() for reason in reasons.values())


def test_too_few_cases_would_be_found_out(monkeypatch):
    question = QUESTIONS["01_sequential_data.pad_names"]
    monkeypatch.setattr(question, "seeds", (0,))
    count, survivors = outcome.__wrapped__("01_sequential_data.pad_names")
    assert count > 20 and survivors


# ------------------------------------------------------------- the mutator


def test_the_mutator_changes_one_thing_at_a_time():
    source = "def f(a, b):\n    i, f = a[0:], b.T\n    return np.sum(np.tanh(i) - 2 * f, axis=0) <= a[b] @ b\n"
    made = [mutant.source for mutant in mutate.mutants(source, {})]
    for expected in [
        "f, i = (a[0:], b.T)",  # an order
        "i, f = (b.T, a[0:])",
        "i, f = (a[:], b.T)",  # a slice
        "i, f = (a[0:], b)",  # a transpose
        "i, f = (b[0:], b.T)",  # an argument
        "tanh(i) + 2 * f",  # a sign
        "np.sum(np.tanh(i),",  # a term
        "3 * f",  # a constant
        "axis=1",
        "np.sum(np.tanh(i) - 2 * f) <=",
        "np.mean(",
        "np.exp(-i)",  # another function
        "np.sum(i - 2 * f",
        "< a[b]",  # a comparison
        "np.tanh(i) - 2 * f",
        "a[b + 1]",  # an index
        "a[b] @ b.T",
        "b @ a[b]",
    ]:
        assert any(expected in mutant for mutant in made), expected
    assert len(made) == len(set(made))


def test_the_tree_is_as_it_was_afterwards():
    tree = ast.parse("def f(a, b):\n    while a < b:\n        a += 1\n    return [a, b][0]\n")
    before = ast.dump(tree)
    assert len(list(mutate.changes(tree))) > 8 and ast.dump(tree) == before


def test_a_loop_that_does_not_end_is_stopped():
    forever = mutate.made("def f(a):\n    while True:\n        a += 1\n", {})
    with pytest.raises(TimeoutError):
        forever(0)
