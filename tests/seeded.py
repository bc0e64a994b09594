"""What a test draws without a seed follows from its name, so it is the same in every run, order and selection of tests.

Random numbers at the import of a test file follow from the name of the file, those of a fixture of a module or session
from its own. The environment variable COURSE_RNN_SEED is part of every name: with another value everything is drawn
anew, which `make chance` uses to look for tests that hold by luck.

Refusing such draws would be stricter, but what the package does where no `rng` is given is tested, too.
"""

import os
import random
import sys
import zlib

import numpy as np
import pytest

SEED = os.environ.get("COURSE_RNN_SEED", "")

_default_rng, _unseeded = np.random.default_rng, np.random.SeedSequence(0)


def default_rng(seed=None):
    """NumPy's, but for what comes without a seed: each such generator is another one, decided by `start`."""
    return _default_rng(_unseeded.spawn(1)[0] if seed is None else seed)


np.random.default_rng = default_rng


def start(name):
    """Begin everything that can be drawn without a seed at a place that the name decides."""
    global _unseeded
    seed = zlib.crc32(f"{SEED} {name}".encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  our code does not use it, a library that it calls may
    _unseeded = np.random.SeedSequence(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def pytest_collectstart(collector):
    start(collector.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    start(item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.scope == "function":
        yield
    else:
        start(f"{request.node.nodeid} {fixturedef.argname}")
        yield
        start(request._pyfuncitem.nodeid)  # the test draws the same, whether it comes first or not
