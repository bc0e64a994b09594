"""The book builds without a warning, and every page works in a browser that can reach no other host."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (1200, 390)  # a desktop and a phone, in pixels
# Sandboxes of its own Chromium cannot make in a container; the rest keeps it from calling home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: install it with `apt-get install chromium` to test the pages in a browser"
)


def pages():
    """The files of the table of contents, in reading order."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    files = [toc["root"]]

    def collect(entries):
        for entry in entries:
            files.append(entry["file"])
            collect(entry.get("sections", []))

    for part in toc["parts"]:
        collect(part["chapters"])
    return files


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a freshly built book; any warning fails the build."""
    out = tmp_path_factory.mktemp("book")
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--toc", "book/_toc.yml", "-W", "-n", "--keep-going", "--path-output", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return out / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    """The built book, served on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """``visit(page, width) -> page``: opens a page and records its errors and every request."""
    opened = []

    def open_page(name, width=1200, **context):
        page = browser.new_context(viewport={"width": width, "height": 900}, **context).new_page()
        page.errors, page.requests = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(f"{address}/{name}.html")
        page.wait_for_load_state("networkidle")
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.context.close()


@pytest.mark.parametrize("name", pages())
def test_a_page_is_sound(visit, address, name):
    """No error, no request to another host, mathematics rendered, alt texts, and no wider than a desktop or a phone."""
    page = visit(name)
    page.evaluate("window.MathJax?.startup?.promise")
    assert page.locator("h1").first.inner_text().strip()
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith((address, "data:", "blob:"))] == []

    formulas = page.locator("article span.math, article div.math").count()
    assert page.locator("article mjx-container").count() >= formulas
    assert page.locator("mjx-merror").count() == 0

    alts = page.locator("article img").evaluate_all("images => images.map(image => image.getAttribute('alt') ?? '')")
    assert [alt for alt in alts if len(alt) < 20 or alt.startswith(("../", "_images"))] == []

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_mathematics_is_there(visit):
    assert visit("book/02_simple_rnn").locator("article mjx-container").count() > 20


def test_the_explorer_is_moved_by_the_keyboard(visit):
    page = visit("book/02_simple_rnn")
    explorer = page.locator("figure.explore").first
    slider, shown, picture = explorer.locator("input"), explorer.locator("output"), explorer.locator("img")
    before = picture.get_attribute("src"), picture.get_attribute("alt")
    assert shown.inner_text() == "0"
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert shown.inner_text() == "2"
    assert "After reading 'he'" in picture.get_attribute("alt")
    assert picture.get_attribute("src") != before[0]
    page.keyboard.press("Home")
    assert (picture.get_attribute("src"), picture.get_attribute("alt")) == before


def test_without_javascript_the_first_picture_stands(visit):
    page = visit("book/02_simple_rnn", java_script_enabled=False)
    pictures = page.locator("figure.explore img")
    assert pictures.count() == 1 and "before anything is read" in pictures.get_attribute("alt")


def test_dark_mode_turns_figures_round_and_keeps_text_readable(visit):
    page = visit("book/02_simple_rnn", color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    style = "image => getComputedStyle(image).filter"
    assert "invert" in page.locator("div.cell_output img").first.evaluate(style)
    assert "invert" in page.locator("figure.explore img").first.evaluate(style)


def test_search_finds_a_term(visit, address):
    page = visit("search")
    page.goto(f"{address}/search.html?q=unfolded")
    page.wait_for_selector("ul.search li a")
    assert "Simple RNN" in page.locator("ul.search").inner_text()


def test_the_front_door_leads_to_the_book(visit, address):
    page = visit("index")
    page.wait_for_url("**/book/index.html")
    assert page.locator("h1").first.inner_text().startswith("Recurrent Neural Networks")
