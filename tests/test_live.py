"""What live pages are made of: gathered with checksums, packed for the browser, and only where a cell can run alone."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document

from course_rnn import questions
from course_rnn.pages import live
from course_rnn.pages.slices import LIVE, live_cells

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # where Sphinx finds it
extension = import_module("live")


# ------------------------------------------------------------------ what is gathered


def known(folder, **contents):
    """The packages of a lock file, and their wheels in a folder; ``numpy`` needs what is named first."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, content in contents.items():
        file = f"{name}-1.0-py3-none-any.whl"
        (folder / file).write_bytes(content)
        entries[name] = {"file_name": file, "sha256": hashlib.sha256(content).hexdigest(), "depends": []}
    return entries


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def test_published_wheels_are_taken_with_all_that_they_need_and_kept(tmp_path, site):
    entries = known(tmp_path / "published", numpy=b"numbers", matplotlib=b"figures", cycler=b"round")
    entries["matplotlib"]["depends"] = ["cycler", "numpy"]
    address = (tmp_path / "published").as_uri() + "/"
    assert dict(live._wheels(entries, site, tmp_path / "kept", None, address)) == entries
    assert {path.read_bytes() for path in site.iterdir()} == {b"numbers", b"figures", b"round"}
    for path in (tmp_path / "published").iterdir():
        path.unlink()
    dict(live._wheels(entries, site, tmp_path / "kept", None, address))  # from what was kept


def test_a_wheel_that_is_not_the_lock_files_is_refused(tmp_path, site):
    entries = known(tmp_path / "published", numpy=b"numbers", matplotlib=b"figures")
    (tmp_path / "published" / entries["numpy"]["file_name"]).write_bytes(b"others")
    with pytest.raises(ValueError, match=r"numpy-1.0-py3-none-any.whl is not the file that pyodide-lock.json names"):
        dict(live._wheels(entries, site, tmp_path / "kept", None, (tmp_path / "published").as_uri() + "/"))
    assert not (tmp_path / "kept").exists() and not list(site.iterdir())


def test_where_nothing_can_be_fetched_a_folder_is_asked_for(tmp_path, site):
    entries = known(tmp_path / "published", numpy=b"numbers", matplotlib=b"figures")
    with pytest.raises(ValueError, match=r"could not be fetched: .*make live WHEELS=FOLDER"):
        dict(live._wheels(entries, site, tmp_path / "kept", None, (tmp_path / "nowhere").as_uri() + "/"))


def test_a_folder_may_do_without_matplotlib_but_not_without_numpy(tmp_path, site):
    entries = known(tmp_path / "folder", numpy=b"stand-in", matplotlib=b"figures")
    entries["numpy"]["sha256"] = "the published one's"
    (tmp_path / "folder" / entries["matplotlib"]["file_name"]).unlink()
    found = dict(live._wheels(entries, site, tmp_path / "kept", tmp_path / "folder", ""))
    assert list(found) == ["numpy"] and found["numpy"]["sha256"] == hashlib.sha256(b"stand-in").hexdigest()
    with pytest.raises(ValueError, match=r"has no numpy-1.0-py3-none-any.whl"):
        dict(live._wheels(entries, site, tmp_path / "kept", tmp_path / "site2", ""))


