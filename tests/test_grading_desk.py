"""The desk in a browser: what an instructor sees and decides, and what nobody else can."""

import asyncio
import base64
import csv
import http.client
import io
import re
import socket
import threading
from dataclasses import asdict, replace
from urllib.parse import urlsplit

import nbformat
import pytest
from grading_store import keep, sha256
from in_browser import needs_chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from test_grading_cli import needs_sandbox
from test_grading_report import HOSTILE, verdict

from course_rnn.grading.desk import edits, server
from course_rnn.grading.desk.notebook import Cell, cells_of
from course_rnn.grading.limits import Limits
from course_rnn.grading.marks.by_hand import write_manual
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.report import write_report

pytestmark = [needs_sandbox, pytest.mark.timeout(300)]
RUBRIC = """\
assignment = "02_simple_rnn"
[questions.why]
heading = "Why"
[questions.why.criteria]
"names the product" = 2
"says when it vanishes" = 1
"""
LINKS = """[...document.querySelectorAll(".tex a")].filter((a) =>
    a.hasAttribute("href") || a.hasAttributeNS("http://www.w3.org/1999/xlink", "href")).length"""
FORMULA = r"It vanishes. $\href{javascript:alert(1)}{x} \href{https://evil.example}{y} \class{wide}{z}$"
STEP = """def rnn_step(x, h):
    a = x @ h
    for gate in (1, 2, 3):
        a = a + gate * np.tanh(a) - x
        h = h * a + np.maximum(x, 0)
    return np.tanh(h) + a, x
"""


def picture():
    """A small picture, as a notebook holds it."""
    content = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(content, "png")
    return base64.b64encode(content.getvalue()).decode()


def notebook(step, why):
    plot = new_output("display_data", data={"image/png": picture(), "text/plain": "<Figure>"})
    answer = new_markdown_cell(why, attachments={"paper.png": {"image/png": picture()}})
    return new_notebook(
        cells=[
            new_code_cell(step, outputs=[new_output("stream", text="said it"), plot]),
            new_markdown_cell("## Why"),
            answer,
            new_markdown_cell("## The end\nof it"),
        ]
    )


CLASS = {
    "ada": (STEP, "The product $W^T W$ decides:\n$$\\prod_t W_{hh}^\\top$$"),
    "bob": (re.sub(r"\ba\b", "mine", STEP), FORMULA),
    "<b>cyd</b>": ("def rnn_step(x, h):\n    return 0\n", " ".join(HOSTILE)),
}


@pytest.fixture
def graded(tmp_path):
    """A graded class of three with an open question and a wrong answer of two without a known cause."""
    found, paths = {}, {}
    for number, (who, written) in enumerate(CLASS.items()):
        path = tmp_path / f"{number}.ipynb"
        nbformat.write(notebook(*written), path)
        found[who], paths[who] = replace(verdict(who, 0, 3), sha256=sha256(path)), path
        found[who].questions["rnn_step"] |= {"message": "h is wrong.", "alike": "3f2a9c11d0be" if number < 2 else ""}
    found["una"] = replace(verdict("una", 0, 0, status="missing"), sha256="")
    folder = tmp_path / "grades"
    keep(folder, found, {"limits": asdict(Limits())}, paths)
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    write_manual(folder, tmp_path / "rubric.toml")
    write_report(folder)
    return folder


@pytest.fixture
def desk(graded):
    """The address of the desk of that class, with the token."""
    address, ready, loop = [], threading.Event(), asyncio.new_event_loop()

    async def sit():
        address.append(server.serve(graded)[1])
        ready.set()
        await asyncio.Event().wait()

    task = loop.create_task(sit())

    def run():
        asyncio.set_event_loop(loop)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    yield address[0]
    loop.call_soon_threadsafe(task.cancel)
    thread.join()


