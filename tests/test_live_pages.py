"""Live pages in a browser: exercises solved by typing, mistakes named, loops stopped, answers kept and handed in."""

import functools
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from grading_store import kept
from in_browser import ROOT, Quiet, needs_chromium
from playwright.sync_api import expect
from test_grading_cli import needs_sandbox

from course_rnn import cli, questions
from course_rnn.pages import live
from course_rnn.pages.slices import LIVE

CHAPTERS = list(questions.chapters())
NAMES = [f"exercises/{name}" for name in CHAPTERS] + [f"book/{name}" for name in CHAPTERS]
LONG = 180_000  # milliseconds: a busy machine starts Python slowly
STEP = "exercises/02_simple_rnn", "rnn_step"
WRONG = "    return np.tanh(x @ weight_ih.T + bias_ih + bias_hh)"
RIGHT = "    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)"
WRONG_COUNT = "    return H * D + H * H + H, O * H + O"
pytestmark = [
    needs_chromium,
    pytest.mark.skipif(live.read(ROOT) is None, reason="no live pages: `make live` gathers what they need"),
]


# ------------------------------------------------------------------ a book of the live pages alone, and a reader


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a book that holds the front page, the chapters, the exercises and the atlas."""
    out = tmp_path_factory.mktemp("live")
    toc = {"format": "jb-book", "root": "book/index"}
    toc["chapters"] = [{"file": name} for name in [*NAMES, "book/atlas"]]
    (out / "toc.yml").write_text(yaml.safe_dump(toc))
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--toc", out / "toc.yml", "--path-output", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return out / "_build" / "html"


class Alone(Quiet):
    """A server whose headers let a page share memory with its worker."""

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


@pytest.fixture(scope="module")
def alone(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Alone, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def read(visit, address):
    """``read(name) -> page``: a page whose requests all go to the book's own host and raise no error."""
    opened = []

    def open_page(name, **context):
        opened.append(visit(name, **context))
        return opened[-1]

    yield open_page
    for page in opened:
        assert page.errors == []
        foreign = [url for url in page.requests if not url.startswith((address, "blob:", "data:"))]
        assert foreign == []


def notebook(name):
    """The code cells of an exercise or a chapter, by id."""
    cells = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells
    return {cell.id: cell for cell in cells if cell.cell_type == "code"}


def asks(source):
    """The question that a cell of an exercise asks, or None."""
    found = re.search(r"^q\.(\w+)\.check\(\1\)$", source, re.MULTILINE)
    return found and found[1]


def solutions(name):
    """The worked solution of each question in NumPy of an exercise: question -> (id, source)."""
    asked = questions.chapters()[name.partition("/")[2]].questions
    found = {}
    for key, cell in notebook(name.replace("exercises", "solutions")).items():
        question = asks(cell.source)
        if question and asked[question].library == "numpy":
            lines = [line for line in cell.source.splitlines() if "### " not in line]
            found[question] = key, "\n".join(lines)
    return found


def cell(page, question):
    """The cell of a question on the page."""
    key = next(key for key, cell in notebook(name_of(page)).items() if asks(cell.source) == question)
    return page.locator(f"#live-{key}")


def count_of(name):
    """How many questions an exercise has that run on its page."""
    return len(solutions(name))


def name_of(page):
    return re.search(r"/((?:exercises|book)/\w+)\.html", page.url)[1]


def button(box, name):
    return box.get_by_role("button", name=name, exact=True)


def write(box, text):
    """Put a text into a cell at once, as pasting does."""
    if button(box, "Edit").count():
        button(box, "Edit").click()
    box.locator(".cm-content").fill(text)


def type_out(page, box, text):
    """Type a text key by key, with the indentation that the editor offers, as a learner does."""
    if button(box, "Edit").count():
        button(box, "Edit").click()
    box.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    indent = "getSelection().anchorNode.parentElement.closest('.cm-line').textContent.search(/\\S|$/)"
    for number, line in enumerate(text.splitlines()):
        if number:
            page.keyboard.press("Enter")
        wanted = len(line) - len(line.lstrip())
        offered = page.evaluate(indent) if number and line else wanted
        for _ in range(offered - wanted, 0, -4):
            page.keyboard.press("Backspace")
        page.keyboard.type(" " * (wanted - offered) + line.lstrip())


