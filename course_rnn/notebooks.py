"""Run and normalise notebooks; make an exercise from a solution.

``python -m course_rnn.notebooks``                         runs every notebook of the course
``python -m course_rnn.notebooks book/02_simple_rnn.ipynb``  runs one
``python -m course_rnn.notebooks book/02_simple_rnn.md``   makes it of a text in MyST Markdown first, and drops the text
``python -m course_rnn.notebooks --exercises``             regenerates exercises/ from solutions/, then runs them
``python -m course_rnn.notebooks --exercises --only 02``   does so with one
``python -m course_rnn.notebooks --plain``                 runs nothing: Markdown becomes plain, and is counted anew

A run starts a fresh kernel with one BLAS thread, so that sums have one order, and what it writes depends on nothing
but the cells: run twice, the file does not change by a byte.
"""

import argparse
import itertools
import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from course_rnn.pages import plain

FOLDERS = ("book", "solutions", "exercises")
TEXT = "md:myst"
STUB = "raise NotImplementedError  # your code here"
DIAGRAM = ("Diagram: ", "Figure: ")  # how the text forms of a diagram and of a plot begin
SVG = "image/svg+xml"
#: What JupyterLab hides where a tag hides it on a page.
HIDDEN = {
    "hide-input": {"source_hidden": True},
    "remove-input": {"source_hidden": True},
    "hide-output": {"outputs_hidden": True},
    "hide-cell": {"source_hidden": True, "outputs_hidden": True},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
#: The longest that a cell may take, here and in the tests: what takes longer hangs, or is no cell for a reader.
CELL_SECONDS = 60
#: The branch whose notebooks begin with the cell that installs the course: the one that Colab is led to.
COLAB_BRANCH = "colab"
INSTALL = """\
# On Colab, which has torch, this installs the course; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install -q "course-rnn @ git+{url}"
"""
#: What a kernel of ours always runs under, here and in the tests.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",  # a progress bar never looks the same twice
    "COURSE_RNN_PROGRESS": "",  # a run of ours neither reads nor changes a learner's progress
}


def run(path):
    """Execute the notebook at `path` from a fresh kernel in its own folder, normalise it and write it back.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed that does not carry the tag ``raises-exception``; the file is left as it was.
    nbclient.exceptions.CellTimeoutError
        A cell took longer than `CELL_SECONDS`; the file is left as it was.
    """
    path = Path(path)
    write(executed(nbformat.read(path, as_version=4), path.parent), path)


def run_text(path):
    """Make a notebook of a text in MyST Markdown, run it, and remove the text, as a page has one source.

    A notebook of that name keeps the ids of its cells, and what the text does not hold. Where the run fails, text and
    notebook are left as they were, and the exceptions are those of `run`.

    Raises
    ------
    ValueError
        The text has no ``{code-cell}``: it is a page, and would be lost.
    """
    import jupytext
    from jupytext.combine import combine_inputs_with_outputs

    path = Path(path)
    notebook, target = jupytext.read(path, fmt=TEXT), path.with_suffix(".ipynb")
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise ValueError(f"{path} has no {{code-cell}}: it is no text of a notebook.")
    if target.exists():
        notebook = combine_inputs_with_outputs(notebook, nbformat.read(target, as_version=4), fmt=TEXT)
    write(executed(notebook, path.parent), target)
    path.unlink()


def executed(notebook: NotebookNode, folder) -> NotebookNode:
    """The notebook after a run from a fresh kernel in a folder, normalised."""
    from nbclient import NotebookClient  # here, as the package installs without it

    notebook = with_install_cell(notebook, address())
    os.environ.update(ENVIRONMENT)
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return normalise(notebook)


def address(config=Path("_config.yml")):
    """Where the course is hosted, as the environment or _config.yml has it; "" where nobody has set it yet."""
    import yaml  # part of what builds the book

    return (
        os.environ.get("COURSE_RNN_REPOSITORY")
        or yaml.safe_load(Path(config).read_text())["sphinx"]["config"]["html_theme_options"]["repository_url"]
    )


def with_install_cell(notebook: NotebookNode, url) -> NotebookNode:
    """A notebook that installs the package when it is opened on Colab; without an address it has no such cell.

    The package is taken from the repository itself: its name on a package index may be somebody else's.
    """
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if "install" not in cell.metadata.get("tags", [])]
    if url:
        cell = nbformat.v4.new_code_cell(INSTALL.format(url=url), id="install")
        cell.metadata["tags"] = ["install", "hide-input"]
        notebook.cells.insert(1, cell)
    return notebook


