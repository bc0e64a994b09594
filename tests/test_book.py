"""The book builds without a warning, and every page works in a browser that can reach no other host."""

import functools
import http.server
import threading

import pytest
from in_browser import Quiet, needs_chromium, pages

WIDTHS = (1200, 390)  # a desktop and a phone, in pixels

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

    alts = page.locator("article img").evaluate_all("images => images.map(image => image.getAttribute('alt') ?? '')")
    assert [alt for alt in alts if len(alt) < 20 or alt.startswith(("../", "_images"))] == []

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


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
    before = picture.get_attribute("src"), picture.get_attribute("alt")
    assert shown.inner_text() == "4"
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert shown.inner_text() == "2"
    assert "After reading 'he'" in picture.get_attribute("alt")
    assert picture.get_attribute("src") != before[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (picture.get_attribute("src"), picture.get_attribute("alt")) == before


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
