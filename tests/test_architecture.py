"""Who may import whom: the reference knows no torch, the torch side knows no reference, the package no pages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "course_rnn"

# part of the package -> what none of its files may import
FORBIDDEN = {
    "numpy": ("torch", "course_rnn.torch", "course_rnn.questions", "course_rnn.data", "course_rnn.plot"),
    "torch": ("course_rnn.numpy", "course_rnn.questions", "course_rnn.data", "course_rnn.plot"),
    "data": ("torch", "course_rnn.numpy", "course_rnn.torch"),
    "diagrams": ("torch", "course_rnn.numpy", "course_rnn.torch"),
    "checking": ("course_rnn.torch", "course_rnn.numpy", "course_rnn.grading", "matplotlib"),
    "questions": ("course_rnn.torch",),  # a question in torch imports torch inside its functions
    "convert": ("torch", "keras", "onnx", "course_rnn.torch"),
    "shared": ("numpy", "torch", "course_rnn.numpy", "course_rnn.torch"),
    "plot": ("torch", "course_rnn.numpy", "course_rnn.torch"),
    "explore.py": ("torch", "course_rnn.numpy", "course_rnn.torch"),
    "__init__.py": ("numpy", "torch", "matplotlib", "course_rnn"),
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


def files_of(part):
    path = PACKAGE / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_imports_only_what_it_may(part):
    assert files_of(part)
    for path in files_of(part):
        for module in imports(path):
            for forbidden in FORBIDDEN[part]:
                assert module != forbidden and not module.startswith(f"{forbidden}."), f"{path.name} imports {module}"


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


def test_torch_missing_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import course_rnn.torch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert 'pip install "course-rnn[torch]"' in run.stderr.splitlines()[-1]
