"""One output, two lives: widgets that compute anew, and a static slider whose pictures are all there."""

import base64
import html.parser
import io
import json

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from course_rnn import explore as module
from course_rnn.explore import explore


def line(slope=1, power=1):
    """A figure that differs for every value."""
    fig, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 1, 2], [0, slope, slope * 2**power])
    return fig


class Drawing:
    """What a diagram looks like to explore."""

    def __init__(self, text):
        self.text = text

    def svg(self):
        return f"<svg>{self.text}</svg>".encode()


@pytest.fixture
def shown(monkeypatch):
    """The bundle that the cell would output."""
    bundles = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: bundles.append(bundle))
    return lambda *args, **kwargs: explore(*args, **kwargs) or bundles.pop()


class Elements(html.parser.HTMLParser):
    """The tags of a piece of HTML with their attributes, and the content of its script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.script = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script":
            self.script += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_one_bundle_carries_the_widget_the_page_and_a_text(shown):
    bundle = shown(line, alt="slope {slope}", slope=[1, 2])
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert bundle["text/plain"] == "slope 1"


def test_the_page_holds_every_frame_with_its_alt_text_and_shows_the_first(shown):
    page = Elements(shown(line, alt="slope {slope}, power {power}", slope=[1, 2, 3], power=[1, 2])["text/html"])
    data = json.loads(page.script)
    assert [frame["alt"] for frame in data["frames"]] == [f"slope {s}, power {p}" for s in (1, 2, 3) for p in (1, 2)]
    assert data["order"] == [0, 1, 2, 3, 4, 5]
    (image,) = page.all("img")
    assert (image["src"], image["alt"]) == (data["frames"][0]["src"], "slope 1, power 1")
    assert [slider["max"] for slider in page.all("input")] == ["2", "1"]
    assert [json.loads(slider["data-labels"]) for slider in page.all("input")] == [["1", "2", "3"], ["1", "2"]]


def test_equal_frames_are_stored_once(shown):
    page = Elements(shown(lambda n: Drawing(n // 2), alt=lambda n: f"half is {n // 2}", n=[0, 1, 2, 3])["text/html"])
    data = json.loads(page.script)
    assert len(data["frames"]) == 2 and data["order"] == [0, 0, 1, 1]


def test_a_moved_slider_draws_anew_for_any_value_in_the_range():
    widget = module._live(line, lambda slope: f"slope {slope}", {"slope": [0.5, 1.0, 2.0]})
    slider, picture = widget.children
    before = picture.value
    slider.value = 1.25  # between the values that the page offers
    assert "slope 1.25" in picture.value and picture.value != before


def test_words_are_chosen_from_a_list():
    widget = module._live(lambda cell: Drawing(cell), lambda cell: cell, {"cell": ["RNN", "LSTM"]})
    slider, picture = widget.children
    slider.value = "LSTM"
    assert 'alt="LSTM"' in picture.value


def test_whole_numbers_stay_whole():
    widget = module._live(lambda steps: Drawing("x" * steps), lambda steps: f"{steps} steps", {"steps": [1, 5]})
    widget.children[0].value = 3
    assert "3 steps" in widget.children[1].value


def test_the_smaller_of_svg_and_png_is_kept():
    simple = module._picture(line())
    assert simple.startswith("data:image/")

    fig, ax = plt.subplots(figsize=(2, 2))
    ax.scatter(range(3000), range(3000))
    crowded = module._picture(fig)
    assert crowded.startswith("data:image/png;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(crowded.partition(",")[2]))).size[0] > 300


def test_drawn_figures_are_closed(shown):
    open_before = plt.get_fignums()
    shown(line, alt="x {slope}", slope=[1, 2])
    assert plt.get_fignums() == open_before


def test_what_stands_in_an_alt_text_cannot_end_the_script(shown):
    bundle = shown(lambda n: Drawing(n), alt="</script><b>{n}", n=[1, 2])["text/html"]
    assert bundle.count("</script>") == 1
    assert json.loads(Elements(bundle).script)["frames"][0]["alt"] == "</script><b>1"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "one or two parameters, not 0"),
        ({"a": [1], "b": [1], "c": [1]}, "one or two parameters, not 3"),
        ({"slope": []}, "slope has no values"),
        ({"colour": [1, 2]}, "cannot be called with colour"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        explore(line, alt="x", **parameters)
