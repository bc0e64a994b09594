"""The built book in a browser: fixtures for the tests of pages, loaded by conftest.py."""

import fcntl
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Sandboxes of its own Chromium cannot make in a container; the rest keeps it from calling home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

#: What is far from the screen is made to fit when it comes near.
READ_THROUGH = """async () => {
    for (const fold of document.querySelectorAll('article details')) fold.open = true;
    for (let y = 0; y < document.documentElement.scrollHeight; y += 1500) {
        scrollTo(0, y);
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
}"""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: install it with `apt-get install chromium` to test the pages in a browser"
)


def pytest_collection_modifyitems(items):
    """The first test of a page waits until the book is built, so those of pages have ten minutes."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(600))


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


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of a freshly built book, built once for all workers; any warning fails the build."""
    worker, base = "PYTEST_XDIST_WORKER" in os.environ, tmp_path_factory.getbasetemp()
    out = (base.parent if worker else base) / "book"
    with Path(f"{out}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        if not out.exists():
            build(out)
    return out / "_build" / "html"


def build(out):
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", ".", "--toc", "book/_toc.yml", "-W", "-n", "--keep-going", "--path-output", out]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        shutil.rmtree(out, ignore_errors=True)  # so that no other worker takes it for a book
        pytest.fail(run.stdout[-3000:] + run.stderr[-3000:])


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
