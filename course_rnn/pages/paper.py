"""The built book on paper, and to take along: one long page, printed into a PDF by Chromium, or an archive of the site.

    python -m course_rnn.pages.paper             _build/course-rnn-book.pdf
    python -m course_rnn.pages.paper --archive   _build/course-rnn-book.zip

The PDF holds what is read from beginning to end; what is looked up (the package, the atlas, the galleries) it leaves
to the site. Links between its pages lead to pages of the PDF, and its bookmarks are the headings.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

SITE = Path("_build/html")
PDF, ARCHIVE = Path("_build/course-rnn-book.pdf"), Path("_build/course-rnn-book")
LOOKED_UP = re.compile(r"book/(api_|atlas|gallery)")
PAPER = {"format": "A4", "margin": {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}}
FOOT = '<p style="font-size: 8px; width: 100%; text-align: center"><span class="pageNumber"></span></p>'
STYLE = """
article.page { break-before: page; }
.contents a { text-decoration: none; }
pre, code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def names(site):
    """The pages of a built book in reading order: those that its list of contents names."""
    from bs4 import BeautifulSoup

    front = BeautifulSoup(Path(site, "book", "index.html").read_text(encoding="utf-8"), "html.parser")
    links = ["book/index.html", *(link["href"] for link in front.select("nav.bd-links a.reference.internal[href]"))]
    found = dict.fromkeys(_resolved("book/index", link).partition("#")[0] for link in links)
    return [name for name in found if Path(site, f"{name}.html").is_file()]


def _resolved(page, href):
    """Where a link on a page leads, as ``folder/name`` or ``folder/name#place``."""
    path, mark, place = href.partition("#")
    if not path:
        return f"{page}{mark}{place}"
    folder = Path(page).parent
    while path.startswith("../"):
        path, folder = path[3:], folder.parent
    if path == "book/index.html":
        folder = Path()
    return (folder / path).as_posix().removesuffix(".html") + mark + place


def anchor(name, place=""):
    """The id on the long page of a place on a page."""
    return f"{name.replace('/', '-')}--{place}"


def for_paper(site, name, among):
    """The article of a page, with ids of its own, links into the long page, and what paper cannot do left out."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(Path(site, f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    article.attrs = {"class": ["bd-article", "page"], "id": anchor(name)}
    for figure in article.select("figure.explore"):
        _still(figure)
    for gone in article.select("a.headerlink, script, .live-place, button"):
        gone.decompose()
    for details in article.select("details"):
        details["open"] = ""
    for element in article.select("[id]"):
        element["id"] = anchor(name, element["id"])
    for image in article.select("img[loading]"):
        del image["loading"]
    for link in article.select("a[href]"):
        if not re.match(r"[a-z]+:", link["href"]):
            target, _, place = _resolved(name, link["href"]).partition("#")
            if target in among:
                link["href"] = f"#{anchor(target, place)}"
            else:
                del link["href"]  # it stays on the site
    article["id"] = anchor(name)
    return article


def _still(figure):
    """Of an explorer the last picture, with what its sliders say there: the first often shows the empty beginning."""
    data = json.loads(figure.select_one("script").string)
    picture, text = data["frames"][-1]
    image = figure.select_one("img")
    image["alt"] = text
    if data["pictures"][picture][0]:
        image["src"], image["width"] = data["pictures"][picture]
        image.attrs.pop("height", None)
    for slider in figure.select("input"):
        slider.find_next_sibling("output").string = json.loads(slider["data-labels"])[-1]
        slider.decompose()


def long_page(site):
    """The whole book as one page of HTML, to be put into a folder of the site; ValueError where there is no book."""
    if not Path(site, "book", "index.html").is_file():
        raise ValueError(f"There is no built book in {site}: make book.")
    chosen = [name for name in names(site) if not LOOKED_UP.match(name)]
    articles = [for_paper(site, name, set(chosen)) for name in chosen]
    titles = [article.select_one("h1").get_text(" ", strip=True) for article in articles]
    contents = "".join(
        f'<li><a href="#{anchor(name)}">{title}</a></li>' for name, title in zip(chosen, titles, strict=True)
    )
    return (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{titles[0]}</title>"
        f'<link rel="stylesheet" href="../_static/book.css"><style>{STYLE}</style></head>'
        '<body class="bd-content"><nav class="contents" aria-label="Contents"><h1>Contents</h1>'
        f"<ol>{contents}</ol></nav>"
        f"{''.join(map(str, articles))}</body></html>"
    )


def print_book(site=SITE, pdf=PDF):
    """Print a built book into a PDF.

    Raises
    ------
    ValueError
        There is no built book, or no Chromium.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise ValueError("Printing needs Chromium: apt-get install chromium.")
    page = Path(site, "_print", "index.html").absolute()
    text = long_page(site)
    page.parent.mkdir(exist_ok=True)
    page.write_text(text, encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            opened = browser.new_page(reduced_motion="reduce")  # a picture that moves stands at its end
            opened.goto(page.as_uri(), wait_until="networkidle", timeout=300_000)
            foot = {"display_header_footer": True, "header_template": "<p></p>", "footer_template": FOOT}
            opened.pdf(path=pdf, outline=True, tagged=True, **foot, **PAPER)
            browser.close()
    finally:
        shutil.rmtree(page.parent)
    return Path(pdf)


def pack(site=SITE, archive=ARCHIVE):
    """Pack a built book, to be read from a folder; returns the path of the archive."""
    if not Path(site, "book", "index.html").is_file():
        raise ValueError(f"There is no built book in {site}: make book.")
    return Path(shutil.make_archive(str(archive), "zip", site))


def main(arguments=None):
    """The command line: print the built book, or pack it."""
    parser = argparse.ArgumentParser(prog="python -m course_rnn.pages.paper", description=main.__doc__)
    parser.add_argument("--archive", action="store_true", help="pack the site instead of printing it")
    try:
        path = pack() if parser.parse_args(arguments).archive else print_book()
    except ValueError as error:
        sys.exit(str(error))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