def run(box, press="Run"):
    """Press a button of a cell, wait until Python is at rest, and return what the cell shows."""
    button(box, press).first.click()
    return at_rest(box)


def at_rest(box):
    expect(button(box, "Hint").or_(button(box, "Run all above")).first).to_be_enabled(timeout=LONG)
    return box.locator(".live-out").inner_text().strip()


def said(box):
    """What stands under the buttons of a cell: in place of a result, where there is none."""
    return box.locator(".live-status").inner_text()


def answer(page, question, body):
    """Write a function body in place of the stub."""
    source = next(cell.source for cell in notebook(name_of(page)).values() if asks(cell.source) == question)
    box = cell(page, question)
    write(box, source.replace("    raise NotImplementedError  # your code here", body))
    return box


# ------------------------------------------------------------------ solving


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_learner_types_every_answer_closes_the_page_and_finds_it_solved(read, name):
    page = read(name)
    for question, (_, source) in solutions(name).items():
        box = cell(page, question)
        type_out(page, box, source)
        assert f"✓ {question}: passed" in run(box, "Run all above")
    count = len(solutions(name))
    assert f"{count} of {count} questions solved" in page.locator(".live-progress").text_content()

    page.reload()
    assert f"{count} of {count} questions solved" in page.locator(".live-progress").text_content()
    badge = page.locator('.bd-sidebar-primary a[href$="#"] .live-badge')
    assert badge.first.text_content().startswith(f"{count}/{count}")
    for question, (_, source) in solutions(name).items():
        kept = cell(page, question).locator(".cell_input").inner_text()
        assert kept.split() == source.split()
    progress = page.locator(f"#live-{list(notebook(name))[-1]}")
    assert f"{count} of {count} questions" in run(progress)


def test_every_question_in_numpy_of_every_chapter_passes_on_its_page(read):
    passed, asked = {}, {}
    for name in NAMES[:9]:
        page = read(name)
        asked[name] = solutions(name)
        for question, (_, source) in asked[name].items():
            write(cell(page, question), source)
        button(page.locator(".live-page"), "Run all").click()
        boxes = {question: cell(page, question) for question in asked[name]}
        for box in boxes.values():
            expect(box.locator(".live-out .live-html")).to_be_attached(timeout=LONG)
        passed[name] = {q for q, box in boxes.items() if f"✓ {q}: passed" in box.inner_text()}
        page.close()
    assert passed == {name: set(asked[name]) for name in asked}
    everything = [q for chapter in questions.chapters().values() for q in chapter.questions.values()]
    assert sum(map(len, passed.values())) == sum(question.library == "numpy" for question in everything)


def test_a_mistake_is_named_and_leads_to_the_atlas(read, address):
    page = read(STEP[0])
    shown = run(answer(page, STEP[1], WRONG))
    assert "✗ rnn_step: not yet" in shown and "Likely cause: the term of h is missing." in shown
    link = cell(page, STEP[1]).get_by_role("link", name="rnn-step-without-recurrence")
    link.click()
    page.wait_for_url("**/book/atlas.html#rnn-step-without-recurrence")
    assert page.locator("#rnn-step-without-recurrence").count() == 1


def test_hints_come_one_after_the_other_and_the_solution_after_a_try(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    assert [run(box, "Hint")[:11] for _ in range(3)] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]
    assert "Try first" in run(box, "Solution")
    assert "return np.tanh(" in run(box, "Solution")


def test_a_cell_that_needs_torch_says_so_and_keeps_what_is_written(read):
    page = read("exercises/09_outlook")
    box = cell(page, "min_gru")
    assert "This one needs torch, which does not run in a browser." in box.inner_text()
    assert button(box, "Run").count() == 0
    write(box, "import torch\n")
    page.reload()
    assert "import torch" in box.locator(".cell_input").inner_text()
    own = cell(page, "one_map")
    write(own, "import torch")
    assert "needs torch, which does not run in a browser" in run(own)


# ------------------------------------------------------------------ nothing before it is wanted, and no way to hang


