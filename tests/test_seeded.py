"""An unseeded draw in a test is the same in every run, whatever runs before it."""

import re
from pathlib import Path

import pytest
import seeded

FILE = """
import random
import numpy as np
import pytest
import torch

AT_IMPORT = np.random.default_rng().integers(10**9)

@pytest.fixture(scope="module")
def wide():
    return np.random.default_rng().integers(10**9)

def drawn(wide):
    ours = [np.random.default_rng().integers(10**9) for _ in range(2)]
    return [AT_IMPORT, wide, *ours, np.random.randint(10**9), random.randrange(10**9), torch.randint(10**9, ()).item()]

def test_one(wide):
    print("one:", *drawn(wide))

def test_two(wide):
    print("two:", *drawn(wide))
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """``run(*options, seed=None)``: what each of the two tests draws, from a run in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(seeded.__file__).parent))
    pytester.makepyfile(test_draws=FILE)

    def run(*options, seed=None):
        if seed is None:
            monkeypatch.delenv("COURSE_RNN_SEED", raising=False)
        else:
            monkeypatch.setenv("COURSE_RNN_SEED", seed)
        result = pytester.runpytest_subprocess("-p", "seeded", "-p", "no:randomly", "-s", *options)
        return dict(re.findall(r"(one|two): (.*)", result.stdout.str()))

    return run


def test_a_draw_follows_from_the_name_of_the_test(run):
    both = run()
    assert both == run()
    backwards = run("test_draws.py::test_two", "test_draws.py::test_one")
    assert list(backwards) == ["two", "one"] and backwards == both
    assert run("-k", "two") == {"two": both["two"]}


def test_all_draws_differ_but_what_two_tests_share(run):
    one, two = (numbers.split() for numbers in run().values())
    assert len(one) == 7 and one[:2] == two[:2]
    assert len({*one, *two}) == 2 + 5 + 5


def test_another_seed_draws_everything_anew(run):
    plain, other = run()["one"].split(), run(seed="7")["one"].split()
    assert all(a != b for a, b in zip(plain, other, strict=True))
    assert run(seed="7")["one"].split() == other
