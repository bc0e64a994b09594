"""Every notebook is in order, exercises are made from solutions, and a run writes the same bytes twice."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import in_browser
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_rnn import notebooks

ROOT = Path(__file__).parent.parent
PAGES = [path for folder in notebooks.FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))

#: A page may not weigh more; what is over goes into fewer or lighter figures.
MAX_BYTES = 1_000_000
MAX_LINE = 80
#: Cells whose output nobody compares, by page: only timings and device names. A new one is entered here, with care.
IGNORED = {"book/08_gpu.ipynb": 1, "book/09_outlook.ipynb": 1}
#: Cells that ask for a wider tolerance, by page: results of training, which rounding moves.
WIDENED = {
    "book/01_sequential_data.ipynb": 1,
    "book/02_simple_rnn.ipynb": 2,
    "book/03_deep_rnn.ipynb": 6,
    "book/04_bidirectional_rnn.ipynb": 4,
    "book/06_gradients.ipynb": 6,
    "book/07_lstm_gru.ipynb": 1,
    "book/09_outlook.ipynb": 3,
    "exercises/02_simple_rnn.ipynb": 1,
    "exercises/p1_forecast.ipynb": 1,
    "exercises/p2_write.ipynb": 1,
    "exercises/p3_tag.ipynb": 1,
    "exercises/p4_translate.ipynb": 1,
    "exercises/p5_own_cell.ipynb": 1,
    "solutions/02_simple_rnn.ipynb": 1,
    "solutions/p1_forecast.ipynb": 1,
    "solutions/p2_write.ipynb": 4,
    "solutions/p3_tag.ipynb": 3,
    "solutions/p4_translate.ipynb": 1,
    "solutions/p5_own_cell.ipynb": 1,
}


def name_of(path):
    return f"{path.parent.name}/{path.name}"


def faults(path):
    """Everything about a notebook that nbval would let pass and a reader would not."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    found = []
    ids = [cell.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) != len(ids):
        found.append("a cell has no id, or two cells have the same")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("not executed in order from a fresh kernel")
    if path.stat().st_size > MAX_BYTES:
        found.append(f"weighs {path.stat().st_size:,} bytes")
    if not notebook.cells[0].source.startswith("# "):
        found.append("does not begin with a title")
    for cell in code:
        found += [
            f"a line of {len(line)} characters: {line}" for line in cell.source.splitlines() if len(line) > MAX_LINE
        ]
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"an error in the output: {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"a warning in the output: {output.text[:80]}")
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data) and len(alt) < 20:
                found.append(f"a figure without an alt text: {cell.source.splitlines()[-1]}")
            if data.get("text/plain", "").startswith(notebooks.DIAGRAM) and alt not in data["text/plain"]:
                found.append("a diagram whose alt text is not its own")
        if str(ROOT) in json.dumps(cell.outputs):
            found.append("a path of this machine in an output")
    return found


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_notebook_is_in_order(path):
    assert faults(path) == []


def tagged(path, test):
    return sum(1 for cell in nbformat.read(path, as_version=4).cells if test(cell.metadata))


def test_every_notebook_is_in_the_table_of_contents():
    missing = sorted({name_of(path).removesuffix(".ipynb") for path in PAGES} - set(in_browser.pages()))
    assert not missing, f"not in the table of contents, enter them in book/_toc.yml: {', '.join(missing)}"


def test_no_text_stands_beside_its_notebook():
    texts = [f"{path.parent.name}/{path.stem}.md" for path in PAGES if path.with_suffix(".md").exists()]
    assert not texts, (
        f"a text beside its notebook, which breaks the build: python -m course_rnn.notebooks {' '.join(texts)}"
    )