def test_nothing_is_loaded_before_it_is_wanted(read):
    page = read(STEP[0])
    loaded = [url.partition("/live/")[2].partition("?")[0] for url in page.requests if "/live/" in url]
    assert sorted(loaded) == ["live.js"]
    button(cell(page, STEP[1]), "Edit").click()
    page.wait_for_load_state("networkidle")
    loaded = [url.partition("/live/")[2].partition("?")[0] for url in page.requests if "/live/" in url]
    assert sorted(loaded) == ["editor.mjs", "live.js"]


def test_an_endless_loop_is_stopped_and_the_page_goes_on(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    write(box, "print('begins')\nwhile True:\n    pass")
    button(box, "Run").click()
    expect(box.locator(".live-out")).to_contain_text("begins", timeout=LONG)
    button(box, "Stop").click()
    at_rest(box)
    assert "Stopped. Python starts anew" in said(box)
    assert "passed" in run(answer(page, STEP[1], RIGHT))


def test_where_the_server_allows_it_a_loop_is_stopped_and_nothing_is_lost(read, alone, visit):
    page = visit(STEP[0], root=alone)
    assert page.evaluate("crossOriginIsolated")
    box = cell(page, STEP[1])
    write(box, "kept = 41")
    run(box)
    write(box, "print('begins')\nwhile True:\n    pass")
    button(box, "Run").click()
    expect(box.locator(".live-out")).to_contain_text("begins", timeout=LONG)
    button(box, "Stop").click()
    assert "Stopped. What the cells made before is still there." in at_rest(box)
    write(box, "kept + 1")
    assert run(box) == "42"
    assert page.errors == []


def test_what_a_cell_may_take_is_limited(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    write(box, "kept = 41\nnp.ones(10**8)")
    shown = run(box)
    assert "MemoryError" in shown and "This page gives Python 512 MiB" in shown
    write(box, "many = [0]\nwhile True:\n    many = many * 2")
    assert "MemoryError" in run(box)
    write(box, "for i in range(10**6):\n    print('a line that is printed again and again')")
    shown = run(box)
    assert len(shown) < 110_000 and shown.endswith("… and more, which is not shown.")
    write(box, "def deeper():\n    return deeper()\n\n\ndeeper()")
    assert "RecursionError" in run(box)
    write(box, "kept + 1")
    assert run(box) == "42"


def test_an_error_is_said_with_its_line_in_the_cell(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    write(box, "a = 1\n\n\ndef f(x):\n    return x / 0\n\n\nf(a)")
    assert run(box).splitlines() == [
        "ZeroDivisionError: division by zero",
        "  rnn_step, line 8: f(a)",
        "  rnn_step, line 5: return x / 0",
    ]
    write(box, "a = (1")
    assert "SyntaxError: '(' was never closed" in run(box)
    write(box, "rnn_forward")
    assert "NameError" in run(box) and "Run all above" in box.locator(".live-out").inner_text()
    write(box, "import scipy")
    assert "There is no module scipy in this page" in run(box)
    write(box, "input('Your name? ')")
    assert "input() cannot ask here" in run(box)
    write(box, "from course_rnn import plot\n\nplot.lines([1, 2], xlabel='t', ylabel='y')")
    assert "this build of the book has no matplotlib" in run(box) or box.locator(".live-out img").count()


def test_what_a_cell_shows_cannot_act(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    html = "<b>bold</b><img src=x onerror='document.title=1'><script>document.title=2</script><a href='https://x.org'>x</a>"
    write(box, f'class Shown:\n    def _repr_html_(self):\n        return """{html}"""\n\n\nShown()')
    assert "bold" in run(box)
    assert box.locator(".live-html").inner_html() == "<b>bold</b><img><a>x</a>"


# ------------------------------------------------------------------ where it cannot run, it says why


def test_without_webassembly_it_says_so(browser, address):
    page = browser.new_context().new_page()
    page.add_init_script("delete window.WebAssembly")
    page.goto(f"{address}/{STEP[0]}.html")
    assert "This browser has no WebAssembly" in page.locator(".live-note").inner_text()
    button(cell(page, STEP[1]), "Run").click()
    assert "This browser has no WebAssembly" in said(cell(page, STEP[1]))
    page.context.close()


@pytest.mark.parametrize(
    ("file", "answer", "words"),
    [
        ("pyodide.mjs", None, "Python could not be loaded. Is this device offline?"),
        ("pyodide.asm.wasm", None, "Python could not be loaded. Is this device offline?"),
        ("numpy-", None, "Python could not be loaded. Is this device offline?"),
        ("editor.mjs", None, "The editor could not be loaded. Is this device offline?"),
        (
            "pyodide.mjs",
            "export const loadPyodide = () => { throw new RangeError('could not allocate memory') }",
            "This device has not enough free memory for Python.",
        ),
    ],
    ids=["offline", "cut off", "no NumPy", "no editor", "no memory"],
)
def test_what_keeps_python_from_starting_is_said(browser, address, file, answer, words):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/{STEP[0]}.html")
    fulfil = {"body": answer or "", "content_type": "text/javascript"}
    context.route(re.compile(re.escape(file)), lambda route: route.fulfill(**fulfil) if answer else route.abort())
    box = cell(page, STEP[1])
    button(box, "Run").click()
    expect(box.locator(".live-status")).to_contain_text(words, timeout=LONG)
    context.unroute_all()
    assert "to do" in run(box)  # and once the hindrance is gone, the same button works
    context.close()


def test_opened_as_a_file_it_says_how_to_serve(browser, site):
    page = browser.new_context().new_page()
    page.goto((site / f"{STEP[0]}.html").as_uri())
    assert "make serve" in page.locator(".live-note").inner_text()
    button(cell(page, STEP[1]), "Run").click()
    assert "run “make serve” and open http://localhost:8000" in said(cell(page, STEP[1]))
    page.context.close()


# ------------------------------------------------------------------ answers: kept, handed in, brought back, deleted


@pytest.fixture
def handed_in(read, tmp_path):
    """A notebook that was solved in the browser, with one wrong answer, and downloaded."""
    page = read(STEP[0])
    for question, (_, source) in solutions(STEP[0]).items():
        write(cell(page, question), source)
    answer(page, "parameter_count", WRONG_COUNT)
    with page.expect_download() as waiting:
        button(page.locator(".live-page"), "Download as notebook").click()
    path = tmp_path / "class" / "ada" / "02_simple_rnn.ipynb"
    assert waiting.value.suggested_filename == path.name
    waiting.value.save_as(path)
    return path


@needs_sandbox
def test_the_downloaded_notebook_is_graded_as_it_is(handed_in, tmp_path):
    nbformat.validate(nbformat.read(handed_in, as_version=4))
    command = ["grade", handed_in.parent.parent, "--out", tmp_path / "grades", "--jobs", "1"]
    result = CliRunner().invoke(cli.main, [str(part) for part in command])
    assert result.exit_code == 0, result.output
    (verdict,) = kept(tmp_path / "grades").values()
    points = {question: found["points"] for question, found in verdict.questions.items()}
    assert points.pop("parameter_count") == 0.5  # one of its two numbers is right
    asked = questions.chapters()["02_simple_rnn"].questions
    assert points == {name: asked[name].points for name in points} and len(points) == len(asked) - 1


def test_a_notebook_is_opened_back(read, handed_in, tmp_path):
    page = read(STEP[0])
    page.get_by_label("Notebook to open").set_input_files(handed_in)
    expect(page.locator(".live-note")).to_contain_text("Opened 02_simple_rnn.ipynb")
    assert WRONG_COUNT.strip() in cell(page, "parameter_count").locator(".cell_input").inner_text()
    page.get_by_label("Notebook to open").set_input_files(ROOT / "exercises" / "07_lstm_gru.ipynb")
    expect(page.locator(".live-note")).to_contain_text("is it another chapter's notebook?")
    (tmp_path / "notes.ipynb").write_text("[1, 2")
    page.get_by_label("Notebook to open").set_input_files(tmp_path / "notes.ipynb")
    expect(page.locator(".live-note")).to_contain_text("notes.ipynb holds no cell of this page")
    assert WRONG_COUNT.strip() in cell(page, "parameter_count").locator(".cell_input").inner_text()


def test_what_is_kept_is_deleted_of_a_page_or_of_all(read):
    page = read("exercises/01_sequential_data")
    for question in ("feed_forward", "count_windows"):
        write(cell(page, question), solutions("exercises/01_sequential_data")[question][1])
    assert "passed" in run(cell(page, "feed_forward"))
    page.goto(page.url.replace("01_sequential_data", "02_simple_rnn"))
    assert "passed" in run(
        answer(page, STEP[1], "    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)")
    )
    kept = "Object.keys(localStorage).filter(name => name.startsWith('course_rnn/')).sort()"
    assert len(page.evaluate(kept)) == 4  # answers of two pages, the progress, where the learner was

    button(page.locator(".live-page"), "Delete what is kept …").click()
    page.get_by_role("button", name="Delete this page's").click()
    assert "raise NotImplementedError" in cell(page, STEP[1]).locator(".cm-content").inner_text()
    assert page.evaluate(kept) == ["course_rnn/answers/exercises/01_sequential_data", "course_rnn/progress"]
    assert f"0 of {count_of('exercises/02_simple_rnn')} " in page.locator(".live-progress").text_content()
    assert "to do" in run(cell(page, STEP[1]))  # Python, too, has forgotten it
    assert f"0 of {count_of('exercises/02_simple_rnn')} " in page.locator(".live-progress").text_content()

    button(page.locator(".live-page"), "Delete what is kept …").click()
    page.get_by_role("button", name="Delete all pages'").click()
    assert page.evaluate(kept) == []


def test_the_front_page_leads_to_the_first_exercise_and_back_to_the_last(read):
    """On a phone: start, a mistake on the way, the right answer; then come back and go on."""
    page = read("book/index", width=390, has_touch=True, is_mobile=True)
    page.get_by_role("link", name="Start in your browser").tap()
    page.wait_for_url("**/exercises/02_simple_rnn.html")
    box = cell(page, "parameter_count")
    assert "✗ parameter_count: not yet" in run(answer(page, "parameter_count", WRONG_COUNT))
    assert "Likely cause" in box.locator(".live-out").inner_text()
    right = "    return H * D + H * H + 2 * H, O * H + O"
    assert "✓ parameter_count: passed" in run(answer(page, "parameter_count", right))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.goto(page.url.replace("exercises/02_simple_rnn", "book/index"))
    page.get_by_role("link", name="Go on in your browser: Exercises: Simple RNN").tap()
    page.wait_for_url("**/exercises/02_simple_rnn.html")
    assert f"1 of {count_of('exercises/02_simple_rnn')} " in page.locator(".live-progress").text_content()
    assert right.strip() in cell(page, "parameter_count").locator(".cell_input").inner_text()


# ------------------------------------------------------------------ keyboard, screen reader, dark


def test_the_keyboard_alone_solves_a_question(read):
    page = read(STEP[0])
    box = cell(page, STEP[1])
    button(box, "Edit").focus()
    page.keyboard.press("Enter")
    expect(box.get_by_role("textbox", name="Code of rnn_step")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(solutions(STEP[0])[STEP[1]][1])
    page.keyboard.press("Shift+Enter")
    expect(box.get_by_role("region", name="Result of rnn_step")).to_contain_text("passed", timeout=LONG)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(button(box, "Run")).to_be_focused()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing_in_the_live_parts(visit, mode):
    page = visit(STEP[0], storage=mode, color_scheme=mode)
    run(answer(page, STEP[1], WRONG))
    found = Axe().run(page, context={"include": [[".live"], [".live-page"]]})
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found.response["violations"]] == []


# ------------------------------------------------------------------ chapters


def live_chapters():
    for name in NAMES[9:]:
        tagged = [key for key, cell in notebook(name).items() if LIVE in cell.metadata.get("tags", ())]
        if tagged:
            yield pytest.param(name, tagged, id=name)


@pytest.mark.parametrize(("name", "tagged"), list(live_chapters()))
def test_the_key_cells_of_a_chapter_print_in_the_browser_what_the_book_prints(read, name, tagged):
    page = read(name)
    run(page.locator(f"#live-{tagged[-1]}"))
    for key in tagged:
        printed = "".join(output.get("text", "") for output in notebook(name)[key].outputs)
        shown = page.locator(f"#live-{key} .live-out pre[data-kind=text]").all_inner_texts()
        assert "".join(shown).split() == printed.split()
        assert page.locator(f"#live-{key} .cell_output").count() == bool(printed)
    own = page.locator("[id^=live-own-]")
    write(own, "[name for name in dir() if name == 'np']")
    assert run(own) == "['np']"