def ask(address, path="/", method="GET", body=None, **headers):
    """Ask the desk without a browser."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


# ---------------------------------------------------------------------- who may


def test_only_this_machine_and_only_with_the_token(desk):
    parts = urlsplit(desk)
    assert parts.hostname == "127.0.0.1" and len(parts.query.removeprefix("token=")) >= 32
    status, headers, _ = ask(desk, f"/?{parts.query}")
    assert status == 302 and "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert ask(desk, Cookie=cookie)[0] == 200
    for path in ("/", "/student?who=ada", "/by-hand", "/alike", "/unnamed", "/other", "/?token=", "/?token=guess"):
        status, _, text = ask(desk, path)
        assert status == 403 and "ada" not in text, path
    assert ask(desk, Cookie=cookie, Host="evil.example:80")[0] == 403, "a name that was made to lead here"
    assert ask(desk, "/student?who=nobody", Cookie=cookie)[0] == 404


def test_it_listens_on_the_loopback_address_alone(desk):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which address would be used
        own = probe.getsockname()[0]
    if own.startswith("127."):
        own = "127.0.0.2"
    with pytest.raises(OSError):
        socket.create_connection((own, urlsplit(desk).port), timeout=5).close()


def test_a_form_of_another_site_is_not_taken(desk, graded):
    cookie = ask(desk, f"/?{urlsplit(desk).query}")[1]["Set-Cookie"].partition(";")[0]
    form = "question=&points=5&reason=x&who=y"
    sent = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    assert ask(desk, "/student?who=ada", "POST", form, **sent)[0] == 403
    assert not (graded / "overrides.csv").exists()


def test_every_page_forbids_all_that_is_not_the_desks(desk):
    headers = ask(desk)[1]
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'"
    assert "http" not in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"


# ---------------------------------------------------------------------- in a browser


@pytest.fixture
def page(browser, desk):
    """The desk in a browser, whose requests and errors are recorded."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.errors, page.requests = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: page.errors.append(dialog.message))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(desk)
    yield page
    assert page.errors == []
    own = urlsplit(desk).netloc
    assert all(urlsplit(url).scheme == "data" or urlsplit(url).netloc == own for url in page.requests), page.requests
    context.close()


