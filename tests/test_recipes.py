"""CONTRIBUTING.md is followed to the letter on a copy of the tree, and whoever leaves a step out is told which.

A block of code that names a file goes into that file: it is a new one, or goes to the end of one that is there, or
before or after the line that the block names. Every other block is run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^( *)(`{3,})\w+(?: (\S+))?(?: (before|after) (.+?))?\n(.*?)^\1\2$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.timeout(900)  # a recipe builds the book


def recipe(title):
    """The blocks under a heading of CONTRIBUTING.md: (file, before or after, line, text without its indent)."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return [
        (path, where, line, re.sub(f"^{indent}", "", body, flags=re.MULTILINE))
        for indent, _, path, where, line, body in BLOCK.findall(section)
    ]


@pytest.fixture
def tree(tmp_path):
    """A copy of this tree, as a clone would be, with the environment that runs this test as its .venv."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":
            (tmp_path / ".venv" / path.name).symlink_to(path)
    (tmp_path / ".venv" / "ready").touch()
    for command in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@b commit --quiet --message before"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return tmp_path


def do(tree, command):
    """Run commands in the tree as a newcomer would; returns the exit code and what was said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))}
    environment |= {"PATH": f"{tree / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(tree)}
    run = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return run.returncode, run.stdout


def put(tree, path, where, line, text):
    """Put the text of a block where the block says."""
    file = tree / path
    before = file.read_text() if file.exists() else ""
    if where:
        [found] = re.findall(rf"^.*{re.escape(line)}.*\n", before, re.MULTILINE)
        gap = "\n" if path.endswith(".md") else "\n\n" * (text[0] != " ")  # none inside a function
        after = before.replace(found, f"{text}{gap}{found}" if where == "before" else f"{found}{text}")
    else:
        after = f"{before}\n\n{text}" if before else text
    file.write_text(after)


def follow(tree, title):
    for path, where, line, text in recipe(title):
        if path:
            put(tree, path, where, line, text)
        else:
            code, said = do(tree, text)
            assert code == 0, f"{text}\n{said[-6000:]}"


def new_files(tree):
    return subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=tree, capture_output=True, text=True, check=True
    ).stdout.split()


# ------------------------------------------------------------- to the letter


def test_the_recipe_of_a_chapter(tree):
    follow(tree, "A chapter")
    assert new_files(tree) == ["book/10_echo.ipynb"]
    page = (tree / "_build" / "html" / "book" / "10_echo.html").read_text()
    assert page.count("<img alt=") >= 2 and "The output repeats the input" in page


def test_the_recipe_of_an_exercise(tree):
    follow(tree, "An exercise")
    assert new_files(tree) == []
    for folder, said in [("solutions", "mean_state: passed"), ("exercises", "mean_state: to do")]:
        cells = nbformat.read(tree / folder / "02_simple_rnn.ipynb", as_version=4).cells
        [asking] = [cell for cell in cells if "def mean_state(" in cell.source]
        assert asking.outputs[0].data["text/plain"].startswith(said)
    assert "mean-state-padding-counted" in (tree / "book" / "atlas.md").read_text()
    assert "`mean_state`" in (tree / "book" / "teaching.md").read_text()


def test_the_recipe_of_a_cell(tree):
    follow(tree, "A cell (of a network)")
    assert new_files(tree) == []
    code, said = do(tree, "python -m pytest --collect-only -q tests/test_numpy_*.py tests/test_torch_*.py -k mgu")
    tested = set(re.findall(r"tests/(test_\w+)\.py::.*mgu", said))
    assert code == 0 and {"test_numpy_cells", "test_numpy_layers", "test_torch_recurrent"} <= tested


# ------------------------------------------------------------- what is missing is said in words


def told(tree, tests):
    code, said = do(tree, f"python -m pytest -q -p no:cacheprovider {tests}")
    assert code == 1, said
    return " ".join(said.split())


def test_a_question_that_is_not_finished_is_told_what_it_lacks(tree):
    path, *_, text = recipe("An exercise")[0]
    cut = text[: text.rindex("mean_state.mistake(")].replace('        "Only the first lengths[b]', '        # "Only')
    put(tree, path, "", "", cut)
    said = told(tree, "tests/test_questions.py tests/test_teaching.py -k 'mean_state or made_from'")
    assert "mean_state knows 2 mistakes, a question needs at least 3" in said
    assert "mean_state has 2 different hints, a question needs 3" in said
    assert (
        "mean_state is asked in 0 cells of exercises/02_simple_rnn.ipynb, expected 1: "
        "add it to solutions/02_simple_rnn.ipynb, then make exercises ONLY=02"
    ) in said
    assert "the tables of book/teaching.md are not what the questions make: make pages" in said


def test_a_cell_that_no_test_knows_is_named(tree):
    put(tree, *recipe("A cell (of a network)")[0])
    said = told(tree, "tests/test_numpy_cells.py -k 'every_cell'")
    assert "MGU of course_rnn/numpy/cells.py is in no test: enter it in CELLS" in said


def test_pages_that_do_not_fit_their_sources_name_the_command(tree):
    path = tree / "solutions" / "02_simple_rnn.ipynb"
    solution = nbformat.read(path, as_version=4)
    solution.cells.append(new_markdown_cell("One more."))
    nbformat.write(solution, path)
    shutil.copy(tree / "book" / "gallery.ipynb", tree / "book" / "10_echo.ipynb")
    (tree / "book" / "10_echo.md").write_text("# An echo\n")
    said = told(tree, "tests/test_notebooks.py -k 'solution or contents or beside'")
    assert "exercises/02_simple_rnn.ipynb is not what its solution makes: make exercises ONLY=02" in said
    assert "not in the table of contents, enter them in book/_toc.yml: book/10_echo" in said
    assert "a text beside its notebook, which breaks the build: python -m course_rnn.notebooks book/10_echo.md" in said
