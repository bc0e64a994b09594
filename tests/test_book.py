"""The book builds without a warning, and every page works in a browser that can reach no other host."""

import functools
import http.server
import threading

import pytest
from in_browser import READ_THROUGH, Quiet, needs_chromium, pages

WIDTHS = (1280, 390)  # a laptop and a phone, in pixels
#: What reaches out of its box: formulas, tables, and on a laptop printed results, a few of which a phone scrolls.
CLIPPED = """kinds => [...document.querySelectorAll(kinds)].filter(one => one.offsetParent).map(one => {
    const box = one.tagName === 'TABLE' ? one.parentElement : one;
    return [Math.max(one.scrollWidth, one.offsetWidth) - box.clientWidth, one.textContent.trim().slice(0, 60)];
}).filter(([over]) => over > 1)"""
RESULTS = ".bd-article div.cell_output pre"
WEIGHT = 300_000  # of a chapter's HTML, in bytes

pytestmark = needs_chromium


@pytest.mark.parametrize("name", pages())
def test_a_page_is_sound(visit, address, name):
    """No error, no request to another host, mathematics rendered, alt texts, and no wider than a desktop or a phone."""
    page = visit(name)
    assert page.locator("h1").first.inner_text().strip()
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith((address, "data:", "blob:"))] == []

    formulas = page.locator("article span.math, article div.math")
    assert (
        formulas.evaluate_all("all => all.filter(one => !one.querySelector('math')).map(one => one.textContent)") == []
    )

    alts = page.locator("article img:not(.thumbnail)").evaluate_all(
        "images => images.map(image => image.getAttribute('alt') ?? '')"
    )
    assert [alt for alt in alts if len(alt) < 20 or alt.startswith(("../", "_images"))] == []

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(READ_THROUGH)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        kinds = ".bd-article div.math .formula, .bd-article table"
        assert page.evaluate(CLIPPED, kinds if width < 1000 else f"{kinds}, {RESULTS}") == []


@pytest.mark.parametrize("name", [name for name in pages() if name.startswith("book/0")])
def test_a_chapter_is_light(site, name):
    assert (site / f"{name}.html").stat().st_size <= WEIGHT


def test_formulas_are_there_without_javascript(visit):
    page = visit("book/06_gradients", java_script_enabled=False)
    assert page.locator("article div.math math").count() > 5
    wide = page.locator("article div.math math").first.bounding_box()["width"]
    assert wide > 100
    assert "\\" not in "".join(page.locator("article span.math, article div.math").all_inner_texts())


