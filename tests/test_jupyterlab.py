"""Explorers in JupyterLab and Notebook 7: in Chromium, against a server and a kernel of our own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from in_browser import CHROMIUM, FLAGS, needs_chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_rnn import notebooks

pytestmark = needs_chromium

CELL = """
from course_rnn import plot
from course_rnn.explore import explore

def frame(steps):
    if steps == 4:
        raise ValueError("four steps are not drawn")
    return plot.lines({"signal": range(steps)}, xlabel="time (s)", ylabel="level (V)")

explore(frame, steps=[2, 3, 5])
"""
FIRST = "Lines of level (V) against time (s). signal: 0.00 at 1, 1.00 at 2."
SECONDS = 60  # the longest that anything may take on a busy machine


def answer(url):
    """What a server says, as data; None while it does not."""
    try:
        with urllib.request.urlopen(url) as reply:
            return json.load(reply)
    except urllib.error.URLError:
        return None


def connected(address, name):
    """Whether the notebook's page talks to its kernel, and the kernel is idle. Earlier, a run would ask which one."""
    kernels = [session["kernel"] for session in answer(f"{address}/api/sessions") if session["path"] == name]
    return any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels)


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a Jupyter server that knows nothing of this user, with one executed notebook."""
    home = tmp_path_factory.mktemp("jupyter")
    page = home / "pages" / "page.ipynb"
    page.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A page"), new_code_cell(CELL.strip())]), page)
    notebooks.run(page)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    options = [f"--ServerApp.root_dir={page.parent}", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    options += ["--ServerApp.allow_root=True", "--ServerApp.password=", "--IdentityProvider.token=", "--no-browser"]
    with (home / "log").open("w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        environment = os.environ | folders | {"HOME": str(home), "IPYTHONDIR": str(home / "ipython")}
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answer(f"{address}/api"), f"the server: {home / 'log'}")
        yield address, page
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook 7"])
def tab(request, server, browser):
    """The notebook in one of the applications, opened and not run; a copy, so that each has a kernel of its own."""
    address, page = server
    name = f"{request.param.partition('/')[0]}.ipynb"
    shutil.copy(page, page.parent / name)
    tab = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    tab.set_default_timeout(1000 * SECONDS)
    tab.foreign = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    tab.on("request", lambda sent: None if sent.url.startswith(own) else tab.foreign.append(sent.url))
    tab.goto(f"{address}/{request.param}/{name}")
    tab.output = tab.locator(".jp-OutputArea").first
    tab.picture = tab.output.locator("img")
    tab.picture.wait_for()
    wait_for(lambda: connected(address, name), f"a kernel for {name}")
    tab.has_arrow_keys = request.param == "lab/tree"
    yield tab
    tab.context.close()


def shows(tab, text):
    """Wait until the picture says this; it is the only one."""
    tab.output.locator(f'img[alt="{text}"]').wait_for()
    assert tab.picture.count() == 1


def set_value(tab, text):
    """Type a value into the read-out beside the slider."""
    tab.output.locator(".widget-readout").click()
    tab.keyboard.press("Control+a")
    tab.keyboard.type(text)
    tab.keyboard.press("Enter")


def test_an_explorer_before_and_after_its_cell_is_run(tab):
    # opened and not run: the first frame alone, and a hint
    shows(tab, FIRST)
    assert tab.picture.evaluate("image => image.naturalWidth") > 300
    assert tab.output.locator("input").is_disabled()
    assert " ".join(tab.output.inner_text().split()) == "steps 2 Run this cell to move the slider."

    # run: a widget, moved by the keyboard
    tab.locator(".jp-CodeCell .cm-content").click()
    tab.keyboard.press("Shift+Enter")
    handle = tab.output.locator(".noUi-handle")
    handle.wait_for()
    shows(tab, FIRST)
    first = tab.picture.get_attribute("src")
    handle.focus()
    if tab.has_arrow_keys:  # Notebook 7 keeps them for itself; there End, Home and a typed value must do
        tab.keyboard.press("ArrowRight")
        shows(tab, f"{FIRST[:-1]}, 2.00 at 3.")
        handle.focus()
    tab.keyboard.press("End")
    shows(tab, f"{FIRST[:-1]}, 2.00 at 3, 3.00 at 4, 4.00 at 5.")
    assert tab.picture.get_attribute("src") != first

    # a value that the page does not offer, and whose frame fails, says so; the next one is drawn again
    set_value(tab, "4")
    tab.output.get_by_role("alert").wait_for()
    assert "ValueError: four steps are not drawn\nin the frame for steps = 4" in tab.output.inner_text()
    assert tab.picture.count() == 0
    set_value(tab, "3")
    shows(tab, f"{FIRST[:-1]}, 2.00 at 3.")
    handle.focus()
    tab.keyboard.press("Home")
    shows(tab, FIRST)
    assert tab.foreign == []