def test_what_is_not_compared_cannot_grow_unseen():
    ignored = {
        name_of(path): tagged(path, lambda data: "nbval-ignore-output" in data.get("tags", [])) for path in PAGES
    }
    widened = {name_of(path): tagged(path, lambda data: "rtol" in data.get("course_rnn", {})) for path in PAGES}
    assert {name: count for name, count in ignored.items() if count} == IGNORED, (
        "the cells tagged nbval-ignore-output are others than those counted in IGNORED"
    )
    assert {name: count for name, count in widened.items() if count} == WIDENED, (
        "the cells with a tolerance of their own, course_rnn: {rtol: ...}, are others than those counted in WIDENED"
    )


# ------------------------------------------------------------- hygiene that finds something


def page(tmp_path, cell):
    path = tmp_path / "page.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A page"), cell]), path)
    return path


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (new_code_cell("1 + 1"), "not executed in order"),
        (new_code_cell("1 + 1", execution_count=2), "not executed in order"),
        (new_code_cell("x" * 81, execution_count=1), "a line of 81"),
        (
            new_code_cell("w", execution_count=1, outputs=[new_output("stream", name="stderr", text="Warning")]),
            "a warning",
        ),
        (
            new_code_cell("p", execution_count=1, outputs=[new_output("display_data", {"image/png": "AAAA"})]),
            "a figure without an alt text",
        ),
        (
            new_code_cell("e", execution_count=1, outputs=[new_output("error", ename="E", evalue="", traceback=[])]),
            "an error",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hygiene_finds(tmp_path, cell, fault):
    assert any(found.startswith(fault) for found in faults(page(tmp_path, cell)))


# ------------------------------------------------------------- running


def test_a_second_run_changes_no_byte(tmp_path):
    copy = tmp_path / "exercise.ipynb"
    shutil.copy(ROOT / "solutions" / "02_simple_rnn.ipynb", copy)
    notebooks.run(copy)
    once = copy.read_bytes()
    notebooks.run(copy)
    assert copy.read_bytes() == once


def test_a_run_normalises_what_differs(tmp_path):
    path = tmp_path / "page.ipynb"
    source = "import ipywidgets; ipywidgets.IntSlider()"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A page"), new_code_cell(source)]), path)
    notebooks.run(path)
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[1].outputs[0].data[notebooks.WIDGET]["model_id"] == "widget-1"
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.language_info == {"name": "python"}


def test_a_failing_notebook_is_left_as_it_was(tmp_path):
    path = page(tmp_path, new_code_cell("1 / 0"))
    before = path.read_bytes()
    run = subprocess.run([sys.executable, "-m", "course_rnn.notebooks", str(path)], capture_output=True, text=True)
    assert run.returncode != 0 and "ZeroDivisionError" in run.stderr
    assert path.read_bytes() == before


TEXT = """\
# A page

The sum of two numbers.

```{code-cell} ipython3
a = 2
print(a + 3)
```
"""


def test_a_text_becomes_an_executed_notebook_and_leaves_nothing_beside_it(tmp_path):
    text = tmp_path / "page.md"
    text.write_text(TEXT)
    notebooks.main([str(text)])
    assert [path.name for path in tmp_path.iterdir()] == ["page.ipynb"]
    made = nbformat.read(tmp_path / "page.ipynb", as_version=4)
    assert [cell.cell_type for cell in made.cells] == ["markdown", "code"]
    assert made.cells[1].outputs[0].text == "5\n" and faults(tmp_path / "page.ipynb") == []


def test_a_text_changes_the_notebook_that_is_there(tmp_path):
    cell = new_code_cell("a = 2\nprint(a + 3)", metadata={"course_rnn": {"rtol": 0.1}})
    path = page(tmp_path, cell)
    before = nbformat.read(path, as_version=4)
    subprocess.run(["jupytext", "--quiet", "--to", "myst", str(path)], check=True)
    text = path.with_suffix(".md")
    text.write_text(text.read_text().replace("# A page", "# A page\n\nThe sum of two numbers."))
    notebooks.main([str(text)])
    after = nbformat.read(path, as_version=4)
    assert after.cells[0].source.endswith("The sum of two numbers.")
    assert (after.cells[1].id, after.cells[1].metadata) == (before.cells[1].id, before.cells[1].metadata)
    assert after.cells[1].outputs[0].text == "5\n" and not text.exists()


def test_a_text_that_fails_is_left_as_it_was(tmp_path):
    text = tmp_path / "page.md"
    text.write_text(TEXT.replace("a + 3", "a / 0"))
    with pytest.raises(Exception, match="ZeroDivisionError"):
        notebooks.run_text(text)
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"] and "a / 0" in text.read_text()


def test_a_page_in_markdown_is_not_taken_for_a_text(tmp_path):
    page = tmp_path / "notation.md"
    page.write_text("# Notation\n")
    with pytest.raises(ValueError, match="no text of a notebook"):
        notebooks.run_text(page)
    assert page.exists()


# ------------------------------------------------------------- exercises from solutions


def test_one_exercise_can_be_made_alone(tmp_path):
    assert notebooks.regenerate(ROOT / "solutions", tmp_path, only="02") == [tmp_path / "02_simple_rnn.ipynb"]
    assert [path.name for path in tmp_path.iterdir()] == ["02_simple_rnn.ipynb"]
    with pytest.raises(ValueError, match=r"There is no .*/77\*\.ipynb"):
        notebooks.regenerate(ROOT / "solutions", tmp_path, only="77")


@pytest.mark.parametrize("path", SOLUTIONS, ids=name_of)
def test_an_exercise_is_its_solution_without_the_answers(path):
    """Cell for cell: what is committed is what would be made again."""
    made = notebooks.make_exercise(nbformat.read(path, as_version=4))
    committed = nbformat.read(ROOT / "exercises" / path.name, as_version=4)
    assert [(cell.id, cell.source) for cell in committed.cells] == [(cell.id, cell.source) for cell in made.cells], (
        f"exercises/{path.name} is not what its solution makes: make exercises ONLY={path.name[:2]}"
    )


@pytest.mark.parametrize("path", SOLUTIONS, ids=name_of)
def test_solutions_score_full_marks_and_exercises_none(path):
    def checks(notebook):
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        shown = [output.data["text/plain"] for output in outputs if output.output_type == "execute_result"]
        return [text.partition("\n")[0] for text in shown if ": " in text and "questions" not in text]

    solved = checks(nbformat.read(path, as_version=4))
    unsolved = checks(nbformat.read(ROOT / "exercises" / path.name, as_version=4))
    assert solved and all(": passed" in line for line in solved)
    assert len(unsolved) == len(solved) and all(line.endswith(": to do") for line in unsolved)


def test_there_is_an_exercise_for_every_solution_and_no_other():
    exercises = {path.name for path in (ROOT / "exercises").glob("*.ipynb")}
    assert exercises == {path.name for path in SOLUTIONS}, "exercises/ and solutions/ differ: make exercises"


def test_an_unclosed_mark_is_refused():
    cell = new_code_cell("def f():\n    ### BEGIN SOLUTION\n    return 1")
    with pytest.raises(RuntimeError):
        notebooks.make_exercise(new_notebook(cells=[new_markdown_cell("# Solutions: x"), cell]))


# ------------------------------------------------------------- opening a notebook elsewhere


def test_a_notebook_installs_the_course_on_colab_once_its_address_is_known():
    page = new_notebook(cells=[new_markdown_cell("# A page"), new_code_cell("1")])
    assert notebooks.with_install_cell(page, "") == page
    opened = notebooks.with_install_cell(page, "https://example.org/course")
    assert '%pip install -q "course-rnn @ git+https://example.org/course"' in opened.cells[1].source
    assert len(notebooks.with_install_cell(opened, "https://example.org/course").cells) == 3
    assert notebooks.with_install_cell(opened, "") == page


def test_every_notebook_has_the_install_cell_that_the_address_asks_for():
    for path in PAGES:
        notebook = nbformat.read(path, as_version=4)
        assert notebooks.with_install_cell(notebook, notebooks.address(ROOT / "_config.yml")) == notebook
