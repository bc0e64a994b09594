"""Settings of every test run, also of `pytest --nbval book/02_simple_rnn.ipynb` alone."""

import os
import sys

import hypothesis
import pytest

from course_rnn.notebooks import ENVIRONMENT

os.environ.update(ENVIRONMENT)  # before NumPy and torch are imported, and inherited by the kernels

# a busy machine is no failure, and the examples are the same in every run
hypothesis.settings.register_profile("course", deadline=None, derandomize="COURSE_RNN_SEED" not in os.environ)
hypothesis.settings.load_profile("course")

pytest_plugins = ["seeded", "nbval_tolerance", "in_browser", "pytester"]


collect_ignore = ["book/live"]  # it runs in the browser, where Pyodide is


@pytest.fixture(autouse=True)
def torch_flags_can_be_set():
    """torch.testing forbids it for the whole process as soon as it is imported, as torch.library.opcheck does."""
    if "torch.backends" in sys.modules:
        flags = sys.modules["torch.backends"].flags_frozen.__globals__
        flags["__allow_nonbracketed_mutation_flag"] = True


@pytest.fixture(autouse=True)
def no_open_figures():
    """What one test has drawn, no other sees."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where COURSE_RNN_NO_SKIPS is set, as in CI, nothing may be skipped but for want of a GPU."""
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("COURSE_RNN_NO_SKIPS"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "GPU" not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped where nothing may be skipped: {reason}"