def test_npm_installs_what_is_pinned_and_checked():
    wanted = json.loads((ROOT / live.SOURCES / "package.json").read_text())["dependencies"]
    lock = json.loads((ROOT / live.SOURCES / "package-lock.json").read_text())["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    for name, package in lock.items():
        assert not name or package["integrity"].startswith("sha512-")
        assert "resolved" not in package  # whichever registry npm is set up with


# ------------------------------------------------------------------ what is packed


def test_the_package_is_packed_to_the_same_bytes_without_what_a_browser_cannot_use(tmp_path):
    entry = live.pack("course-rnn", tmp_path, live.NOT_HERE)
    first = (tmp_path / entry["file_name"]).read_bytes()
    assert live.pack("course-rnn", tmp_path, live.NOT_HERE) == entry
    assert (tmp_path / entry["file_name"]).read_bytes() == first
    assert hashlib.sha256(first).hexdigest() == entry["sha256"]
    with zipfile.ZipFile(tmp_path / entry["file_name"]) as wheel:
        parts = {name.split("/")[1] for name in wheel.namelist() if name.startswith("course_rnn/")}
    assert {"numpy", "questions", "checking", "data", "plot"} <= parts
    assert not parts & {"torch", "grading", "pages", "__pycache__"}


def alone(code, folder):
    """What code prints in a process that has of all packages only NumPy, tqdm and what the browser gets of ours."""
    entry = live.pack("course-rnn", folder, live.NOT_HERE)
    blocked = ("torch", "matplotlib", "IPython", "ipywidgets", "PIL", "nbformat", "click", "faker", "num2words")
    start = f"import sys\nsys.modules |= dict.fromkeys({blocked})\n"
    start += f"sys.path.insert(0, {str(folder / entry['file_name'])!r})\n"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_every_question_in_numpy_loads_with_what_the_browser_has(tmp_path):
    code = """
from course_rnn import questions
print(sum(q.library == "numpy" and q.check(q.reference).passed
          for chapter in questions.chapters().values() for q in chapter.questions.values()))
"""
    every = [q for chapter in questions.chapters().values() for q in chapter.questions.values()]
    assert int(alone(code, tmp_path)) == sum(q.library == "numpy" for q in every) >= 60


# ------------------------------------------------------------------ slices: what a cell of a chapter needs


def cells(*sources):
    """Code cells; one that begins with "# live" has the tag."""
    made = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in made:
        if cell.source.startswith("# live"):
            cell.metadata["tags"] = [LIVE]
    return made


def setups(*sources):
    return [setup for _, setup in live_cells(cells(*sources))]


def test_a_slice_holds_what_the_cell_uses_and_no_more():
    imports = "import numpy as np\nimport torch\nfrom course_rnn import data, plot"
    imports += "\n\nplot.use_style()\nnp.set_printoptions(precision=3)"
    work = "x = np.zeros(3)\nmodel = torch.nn.RNN(2, 3)\n\n\ndef f(a):\n    return g(a) + x"
    (setup,) = setups(imports, work, "def g(a):\n    return a", "# live\nprint(f(1))")
    assert setup == (
        "import numpy as np\nnp.set_printoptions(precision=3)\nx = np.zeros(3)\n"
        "def f(a):\n    return g(a) + x\ndef g(a):\n    return a"
    )


def test_a_later_value_counts_with_what_it_builds_on_and_an_earlier_one_does_not():
    assert setups("a = 1\nb = 2", "a = 5", "a += b", "# live\na") == ["b = 2\na = 5\na += b"]


def test_a_live_cell_has_what_live_cells_above_made_and_nothing_runs_twice():
    found = setups("import math\nn = 3", "# live\nk = n + math.pi", "m = 1", "# live\nk + n + m + math.e")
    assert found == ["import math\nn = 3", "m = 1"]


def test_a_cell_for_ipython_alone_is_passed_over():
    assert setups("%matplotlib inline", "# live\nprint(1)") == [""]


def chapters():
    for path in sorted((ROOT / "book").glob("[0-9]*.ipynb")):
        found = live_cells(nbformat.read(path, as_version=4).cells)
        if found:
            yield pytest.param(found, id=path.stem)


@pytest.mark.parametrize("found", list(chapters()))
def test_the_live_cells_of_a_chapter_run_alone_and_print_what_the_book_prints(found, tmp_path):
    mark = "---- next cell"
    code = "".join(f"{setup}\nprint({mark!r})\n{cell.source}\nprint({mark!r})\n" for cell, setup in found)
    shown = alone(code, tmp_path).split(f"{mark}\n")[1::2]
    for (cell, _), printed in zip(found, shown, strict=True):
        assert printed == "".join(output.text for output in cell.outputs if output.output_type == "stream"), cell.source
        assert not [output for output in cell.outputs if output.output_type != "stream"]  # a picture needs matplotlib


# ------------------------------------------------------------------ what the book's extension makes of a page


def exercise(name):
    cells = nbformat.read(ROOT / "exercises" / f"{name}.ipynb", as_version=4).cells
    for place, cell in enumerate(cells):
        cell["place"] = place
    code = [cell for cell in cells if cell.cell_type == "code"]
    return list(extension.exercise_cells(code, questions.chapters()[name].questions))


@pytest.mark.parametrize("name", questions.chapters())
def test_the_cells_of_an_exercise_are_known_by_their_questions(name):
    found, asked = exercise(name), questions.chapters()[name].questions
    assert {cell["question"] for cell in found if cell["question"]} == set(asked)
    for cell in found:
        if cell["question"]:
            assert cell["torch"] == (asked[cell["question"]].library == "torch")
    assert found[0]["first"] and not found[0]["torch"] and not any(cell["first"] for cell in found if cell["question"])


def test_without_the_cache_an_exercise_says_how_it_would_become_live():
    page = new_document("exercises/02_simple_rnn")
    page += nodes.section("", nodes.title("", "Exercises"), nodes.paragraph("", "Text"))
    env = SimpleNamespace(doc2path=lambda docname: ROOT / f"{docname}.ipynb")
    extension.mark(SimpleNamespace(tags=set_of(), env=env), page, "exercises/02_simple_rnn")
    note = page[0][1]
    assert isinstance(note, nodes.note) and "run make live, then make serve" in note.astext()


def set_of(*names):
    return SimpleNamespace(has=lambda name: name in names)
