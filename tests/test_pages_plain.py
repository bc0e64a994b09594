"""A notebook's plain Markdown and the marks that the book is built from say the same."""

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

from course_rnn import notebooks
from course_rnn.pages.plain import marked, plain, with_captions, works

ROOT = Path(__file__).parent.parent
KNOWN = works(ROOT / "book" / "references.bib")
PAIRS = {
    "a box": (
        ":::{admonition} Spot the error\n:class: warning\nIt says:\n\n$$\n1 = 2\n$$\n:::\n\nAnd on.",
        "> **Spot the error**\n>\n> It says:\n>\n> $$\n> 1 = 2\n> $$\n\nAnd on.",
    ),
    "a box of another kind": (
        ":::{admonition} Predict first\n:class: tip\nHow many?\n:::",
        "> **Predict first**\n>\n> How many?",
    ),
    "a note": (":::{note}\nOnce.\n:::", "> **Note**\n>\n> Once."),
    "a fold": (
        "::::{dropdown} The answer\n- one\n- two\n::::\n\nOn.",
        "<details>\n<summary>The answer</summary>\n\n- one\n- two\n\n</details>\n\nOn.",
    ),
    "a citation in the text": (
        "That is {cite:t}`elman1990finding`.",
        "That is [Elman (1990)](https://doi.org/10.1207/s15516709cog1402_1).",
    ),
    "citations in brackets": (
        "It vanishes {cite:p}`bengio1994learning,hochreiter1997long`.",
        "It vanishes ([Bengio et al., 1994](https://doi.org/10.1109/72.279181); "
        "[Hochreiter and Schmidhuber, 1997](https://doi.org/10.1162/neco.1997.9.8.1735)).",
    ),
    "an address with brackets": (
        "{cite:p}`dietterich1997solving`",
        "([Dietterich et al., 1997](https://doi.org/10.1016/S0004-3702%2896%2900034-3))",
    ),
    "code that shows marks": (
        "```\n:::{note}\n{cite:p}`nobody`\n```",
        "```\n:::{note}\n{cite:p}`nobody`\n```",
    ),
    "an ordinary link and a quotation": (
        "See ([this](x.md)).\n\n> So he said.",
        "See ([this](x.md)).\n\n> So he said.",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_each_form_makes_the_other(name):
    book, notebook = PAIRS[name]
    assert plain([book], "2", KNOWN) == [notebook]
    assert plain([notebook], "2", KNOWN) == [notebook]
    assert marked(notebook, KNOWN) == book


def test_equations_are_counted_and_links_follow_them():
    cells = [
        "$$\na = b\n$$ (eq-new)\n\nBy {eq}`eq-new`.",
        "$$\nc = d \\tag{2.1}\n$$\n\nAs in [(2.1)](#eq-2-1).",
        "$$\ne\n$$",
    ]
    made = plain(cells, "2", KNOWN)
    assert made[0] == "$$\na = b \\tag{2.1}\n$$\n\nBy [(2.1)](#eq-2-1)."
    assert made[1] == "$$\nc = d \\tag{2.2}\n$$\n\nAs in [(2.2)](#eq-2-2)."
    assert made[2] == cells[2]
    assert marked(made[0], KNOWN).startswith("(eq-2-1)=\n$$\n")


def test_figures_are_counted_and_links_follow_them():
    cells = [
        "**Figure.** {#fig-new} A chain.",
        "**Figure 2.1.** A tree.\n\nSee [Figure 2.1](#fig-2-1) and [Figure](#fig-new).",
    ]
    made = plain(cells, "2", KNOWN)
    assert made[0] == "**Figure 2.1.** A chain."
    assert made[1] == "**Figure 2.2.** A tree.\n\nSee [Figure 2.2](#fig-2-2) and [Figure 2.1](#fig-2-1)."


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("{cite:p}`nobody2020`", "has no nobody2020"),
        ("By {eq}`eq-lost`.", "eq-lost"),
        ("See [Figure 3.7](#fig-3-7).", "fig-3-7"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(cell, said):
    with pytest.raises(ValueError, match=said):
        plain([cell], "2", KNOWN)


def test_a_caption_belongs_to_the_picture_above_it():
    picture = {"cell_type": "code", "metadata": {}, "outputs": [{"data": {"image/svg+xml": "<svg/>"}}]}
    explorer = {"cell_type": "code", "metadata": {}, "outputs": [{"data": {"text/html": "<figure/>"}}]}
    said = {"cell_type": "markdown", "source": "**Figure 2.1.** A chain\nof states.\n\nAnd on."}
    made = with_captions([picture, dict(said), explorer, dict(said)])
    assert made[0]["metadata"]["mystnb"]["figure"] == {
        "caption": "**Figure 2.1.** A chain of states.",
        "name": "fig-2-1",
    }
    assert made[1]["source"] == "And on."
    assert made[3]["source"].startswith(
        "(fig-2-1)=\n:::{div} figure-caption\n**Figure 2.1.** A chain\nof states.\n:::\n"
    )


def test_every_work_has_an_address_of_its_own():
    addresses = [address for _, _, address in KNOWN.values()]
    assert len(addresses) == len(set(addresses)) > 60


def test_what_a_page_hides_a_notebook_hides(tmp_path):
    cell = nbformat.v4.new_code_cell("1", metadata={"tags": ["hide-input"]})
    shown = nbformat.v4.new_code_cell("1", metadata={"jupyter": {"source_hidden": True}})
    path = tmp_path / "02_page.ipynb"
    notebooks.write(nbformat.v4.new_notebook(cells=[cell, shown]), path)
    hidden, shown = nbformat.read(path, as_version=4).cells
    assert hidden.metadata.jupyter == {"source_hidden": True}
    assert "jupyter" not in shown.metadata


PAGES = [path for folder in notebooks.FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_notebook_reads_well_in_every_viewer(path):
    """No directive and no role is left, equations and figures are counted in order, and a link leads to each."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    left = re.findall(r"^:{3,}.*|(?<!`)\{(?:\w+:)?\w+\}`[^`]+`|^\([\w-]+\)=$", text, re.MULTILINE)
    assert left == [], f"write it plainly: python -m course_rnn.notebooks --plain {path.parent.name}/{path.name}"
    for kind, pattern in [("Figure", r"^\*\*Figure ([\w.]+)\.\*\*"), ("equation", r"\\tag\{([\w.]+)\}")]:
        found = re.findall(pattern, text, re.MULTILINE)
        numbers = [int(number.rpartition(".")[2]) for number in found]
        assert numbers == list(range(1, len(found) + 1)), f"a {kind} is out of order: --plain counts anew"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_notebook_needs_nothing_but_the_package(path):
    """It runs in an empty folder with the wheel alone: it reads no file, and imports what the package brings."""
    brought = {
        "course_rnn",
        "numpy",
        "matplotlib",
        "torch",
        "triton",
        "IPython",
        "ipywidgets",
        "tqdm",
        *sys.stdlib_module_names,
    }
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or "install" in cell.metadata.get("tags", []):
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert {name.partition(".")[0] for name in names} <= brought, names
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in ("open", "Path")), ast.unparse(node)


def test_notebooks_can_be_made_plain_without_a_run(tmp_path):
    path = tmp_path / "02_page.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# A page\n\n:::{note}\nOnce.\n:::"), nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    notebooks.main(["--plain", str(path)])
    text, code = nbformat.read(path, as_version=4).cells
    assert text.source == "# A page\n\n> **Note**\n>\n> Once." and code.outputs == []
