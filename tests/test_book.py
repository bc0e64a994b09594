"""The book builds without a warning, and every page works in a browser that can reach no other host."""

import functools
import http.server
import re
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
#: What axe finds in the theme itself, on every page and in the bibliography; anything else is ours to mend.
THEMES_OWN = {"region": ".sidebar-primary-item"}
BIBLIOGRAPHYS_OWN = {"aria-allowed-role", "aria-deprecated-role", "aria-required-children"}
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

    def open_page(name, width=1200, storage=None, root=address, **context):
        page = browser.new_context(viewport={"width": width, "height": 900}, **context).new_page()
        if storage:  # what the theme remembers of a visit
            page.add_init_script(
                f"localStorage.setItem('mode', '{storage}'); localStorage.setItem('theme', '{storage}')"
            )
        page.errors, page.requests = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(f"{root}/{name}.html")
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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", pages())
def test_a_page_is_accessible(visit, name, theme):
    """Names, roles, order, contrast: axe finds nothing but what the theme brings along."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name, storage=theme)
    found = []
    for violation in Axe().run(page).response["violations"]:
        if violation["id"] in BIBLIOGRAPHYS_OWN and name == "book/bibliography":
            continue
        own = THEMES_OWN.get(violation["id"])
        places = [str(node["target"][0]) for node in violation["nodes"]]
        found += [f"{violation['id']}: {place}" for place in places if not own or not place.startswith(own)]
    assert found == []


def test_everything_is_reached_with_the_keyboard_alone(visit):
    page = visit("book/02_simple_rnn")
    for hidden in ("details.sd-dropdown > summary", "details.hide > summary"):
        summary = page.locator(hidden).first
        summary.focus()
        page.keyboard.press("Enter")
        assert summary.evaluate("element => element.parentElement.open")
    before = page.evaluate("document.documentElement.dataset.mode")
    page.locator("button.theme-switch-button:visible").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.mode") != before


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


# ------------------------------------------------------------- wherever it is put


def test_the_book_works_from_a_folder_without_a_server(visit, site):
    page = visit("book/02_simple_rnn", root=site.as_uri())
    page.evaluate("window.MathJax?.startup?.promise")
    assert page.errors == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.requests)
    assert page.locator("article mjx-container").count() > 20
    page.goto(f"{site.as_uri()}/search.html?q=unfolded")
    page.wait_for_selector("ul.search li a")


def test_the_book_works_below_another_address(visit, site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.parent))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/{site.name}"
    page = visit("book/02_simple_rnn", root=root)
    assert page.errors == []
    assert all(url.startswith((f"{root}/", "data:", "blob:")) for url in page.requests)
    server.shutdown()


def test_buttons_lead_to_files_that_are_there(tmp_path):
    """With an address, every launch and edit button names a file of the tree; without one no button shows."""
    repository = "https://github.com/example/course"
    names = ["book/02_simple_rnn", "exercises/02_simple_rnn", "solutions/02_simple_rnn"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / f"{name}.ipynb", tmp_path / f"{name}.ipynb")
    for name in ("_static", "_ext"):
        shutil.copytree(ROOT / "book" / name, tmp_path / "book" / name)
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    theme = config["sphinx"]["config"]["html_theme_options"]
    assert theme["repository_url"] == ""
    toc = {"format": "jb-book", "root": names[0], "chapters": [{"file": name} for name in names[1:]]}
    (tmp_path / "toc.yml").write_text(yaml.safe_dump(toc))

    def links():
        (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
        command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--all", "--toc", "toc.yml"]
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        html = "".join((tmp_path / "_build" / "html" / f"{name}.html").read_text() for name in names)
        return set(re.findall(r'href="(https://(?:colab|mybinder|github)[^"]*)"', html))

    assert links() == set()
    theme["repository_url"] = repository
    found = links()
    kinds = {
        "colab": r"https://colab\.research\.google\.com/github/example/course/blob/main/(.+)",
        "binder": r"https://mybinder\.org/v2/gh/example/course/main\?urlpath=lab/tree/(.+)",
        "edit": rf"{repository}/edit/main/(.+)",
    }
    for kind, pattern in kinds.items():
        files = {match[1] for link in found if (match := re.fullmatch(pattern, link))}
        assert files == {f"{name}.ipynb" for name in names}, kind
        assert all((ROOT / file).exists() for file in files)
