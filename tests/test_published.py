"""A book that is published: addresses come from the environment, and the site works below any address."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from in_browser import ROOT, Quiet, needs_chromium

from course_rnn import notebooks
from course_rnn.pages import paper
from course_rnn.pages import site as published

REPOSITORY, ADDRESS = "https://github.com/example/course", "https://example.github.io/course"
ENVIRONMENT = {
    "COURSE_RNN_REPOSITORY": REPOSITORY,
    "COURSE_RNN_REF": "v0.2.0",
    "COURSE_RNN_HUB": "https://hub.example.org",
    "COURSE_RNN_ADDRESS": ADDRESS,
    "COURSE_RNN_VERSION": "0.2.0",
}
NAMES = ["book/index", "book/02_simple_rnn", "exercises/02_simple_rnn", "solutions/02_simple_rnn"]


def build(folder, **environment):
    """A small book of four pages, built in a folder; returns the folder of its pages."""
    for name in NAMES:
        [source] = ROOT.glob(f"{name}.[mi]*")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / source.relative_to(ROOT))
    for name in ("_static", "_ext", "_templates"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    shutil.copy(ROOT / "_config.yml", folder)
    shutil.copy(ROOT / "CITATION.cff", folder)
    toc = {"format": "jb-book", "root": NAMES[0], "chapters": [{"file": name} for name in NAMES[1:]]}
    (folder / "toc.yml").write_text(yaml.safe_dump(toc))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_RNN_")}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--all", "--toc", "toc.yml"]
    run = subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return build(tmp_path_factory.mktemp("published"), **ENVIRONMENT)


def page(book, name):
    return (book / f"{name}.html").read_text(encoding="utf-8")


def links(book):
    html = "".join(page(book, name) for name in NAMES[1:])
    return set(re.findall(r'href="(https://(?:colab|mybinder|github|hub)[^"]*)"', html))


def test_without_an_address_no_page_names_one(tmp_path):
    book = build(tmp_path)
    assert links(book) == set()
    assert 'rel="canonical"' not in page(book, NAMES[1])
    assert not (book / "sitemap.xml").exists()
    assert "versions.js" not in page(book, NAMES[1])


def test_buttons_lead_to_files_that_are_there(book):
    ref = ENVIRONMENT["COURSE_RNN_REF"]
    kinds = {
        "colab": rf"https://colab\.research\.google\.com/github/example/course/blob/{notebooks.COLAB_BRANCH}/(.+)",
        "binder": rf"https://mybinder\.org/v2/gh/example/course/{ref}\?urlpath=lab/tree/(.+)",
        "hub": rf"https://hub\.example\.org/hub/user-redirect/git-pull\?.*urlpath=lab/tree/course/(.+)&(?:amp;)?branch={ref}",
        "edit": rf"{REPOSITORY}/edit/{ref}/(.+)",
    }
    for kind, pattern in kinds.items():
        files = {match[1] for link in links(book) if (match := re.fullmatch(pattern, link))}
        assert files == {f"{name}.ipynb" for name in NAMES[1:]}, kind
        assert all((ROOT / file).exists() for file in files)
    assert any(link.startswith(f"{REPOSITORY}/issues/new") for link in links(book))


@pytest.mark.parametrize("name", NAMES)
def test_search_engines_are_led_to_the_newest_and_previews_have_a_picture(book, name):
    html = page(book, name)
    assert f'<link rel="canonical" href="{ADDRESS}/stable/{name}.html" />' in html
    assert f'<meta property="og:url" content="{ADDRESS}/stable/{name}.html" />' in html
    [picture] = re.findall(r'<meta property="og:image" content="([^"]+)"', html)
    assert (book / picture.removeprefix(f"{ADDRESS}/0.2.0/")).is_file()


def test_the_sitemap_lists_every_page(book):
    found = {entry.text for entry in ElementTree.parse(book / "sitemap.xml").iter() if entry.tag.endswith("loc")}
    assert {f"{ADDRESS}/stable/{name}.html" for name in NAMES} <= found
    assert all((book / address.removeprefix(f"{ADDRESS}/stable/")).is_file() for address in found)


def test_colab_gets_notebooks_that_install_the_course(tmp_path, monkeypatch):
    for folder in notebooks.FOLDERS:
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "exercises" / "02_simple_rnn.ipynb", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    notebooks.main(["--install-from", REPOSITORY])
    cell = nbformat.read(tmp_path / "exercises" / "02_simple_rnn.ipynb", as_version=4).cells[1]
    assert f"git+{REPOSITORY}" in cell.source and "google.colab" in cell.source


# ------------------------------------------------------------- the site of several versions


def test_the_newest_is_told_by_its_number():
    assert published.newest(["0.9.0", "0.10.0", "dev"]) == "0.10.0"
    assert published.newest(["dev"]) is None


@pytest.mark.parametrize(
    ("books", "said"),
    [({"main": "."}, "neither a version nor dev"), ({"dev": "nowhere"}, "no built book"), ({}, "no book to publish")],
)
def test_a_site_of_nothing_is_refused(tmp_path, books, said):
    with pytest.raises(ValueError, match=said):
        published.assemble(tmp_path / "site", ADDRESS, books)


@pytest.fixture(scope="module")
def root(book, tmp_path_factory):
    """The address of a site with two versions and dev, served below a path; all three are one build but in name."""
    folder, books = tmp_path_factory.mktemp("site"), {"0.2.0": book}
    for name in ("0.1.0", "dev"):
        books[name] = folder / "built" / name
        shutil.copytree(book, books[name])
        options = books[name] / "_static" / "documentation_options.js"
        options.write_text(options.read_text().replace("VERSION: '0.2.0'", f"VERSION: '{name}'"))
    published.main([f"{folder / 'course'}", ADDRESS, *(f"{name}={book}" for name, book in books.items())])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/course", folder / "course"
    server.shutdown()


def test_the_root_holds_what_a_host_looks_for(root):
    folder = root[1]
    assert json.loads((folder / "versions.json").read_text()) == {"newest": "0.2.0", "released": ["0.1.0", "0.2.0"]}
    assert (folder / "robots.txt").read_text().endswith(f"Sitemap: {ADDRESS}/sitemap.xml\n")
    assert page(folder, "stable/book/index") == page(folder, "0.2.0/book/index")
    assert (folder / "sitemap.xml").is_file() and (folder / ".nojekyll").is_file()


@needs_chromium
def test_the_front_door_leads_to_the_newest(browser, root):
    opened = browser.new_page()
    opened.goto(f"{root[0]}/")
    opened.wait_for_url("**/stable/book/index.html")
    opened.close()


@needs_chromium
@pytest.mark.parametrize(
    ("version", "says"), [("0.1.0", "This is version 0.1.0, an old one."), ("dev", "This is the book in work.")]
)
def test_another_version_says_so_and_leads_to_the_same_page(browser, root, version, says):
    opened = browser.new_page()
    opened.goto(f"{root[0]}/{version}/book/02_simple_rnn.html")
    banner = opened.locator("aside.other-version")
    banner.wait_for()
    assert banner.inner_text().startswith(says)
    banner.get_by_role("link").click()
    opened.wait_for_url(f"{root[0]}/stable/book/02_simple_rnn.html")
    opened.wait_for_load_state("networkidle")
    assert banner.count() == 0
    opened.close()


@needs_chromium
@pytest.mark.parametrize("name", NAMES)
def test_a_published_page_is_sound_below_a_path(browser, root, name):
    opened, errors, requests = browser.new_page(), [], []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(f"{root[0]}/stable/{name}.html")
    opened.wait_for_load_state("networkidle")
    assert errors == []
    assert [url for url in requests if not url.startswith((f"{root[0]}/", "data:", "blob:"))] == []
    opened.close()


@needs_chromium
def test_what_is_not_there_is_said_with_the_list_of_contents(browser, root):
    """A host shows 404.html at the address that was asked for, however deep."""
    html = page(root[1], "404")
    prefix = "/course/stable/"
    local = re.findall(r'(?:href|src)="(?!https?:|#|data:|mailto:)([^"?#]+)', html)
    assert len(local) > 10
    assert all(path.startswith(prefix) for path in local), [path for path in local if not path.startswith(prefix)]
    assert all((root[1] / "stable" / path.removeprefix(prefix)).is_file() for path in local)
    assert "This page is not here" in html


# ------------------------------------------------------------- on paper, and to take along


def test_the_long_page_holds_every_page_and_its_links_lead_into_it(book):
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(paper.long_page(book), "html.parser")
    assert [article["id"] for article in soup.select("article.page")] == [paper.anchor(name) for name in NAMES]
    ids = [element["id"] for element in soup.select("[id]")]
    local = [link["href"][1:] for link in soup.select("article a[href^='#']")]
    local = [place for place in local if not place.endswith((".ipynb", ".md"))]  # pages that this small book lacks
    assert len(local) > 5
    assert set(local) <= set(ids), sorted(set(local) - set(ids))
    assert not soup.select("script, button, img[loading], details:not([open])")
    assert all((book / "_print" / image["src"]).resolve().is_file() for image in soup.select("img"))


@needs_chromium
def test_the_book_is_printed_with_bookmarks(book, tmp_path):
    """In a process of its own, as the browser of the other tests is still open in this one."""
    code = "import sys; from course_rnn.pages import paper; paper.print_book(*sys.argv[1:])"
    subprocess.run([sys.executable, "-c", code, book, tmp_path / "book.pdf"], check=True)
    printed = (tmp_path / "book.pdf").read_bytes()
    assert printed.startswith(b"%PDF") and b"/Outlines" in printed
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 10
    assert not (book / "_print").exists()


def test_the_archive_is_the_site(book, tmp_path):
    archive = zipfile.ZipFile(paper.pack(book, tmp_path / "book"))
    assert {"index.html", "book/index.html", "_static/book.css"} <= set(archive.namelist())


def test_without_a_book_there_is_nothing_to_print(tmp_path):
    for make in (paper.long_page, paper.pack):
        with pytest.raises(ValueError, match="There is no built book"):
            make(tmp_path)
