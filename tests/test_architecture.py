"""Who may import whom: the reference knows no torch, the torch side knows no reference, the package no pages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "course_rnn"

#: The parts of the package from the ground up: what of the course each may import, all of it further up in this table,
#: and which libraries, at the top of a file or inside a function. What is not named is forbidden. "file" or "folder/":
#: a file that is named has an entry of its own, whatever its folder may.
#:
#: import-linter would say the first column alone, and of the second nothing of what is imported inside functions.
ALLOWED = {
    "__init__.py": ("", ""),
    "colours.py": ("", ""),
    "shared/": ("", ""),  # what both sides say and loop over: no library of numbers
    "numpy/": ("shared/", "numpy tqdm"),  # the reference: no torch
    "torch/": ("shared/", "torch numpy tqdm triton"),  # and no reference here
    "data/": ("", "numpy matplotlib num2words faker"),
    "convert/": ("numpy/ shared/", "numpy"),
    "machine.py": ("", "numpy torch threadpoolctl"),
    "evidence.py": ("", "numpy"),  # what a record says: pages read it without torch
    "experiment/": ("machine.py", "numpy torch tqdm distributed"),
    "diagrams/": ("colours.py shared/", "matplotlib"),
    "plot/": ("colours.py", "numpy matplotlib matplotlib_inline IPython"),
    "explore.py": ("plot/", "matplotlib IPython PIL ipywidgets"),
    "checking/compare.py": ("", "numpy"),
    "checking/effort.py": ("checking/compare.py", "numpy torch"),  # in the grader's room as well: it knows no question
    "checking/": ("checking/compare.py checking/effort.py", "numpy torch IPython"),  # torch inside functions
    "questions/": ("checking/", "numpy torch"),
    "variants/": ("checking/ questions/", "numpy"),  # a family varies questions
    "projects/": ("checking/ data/", "numpy"),
    "checking/certify.py": ("checking/compare.py checking/ questions/", "numpy"),
    "checking/notebook.py": ("checking/ questions/ projects/", "numpy nbformat jupyter_client IPython"),
    "pages/": ("checking/ questions/", "numpy nbformat docutils mdit_py_plugins pybtex sphinx bs4 playwright"),
    "claims.py": ("data/ evidence.py", "nbformat mdit_py_plugins yaml"),
    "landing.py": ("colours.py data/ numpy/", "numpy"),
    "notebooks.py": ("pages/", "nbformat nbclient nbgrader nbval jupytext tqdm yaml"),
    "slides.py": ("", "nbformat"),
    # all of the course that is in the room with a stranger's code
    "grading/worker/": ("checking/compare.py checking/effort.py", "numpy torch"),
    "grading/": ("checking/ questions/ variants/ projects/", "msgspec"),  # the ground, and then the way of a submission
    "grading/intake/": ("grading/", ""),
    "grading/room/": ("grading/worker/ grading/ grading/intake/", "numpy"),
    "grading/replies.py": ("checking/ grading/", "numpy"),
    "grading/project.py": ("grading/ grading/intake/ grading/replies.py", "numpy"),
    "grading/grade.py": (
        "checking/ checking/certify.py grading/ grading/intake/ grading/room/ grading/replies.py grading/project.py",
        "numpy",
    ),
    "grading/batch.py": ("grading/ grading/intake/ grading/room/ grading/grade.py", "tqdm dask distributed"),
    "grading/one.py": ("grading/ grading/intake/ grading/grade.py grading/batch.py", ""),
    "grading/marks/": ("grading/worker/ grading/ grading/intake/ grading/room/", "nbformat"),
    "grading/out/": (
        "checking/ questions/ variants/ notebooks.py grading/worker/ grading/ grading/intake/ grading/room/ "
        "grading/marks/",
        "numpy nbformat tqdm jinja2 nbgrader rapidfuzz sqlalchemy traitlets",
    ),
    "grading/desk/": (
        "checking/ grading/worker/ grading/ grading/intake/ grading/room/ grading/marks/ grading/out/",
        "msgspec tornado",
    ),
    "cli.py": (
        "checking/ checking/certify.py checking/notebook.py questions/ grading/ grading/intake/ grading/room/ "
        "grading/batch.py grading/one.py grading/marks/ grading/out/ grading/desk/ machine.py slides.py experiment/",
        "click",
    ),
}


def imports(path):
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module


def part_of(path):
    """The entry of a path inside the package: its own, else that of the nearest folder; "" where there is none."""
    return max(
        (part for part in ALLOWED if path == part or (part[-1] == "/" and path.startswith(part))), key=len, default=""
    )


def path_of(module):
    """The file of one of our modules, as a path inside the package; None for a name inside a module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    found = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return found.relative_to(PACKAGE).as_posix() if found.exists() else None


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_it_may(part):
    ours, libraries = map(str.split, ALLOWED[part])
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if part_of(path.relative_to(PACKAGE).as_posix()) == part]
    assert files, f"there is no course_rnn/{part}: take it out of ALLOWED"
    for path in files:
        for module in imports(path):
            first = module.partition(".")[0]
            if first == "course_rnn":
                target = path_of(module)
                may = target is None or part_of(target) in (part, *ours, "__init__.py")
            else:
                may = first in libraries or first in sys.stdlib_module_names
            assert may, f"{path.relative_to(ROOT)} imports {module}, which ALLOWED does not allow to {part}"


def test_every_file_belongs_to_a_part():
    lost = [path.name for path in PACKAGE.rglob("*.py") if not part_of(path.relative_to(PACKAGE).as_posix())]
    assert not lost, f"say in ALLOWED what may be imported by {', '.join(lost)}"


def test_no_arrow_goes_up():
    """So there are no circles between parts either."""
    parts = list(ALLOWED)
    for part, (ours, _) in ALLOWED.items():
        up = [other for other in ours.split() if parts.index(other) >= parts.index(part)]
        assert not up, f"{part} imports {', '.join(up)}, which stands further down in ALLOWED"


def test_the_package_never_imports_from_the_pages_or_the_tests():
    for path in PACKAGE.rglob("*.py"):
        assert not {module.split(".")[0] for module in imports(path)} & {"book", "exercises", "solutions", "tests"}


def loaded_by(statement):
    """The modules that are loaded after a statement in a fresh interpreter."""
    code = f"{statement}; import sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import course_rnn") & {"numpy", "torch", "matplotlib"}


def test_importing_the_reference_does_not_load_torch():
    assert "torch" not in loaded_by("import course_rnn.numpy, course_rnn.data")


def test_importing_the_questions_loads_numpy_alone():
    """So that a page in a browser can run them."""
    loaded = loaded_by("from course_rnn import questions, variants; questions.chapters()")
    assert "numpy" in loaded and not loaded & {"torch", "matplotlib", "nbformat", "IPython"}


def test_importing_figures_and_data_loads_nothing_that_a_browser_lacks():
    loaded = loaded_by("import course_rnn.plot, course_rnn.diagrams, course_rnn.data, course_rnn.numpy")
    assert "numpy" in loaded
    assert not loaded & {"torch", "matplotlib", "IPython", "ipywidgets", "faker", "num2words"}


def test_torch_missing_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import course_rnn.torch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert 'pip install "course-rnn[torch]"' in run.stderr.splitlines()[-1]
