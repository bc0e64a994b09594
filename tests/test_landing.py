"""The front page's network: trained by our code, computed in the page as NumPy computes it."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from in_browser import needs_chromium

from course_rnn import landing

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "book" / "_static"
FRONT = (ROOT / "book" / "index.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def weights():
    return landing.committed(STATIC / "network.js")


def test_the_committed_picture_is_what_the_code_draws(weights):
    assert (STATIC / "reading.svg").read_text() == landing.picture(weights), (
        "book/_static/reading.svg is not what the code draws: make pages"
    )


def test_a_step_shows_its_letter_and_its_state(weights):
    steps = ElementTree.fromstring(landing.picture(weights, "abc")).findall("{*}g")
    states, _ = landing.read("abc", weights)
    for step, letter, state in zip(steps, "abc", states, strict=True):
        assert step.find("{*}text").text == letter
        shown = [float(cell.get("fill-opacity")) for cell in step.findall("{*}rect")]
        np.testing.assert_allclose(shown, np.abs(state), atol=0.005)


def test_the_picture_rests_for_who_asks_for_less_motion(weights):
    assert "prefers-reduced-motion: reduce" in landing.picture(weights)


def test_reading_is_what_the_layer_of_the_course_computes(weights):
    import course_rnn.numpy as rnp

    rnn = rnp.RNN(len(landing.LETTERS), landing.UNITS)
    rnn.params["weight_ih_l0"][:], rnn.params["weight_hh_l0"][:] = weights["W"], weights["U"]
    rnn.params["bias_ih_l0"][:], rnn.params["bias_hh_l0"][:] = weights["b"], 0
    x = np.eye(len(landing.LETTERS))[[landing.LETTERS.index(letter) for letter in "·word"]]
    np.testing.assert_allclose(landing.read("word", weights)[0], rnn.forward(x[:, None])[0][1:, 0])


def test_the_front_page_says_what_the_network_reaches(weights):
    words, test = landing.vocabulary()
    assert not set(words) & set(test)
    assert f"{len(words):,} words" in FRONT
    assert f"guesses one letter in three, {100 * landing.hits(weights, test):.0f} %" in FRONT
    assert f"has no memory, {100 * landing.hits_of_pairs(words, test):.0f} %" in FRONT


def test_a_longer_word_does_not_change_what_a_batch_trains(weights):
    ids, targets, real = landing.steps_of(["ab", "abcd"])
    assert ids.shape == targets.shape == real.shape == (5, 2)
    assert real.sum(axis=0).tolist() == [3, 5]
    assert "".join(landing.LETTERS[i] for i in targets[:3, 0]) == "ab·"


def test_front_page_and_readme_agree():
    """The same hook and the same promises, word for word, and the same licences."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = re.search(r"\{\.hook\}\n(.+)\n\n((?:.+\n)+)", FRONT)
    assert hook[1] in readme
    for promise in hook[2].splitlines():
        assert promise in readme
    for said in (
        "free",
        "MIT licence",
        "CC BY 4.0",
        yaml.safe_load((ROOT / "CITATION.cff").read_text())["authors"][0]["name"],
    ):
        assert said.removeprefix("The ") in readme and said.removeprefix("The ") in FRONT


@needs_chromium
def test_what_is_typed_is_read_as_numpy_reads_it(visit, weights):
    page = visit("book/index")
    page.locator(".reader input").fill("Question!")
    columns = page.locator(".reader-steps > div")
    assert "".join(columns.locator("b").all_inner_texts()) == "question"
    states, chances = landing.read("question", weights)
    shown = columns.locator("i").evaluate_all(
        "cells => cells.map(cell => (cell.className === 'on' ? 1 : -1) * cell.style.getPropertyValue('--much'))"
    )
    np.testing.assert_allclose(np.reshape(shown, states.shape), states, atol=0.006)
    best = np.argsort(-chances[-1])[:2]
    said = page.locator(".reader [role=status]").inner_text()
    for i in best:
        name = "end" if i == 0 else landing.LETTERS[i]
        assert f"{name}, {100 * chances[-1][i]:.0f} %" in said


@needs_chromium
def test_the_front_page_is_there_without_javascript_and_rests_on_request(visit):
    still = visit("book/index", java_script_enabled=False)
    assert "sequence" in still.locator(".reader img").get_attribute("alt")
    calm = visit("book/index", reduced_motion="reduce")
    calm.locator(".reader input").fill("longer word")
    assert calm.evaluate("document.getAnimations().filter(one => one.playState === 'running').length") == 0
