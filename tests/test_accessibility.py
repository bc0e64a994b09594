"""Every page is accessible in both themes, and everything on it is reached with the keyboard."""

import pytest
from in_browser import needs_chromium, pages

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