def add_install_cells(url, folders=FOLDERS):
    """Begin every notebook with the cell that installs the course from `url`; nothing is run."""
    for path in (path for folder in folders for path in sorted(Path(folder).glob("*.ipynb"))):
        write(with_install_cell(nbformat.read(path, as_version=4), url), path)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Take out of a notebook what differs from run to run: kernel versions, widget state, random widget names."""
    from nbval.plugin import coalesce_streams

    notebook.metadata = NotebookNode(
        {
            key: value
            for key, value in notebook.metadata.items()
            if key not in ("widgets", "language_info", "kernelspec")
        }
        | {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    widgets = itertools.count(1)
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = coalesce_streams(cell.outputs)  # a slow cell prints in pieces, cut at random
        for data in (output.data for output in cell.get("outputs", []) if "data" in output):
            if WIDGET in data:
                data[WIDGET]["model_id"] = f"widget-{next(widgets)}"
            if data.get("text/plain", "").startswith(DIAGRAM):  # both know their own alt text
                cell.metadata.setdefault("mystnb", {})["image"] = {"alt": data["text/plain"].partition(": ")[2]}
            if SVG in data:  # on one line: a file of a notebook spends a dozen bytes on each
                data[SVG] = " ".join(data[SVG].split())
    return notebook


def write(notebook: NotebookNode, path):
    """Write the notebook as valid nbformat 4 with one trailing newline, its Markdown plain (see `pages.plain`)."""
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    chapter = re.match(r"0*(\d+[a-z]?)_", Path(path).name)
    number = chapter[1] if chapter else "0"
    sources = plain.plain([cell.source for cell in texts], number, plain.works())
    for cell, source in zip(texts, sources, strict=True):
        cell.source = source
    for cell in notebook.cells:
        hidden = [HIDDEN[tag] for tag in cell.metadata.get("tags", []) if tag in HIDDEN]
        cell.metadata.pop("jupyter", None)
        if hidden:
            cell.metadata["jupyter"] = {key: True for each in hidden for key in each}
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def make_exercise(solution: NotebookNode) -> NotebookNode:
    """The exercise of a solution: each marked solution becomes a stub, outputs are cleared, ids and texts stay.

    The marks are nbgrader's, ``### BEGIN SOLUTION`` to ``### END SOLUTION``.
    A cell tagged ``solution-only`` is left out, and the title "Solutions: ..." becomes "Exercises: ...".

    Raises
    ------
    RuntimeError
        A mark is opened and not closed.
    """
    from nbgrader.preprocessors import ClearOutput, ClearSolutions

    exercise = nbformat.from_dict(solution)
    exercise.cells = [cell for cell in exercise.cells if "solution-only" not in cell.metadata.get("tags", [])]
    clear = ClearSolutions(enforce_metadata=False, code_stub={"python": STUB})
    exercise, _ = clear.preprocess(exercise, {})
    exercise, _ = ClearOutput().preprocess(exercise, {})
    exercise.cells[0].source = exercise.cells[0].source.replace("# Solutions:", "# Exercises:", 1)
    return exercise


def regenerate(solutions=Path("solutions"), exercises=Path("exercises"), only=""):
    """Write an exercise for every solution whose name begins with `only`; returns the paths of the exercises.

    Raises
    ------
    ValueError
        There is none.
    """
    paths, sources = [], sorted(Path(solutions).glob(f"{only}*.ipynb"))
    if not sources:
        raise ValueError(f"There is no {solutions}/{only}*.ipynb.")
    for source in sources:
        path = Path(exercises) / source.name
        write(make_exercise(nbformat.read(source, as_version=4)), path)
        paths.append(path)
    return paths


def main(arguments=None):
    """The command line: run the notebooks named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m course_rnn.notebooks", description=main.__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="notebooks, or texts of them, to run (default: all notebooks)"
    )
    parser.add_argument(
        "--exercises", action="store_true", help="first regenerate exercises/ from solutions/, and run only those"
    )
    parser.add_argument(
        "--install-from", metavar="URL", help="write the cell that installs the course, and run nothing"
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="run nothing, write the Markdown plainly and count equations and figures",
    )
    parser.add_argument("--only", default="", help="with --exercises: how the names begin, such as 02")
    options = parser.parse_args(arguments)
    if options.install_from:
        return add_install_cells(options.install_from)
    paths = regenerate(only=options.only) if options.exercises else options.paths
    for path in tqdm(paths or [p for folder in FOLDERS for p in sorted(Path(folder).glob("*.ipynb"))], unit="notebook"):
        if options.plain:
            write(nbformat.read(path, as_version=4), path)
        else:
            run_text(path) if path.suffix == ".md" else run(path)


if __name__ == "__main__":
    main()