@needs_chromium
def test_a_decision_about_a_student_is_kept_with_the_keyboard_alone(page, graded):
    assert "token" not in page.url
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "ada"
    page.keyboard.press("Enter")
    page.wait_for_url("**/student?who=ada")
    assert page.locator("img").count() == 2 and page.evaluate("[...document.images].every((i) => i.naturalWidth == 40)")
    assert "said it" in page.content() and "for gate in (1, 2, 3):" in page.content()
    page.wait_for_selector(".tex mjx-container svg")
    page.focus("#points")
    page.keyboard.type("9")
    for text in ("The task could be read in two ways", "M. Curie"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[role=alert]")
    assert "expected a number from 0 to 8" in page.inner_text("[role=alert]")
    assert not (graded / "overrides.csv").exists(), "what is wrong is not kept"
    page.errors.clear()  # the browser notes the 400
    page.select_option("#question", "rnn_step")
    page.fill("#points", "2")
    page.fill("#reason", "=HYPERLINK(1)")
    page.press("#reason", "Control+Enter")
    page.wait_for_selector("[role=status]")
    assert page.inner_text("[role=status]") == "Kept. 2 grades changed."
    assert settled(graded).verdicts["ada"].score == 5
    assert "=HYPERLINK(1)" in (graded / "feedback" / "ada.html").read_text()
    assert page.input_value("#who") == "M. Curie", "asked once"
    page.keyboard.press("j")
    page.wait_for_url("**/student?who=bob")


@needs_chromium
def test_open_questions_are_marked_in_any_order_with_shared_comments(page, graded):
    page.click("text=Marks by hand")
    assert "Answer 1 of 3, 3 not marked yet" in page.inner_text("main")
    page.click("text=the longest first")
    page.fill("#points1", "2")
    page.fill("#points2", "0,5")
    page.fill("#comment", "See the notes on chapter 6.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[role=status]")
    assert "Answer 2 of 3, 2 not marked yet" in page.inner_text("main")
    page.keyboard.press("Alt+1")
    assert page.input_value("#comment") == "See the notes on chapter 6."
    page.fill("#points1", "1")
    page.fill("#points2", "7")
    page.click("text=Keep, and go on")
    page.wait_for_selector("[role=alert]")
    page.errors.clear()
    assert "expected 0 to 2 + 0 to 1" in page.inner_text("[role=alert]")
    page.click("text=mixed, without names")
    assert not any(who in page.inner_text("h2") for who in CLASS), "nobody is named"
    page.click("text=by name")
    page.goto(page.url.replace("/by-hand?order=listed", "/by-hand?order=listed&answer=2"))
    page.wait_for_selector(".tex mjx-container svg")
    assert page.locator("img").count() == 1, "the picture of the answer, and none of the code's"
    with open(graded / "manual.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows["<b>cyd</b>"]["points"] == "2+0,5" and rows["ada"]["points"] == ""
    assert settled(graded).verdicts["<b>cyd</b>"].questions["why"]["points"] == 2.5


@needs_chromium
def test_copies_are_shown_and_a_new_mistake_gets_a_name(page, graded):
    page.click("nav >> text=Alike")
    page.click("summary")
    assert "ada and bob: 100 % alike" in page.inner_text("main")
    page.click("text=No known cause")
    assert "2 students" in page.inner_text("main") and "mine = x @ h" in page.inner_text("main")
    page.fill("#cause1", "one_step_late")
    page.fill("#sentence1", "the first state is the start.")
    page.fill("#who1", "M. Curie")
    page.press("#who1", "Enter")
    page.wait_for_selector("[role=status]")
    assert "There is none." in page.inner_text("main")
    assert "one_step_late" in (graded / "index.html").read_text()
    assert "Likely cause: the first state is the start." in (graded / "feedback" / "bob.html").read_text()


@needs_chromium
@pytest.mark.parametrize("scheme, dark", [("light", False), ("dark", True)])
def test_it_can_be_read_in_light_and_dark_and_on_a_phone(page, scheme, dark):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    origin = page.url.rstrip("/")
    for path in ("/", "/student?who=ada", "/by-hand", "/alike", "/unnamed"):
        page.goto(origin + path)
        shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (sum(shade) < 200) == dark, path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == [], path


@needs_chromium
def test_a_formula_leads_nowhere(page):
    page.goto(f"{page.url.rstrip('/')}/student?who=bob")
    page.wait_for_selector(".tex mjx-container svg")
    assert page.evaluate(LINKS) == 0 and page.locator(".tex .wide").count() == 0


@needs_chromium
def test_a_students_text_is_text_at_the_desk(page):
    for path in ("/student?who=%3Cb%3Ecyd%3C%2Fb%3E", "/by-hand?answer=1", "/alike"):
        page.goto(page.url.partition("/student")[0].partition("/by-hand")[0].rstrip("/") + path)
        assert page.locator("main b, main script, main [onerror]").count() == 0
        assert "alert(1)" in page.inner_text("main") or path == "/alike"


# ---------------------------------------------------------------------- what comes from the room


def test_a_picture_that_is_none_and_a_file_that_is_gone_are_not_shown(graded, tmp_path):
    bad = Cell("code", "", "", ["image/png;aGk=", 'image/png;" onerror="', "text/html;aGk=", "image/svg+xml;aGk="], [])
    assert bad.addresses == ["data:image/png;base64,aGk="]
    (tmp_path / "0.ipynb").unlink()
    found = cells_of(graded, ["ada", "bob", "una"], ["Why"])
    assert found["ada"] == found["una"] == []
    assert [cell.under for cell in found["bob"]] == [[], [0], [0], []]


def test_what_cannot_be_leaves_the_tables_as_they_were(graded):
    edits.override(graded, "una", "", "0", "Never came", "M. Curie")
    before = (graded / "overrides.csv").read_bytes()
    with pytest.raises(ValueError, match="who is empty"):
        edits.override(graded, "una", "", "1", "why", "")
    assert (graded / "overrides.csv").read_bytes() == before
    assert settled(graded).verdicts["una"].score == 0
    with pytest.raises(ValueError, match="is no name"):
        edits.name(graded, "rnn_step", "3f2a9c11d0be", "Two Words", "text", "M. Curie")
    assert not (graded / "mistakes.csv").exists()
