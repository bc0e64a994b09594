"""Print the test files that a minute is enough for: those that always matter, and those of what has changed.

    python tests/changed.py [COMMIT]      changed since COMMIT, uncommitted or new  [default: HEAD]

A file's tests are found by its name, as there is one flat file of tests for a module, or for a part of the package.
What needs a browser, a sandbox or minutes is left to `make test`.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALWAYS = ["test_architecture", "test_numpy_cells", "test_numpy_layers"]
#: Files without tests of their name.
TESTED_BY = {
    "book": ["test_notebooks", "test_claims", "test_pages"],
    "solutions": ["test_notebooks"],
    "exercises": ["test_notebooks"],
    "pyproject.toml": ["test_architecture", "test_requirements"],
    "requirements.txt": ["test_requirements"],
    "conftest.py": ["test_seeded", "test_time_limits"],
    "benchmarks": ["test_benchmarks"],
    "experiments": ["test_experiment"],
}
#: Too long for a minute, by name or because they open a browser or a sandbox.
LONG = ["test_book", "test_accessibility", "test_jupyterlab", "test_grading_sandbox", "test_grading_hostile"]
LONG += ["test_grading_batch", "test_grading_cli", "test_course", "test_worked_example", "test_questions"]
LONG += ["test_variants", "test_slides", "test_torch_kernels", "test_processors", "test_recipes"]


def changed(since="HEAD", root=ROOT):
    """The paths of all files that differ from a commit, new ones included."""

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout

    return (git("diff", "--name-only", since) + git("ls-files", "--others", "--exclude-standard")).splitlines()


def covering(path, root=ROOT):
    """The names of the test files of one file of the tree.

    Examples
    --------
    >>> covering("course_rnn/numpy/scan.py"), covering("course_rnn/plot/bars.py"), covering("book/notation.md")
    (['test_numpy_scan'], ['test_plot'], ['test_notebooks', 'test_claims', 'test_pages'])
    """
    first, *rest = Path(path).with_suffix("").parts
    if first == "tests":
        return [part for part in rest if part.startswith("test_")] or [f"test_{part}" for part in rest]
    if first == "course_rnn":
        names = [f"test_{'_'.join(rest)}", *(f"test_{part}" for part in rest[::-1])]  # of the module, else of its part
        return [name for name in names if (root / "tests" / f"{name}.py").exists()][:1]
    return TESTED_BY.get(Path(path).parts[0], [])


def main(since="HEAD", root=ROOT):
    """The test files to run, as paths from the root of the tree."""
    names = dict.fromkeys([*ALWAYS, *(name for path in changed(since, root) for name in covering(path, root))])
    paths = [f"tests/{name}.py" for name in names if name not in LONG]
    return [path for path in paths if (root / path).exists()]


if __name__ == "__main__":
    print(*main(*sys.argv[1:]))
