"""What `make quick` runs: the tests of what changed, none that takes long, and always some."""

import subprocess
from pathlib import Path

import changed
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path):
    """A repository with a module, its tests, the tests of its part, and nothing uncommitted."""
    for path in ("course_rnn/numpy/scan.py", "course_rnn/plot/bars.py", "tests/test_book.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("before")
    for name in ("architecture", "numpy_cells", "numpy_layers", "numpy_scan", "plot"):
        (tmp_path / "tests" / f"test_{name}.py").write_text("before")

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    return tmp_path


def chosen(tree):
    return [Path(path).stem.removeprefix("test_") for path in changed.main(root=tree)]


ALWAYS = ["architecture", "numpy_cells", "numpy_layers"]


def test_a_tree_without_changes_gets_what_always_matters(tree):
    assert chosen(tree) == ALWAYS


def test_a_changed_module_brings_its_tests_and_a_new_one_those_of_its_part(tree):
    (tree / "course_rnn/numpy/scan.py").write_text("after")
    (tree / "course_rnn/plot/violins.py").write_text("new")
    assert chosen(tree) == [*ALWAYS, "numpy_scan", "plot"]


def test_a_changed_test_is_run_but_no_long_one(tree):
    (tree / "tests/test_plot.py").write_text("after")
    (tree / "tests/test_book.py").write_text("after")
    assert chosen(tree) == [*ALWAYS, "plot"]


def test_every_file_that_is_named_is_there():
    names = {*changed.ALWAYS, *changed.LONG, *(name for names in changed.TESTED_BY.values() for name in names)}
    assert [name for name in sorted(names) if not (ROOT / "tests" / f"{name}.py").exists()] == []