def test_the_explorer_is_moved_by_the_keyboard(visit):
    page = visit("book/02_simple_rnn")
    explorer = page.locator("figure.explore").first
    slider, shown, picture = explorer.locator("input"), explorer.locator("output"), explorer.locator("img")
    explorer.scroll_into_view_if_needed()
    before = picture.get_attribute("src"), picture.get_attribute("alt")
    assert shown.text_content() == "4"
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown.text_content() == "2"
    assert "After reading 'he'" in picture.get_attribute("alt")
    assert picture.get_attribute("src") != before[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (picture.get_attribute("src"), picture.get_attribute("alt")) == before


def test_the_pictures_of_an_explorer_are_fetched_when_a_reader_reaches_for_it(visit):
    page = visit("book/02_simple_rnn")
    page.locator("figure.explore").first.scroll_into_view_if_needed()
    frames = {url for url in page.requests if "/_images/frame-" in url}
    assert len(frames) <= 1
    page.locator("figure.explore input").first.focus()
    page.wait_for_load_state("networkidle")
    assert len({url for url in page.requests if "/_images/frame-" in url}) > 3


def test_no_page_asks_for_what_only_a_search_needs(visit):
    page = visit("book/02_simple_rnn")
    asked = [url.rpartition("/")[2].partition("?")[0] for url in page.requests]
    assert not {"searchindex.js", "fontawesome.js", "fa-solid-900.woff2", "pydata-sphinx-theme.css"} & set(asked)
    assert asked.count("book.css") == 1


def test_a_tap_enlarges_a_diagram_that_a_phone_makes_small(visit):
    page = visit("book/07_lstm_gru", 390)
    page.evaluate(READ_THROUGH)
    picture = page.locator("article img[role=button]").first
    picture.focus()
    width = picture.bounding_box()["width"]
    page.keyboard.press("Enter")
    assert page.locator("dialog.enlarged img").bounding_box()["width"] > 1.15 * width
    page.keyboard.press("Escape")
    page.locator("dialog.enlarged").wait_for(state="detached")
    assert picture.evaluate("one => one === document.activeElement")


def test_a_link_shows_what_it_leads_to(visit):
    """A word of the glossary, which is on another page, by mouse; an equation of this one by keyboard."""
    page = visit("book/07_lstm_gru")
    page.locator("a.term").first.hover()
    preview = page.locator(".preview")
    preview.wait_for()
    word = page.locator("a.term").first.inner_text().lower()
    assert word.rstrip("s") in preview.inner_text().lower() and len(preview.inner_text()) > len(word) + 30
    page.keyboard.press("Escape")
    assert preview.is_hidden()


def test_a_gallery_begins_with_pictures_that_lead_into_it(visit):
    page = visit("book/gallery_simple")
    links = page.locator(".thumbnails a")
    assert links.count() > 15
    for link in links.all():
        assert page.locator(f"[id='{link.get_attribute('href').removeprefix('#')}']").count() == 1


def test_results_are_tables_and_a_figure_has_one_number(visit):
    page = visit("book/02_simple_rnn")
    assert "linear, AR(3)" in page.locator("div.cell_output table").all_text_contents()[1]
    captions = page.locator("figcaption").all_text_contents()
    assert len(captions) > 10 and all(caption.count("Fig") == 1 for caption in captions)


def test_without_javascript_the_first_picture_stands(visit):
    page = visit("book/02_simple_rnn", java_script_enabled=False)
    pictures = page.locator("figure.explore img")
    assert pictures.count() == 1 and "After reading 'hell'" in pictures.get_attribute("alt")


def test_dark_mode_turns_figures_round_and_keeps_text_readable(visit):
    page = visit("book/02_simple_rnn", color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    style = "image => getComputedStyle(image).filter"
    assert "invert" in page.locator("div.cell_output img").first.evaluate(style)
    assert "invert" in page.locator("figure.explore img").first.evaluate(style)


@pytest.mark.parametrize(
    ("words", "title"),
    [("unfolded", "Simple RNN"), ("vanishing gradient", "Gradients"), ("bleu", "Sequence to sequence")],
)
def test_search_finds_a_term(visit, address, words, title):
    page = visit("search")
    page.goto(f"{address}/search.html?q={words}")
    page.wait_for_selector("ul.search li a")
    page.wait_for_function("title => document.querySelector('ul.search').innerText.includes(title)", arg=title)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("LSTM forget gate", "book/07_lstm_gru"),
        ("vanishing gradient", "book/06_gradients"),
        ("attention", "book/05_seq2seq"),
        ("teacher forcing", "book/05_seq2seq"),
    ],
)
def test_a_search_ranks_the_chapter_that_teaches_it_first(visit, address, words, page):
    """Only the word's own entry in the glossary may stand before it."""
    opened = visit("search")
    opened.goto(f"{address}/search.html?q={words}")
    opened.wait_for_function("page => document.querySelector(`ul.search a[href*='${page}']`)", arg=page)
    found = opened.locator("ul.search li a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert next(link.partition(".html")[0] for link in found if "glossary.html#term" not in link) == page


def test_the_front_door_leads_to_the_book(visit, address):
    page = visit("index")
    page.wait_for_url("**/book/index.html")
    assert page.locator("h1").first.inner_text().startswith("Recurrent Neural Networks")


# ------------------------------------------------------------- wherever it is put


def test_the_book_works_from_a_folder_without_a_server(visit, site):
    page = visit("book/02_simple_rnn", root=site.as_uri())
    assert page.errors == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.requests)
    assert page.locator("article math").count() > 20
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
