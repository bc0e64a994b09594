"""The moving picture of the front page is made from a network that reads the word."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from course_rnn import landing

STATIC = Path(__file__).parent.parent / "book" / "_static"


def test_the_committed_picture_is_what_the_code_draws():
    assert (STATIC / "reading.svg").read_text() == landing.picture(), (
        "book/_static/reading.svg is not what the code draws: make pages"
    )


def test_a_step_shows_its_letter_and_its_state():
    steps = ElementTree.fromstring(landing.picture("abc")).findall("{*}g")
    states = landing.states_of("abc")
    for step, letter, state in zip(steps, "abc", states, strict=True):
        assert step.find("{*}text").text == letter
        shown = [float(cell.get("fill-opacity")) for cell in step.findall("{*}rect")]
        np.testing.assert_allclose(shown, (1 + state) / 2, atol=0.005)


def test_the_picture_rests_for_who_asks_for_less_motion():
    assert "prefers-reduced-motion: reduce" in landing.picture()
