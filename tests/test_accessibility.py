"""Every page is accessible in both themes, and everything on it is reached with the keyboard."""

import pytest
from in_browser import READ_THROUGH, needs_chromium, pages

#: What axe finds in the theme itself, on every page and in the bibliography; anything else is ours to mend.
THEMES_OWN = {"region": ".sidebar-primary-item"}
BIBLIOGRAPHYS_OWN = {"aria-allowed-role", "aria-deprecated-role", "aria-required-children"}

pytestmark = needs_chromium


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", pages())
def test_a_page_is_accessible(visit, name, theme):
    """Names, roles, order, contrast: axe finds nothing but what the theme brings along."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name, storage=theme)
    page.evaluate(READ_THROUGH)
    found = []
    for violation in Axe().run(page).response["violations"]:
        if violation["id"] in BIBLIOGRAPHYS_OWN and name == "book/bibliography":
            continue
        own = THEMES_OWN.get(violation["id"])
        places = [str(node["target"][0]) for node in violation["nodes"]]
        found += [f"{violation['id']}: {place}" for place in places if not own or not place.startswith(own)]
    assert found == []


@pytest.mark.parametrize("name", pages())
def test_the_keyboard_gets_through_a_page(visit, name):
    """Tab goes on to something new, that is on the screen and shows that it has the focus; nothing is out of order."""
    page = visit(name)
    assert page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0
    seen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        place, visible, marked = page.evaluate(
            """() => {
                const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
                const all = [...document.querySelectorAll('*')];
                const skip = one.matches('.skip-link a'); // it slides in
                return [all.indexOf(one), skip || (box.bottom > 0 && box.top < innerHeight),
                    skip || style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
            }"""
        )
        if place in seen:  # a short page begins again
            break
        seen.append(place)
        assert visible and marked, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert len(seen) > 8


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
