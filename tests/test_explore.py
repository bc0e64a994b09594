"""One output, two lives: widgets that compute anew, and a static slider whose pictures are all there."""

import base64
import html.parser
import io
import json

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_rnn import diagrams, plot
from course_rnn import explore as module
from course_rnn.explore import explore


def line(slope=1, power=1):
    """A figure that differs for every value."""
    fig, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 1, 2], [0, slope, slope * 2**power])
    return fig


def diagram(number):
    """A diagram, which knows its own text."""
    d = diagrams.Diagram(f"A box with the number {number}.")
    d.box("box", 0, 0, str(number))
    return d


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


def page_of(bundle):
    page = Elements(bundle["text/html"])
    return page, json.loads(page.script)


def test_the_page_holds_every_frame_with_its_alt_text_and_shows_the_first(shown):
    page, data = page_of(shown(line, alt="slope {slope}, power {power}", slope=[1, 2, 3], power=[1, 2]))
    assert [text for _, text in data["frames"]] == [f"slope {s}, power {p}" for s in (1, 2, 3) for p in (1, 2)]
    assert [picture for picture, _ in data["frames"]] == [0, 1, 2, 3, 4, 5]
    (image,) = page.all("img")
    assert image["alt"] == "slope 1, power 1" and image["width"] == "192"  # two inches
    assert data["pictures"][0] == [None, 192]  # the page has it already
    assert len({source for source, _ in data["pictures"]} | {image["src"]}) == 7
    assert [slider["max"] for slider in page.all("input")] == ["2", "1"]
    assert [json.loads(slider["data-labels"]) for slider in page.all("input")] == [["1", "2", "3"], ["1", "2"]]


def test_a_text_reader_hears_the_picture_change_and_each_value_once(shown):
    page, _ = page_of(shown(line, alt="x {slope}", slope=[1, 2]))
    (live,) = (tag for tag in page.all("div") if "aria-live" in tag)
    assert live["aria-live"] == "polite"
    assert [value["aria-hidden"] for value in page.all("output")] == ["true"]  # the slider says it itself


def test_equal_pictures_are_stored_once_whatever_their_texts_say(shown):
    _, data = page_of(shown(lambda n: diagram(n // 2), alt="half of {n}", n=[0, 1, 2, 3]))
    assert len(data["pictures"]) == 2
    assert data["frames"] == [[0, "half of 0"], [0, "half of 1"], [1, "half of 2"], [1, "half of 3"]]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (diagram, "A box with the number 3."),
        (lambda n: plot.lines([n, 1.0], xlabel="x", ylabel="y"), "Lines of y against x. y: 3.00 at 1, 1.00 at 2."),
    ],
    ids=["diagram", "plot"],
)
def test_plots_and_diagrams_bring_their_own_text(shown, frame, text):
    bundle = shown(frame, number=[3]) if frame is diagram else shown(frame, n=[3])
    assert bundle["text/plain"] == text and page_of(bundle)[0].all("img")[0]["alt"] == text


def test_a_figure_needs_a_text():
    with pytest.raises(ValueError, match="a figure has no text of its own"):
        explore(line, slope=[1, 2])


@pytest.mark.parametrize(
    ("values", "kind", "labels"),
    [
        ([1, 5, 2], widgets.IntSlider, ["1", "5", "2"]),
        (np.array([1, 2]), widgets.IntSlider, ["1", "2"]),
        ([0.1 + 0.2, 1.0, 1e-5], widgets.FloatSlider, ["0.3", "1", "1e-05"]),
        (["RNN", "LSTM"], widgets.SelectionSlider, ["RNN", "LSTM"]),
        ([False, True], widgets.SelectionSlider, ["False", "True"]),
        ([7], widgets.SelectionSlider, ["7"]),
    ],
    ids=repr,
)
def test_the_values_decide_the_slider(values, kind, labels):
    control = module._control("name_of_it", values)
    assert type(control) is kind and control.value == values[0] and control.description == "name of it"
    assert [module._label(value) for value in values] == labels
    if kind is not widgets.SelectionSlider:
        assert (control.min, control.max) == (min(values), max(values))


def live(frame, alt=None, **parameters):
    """The sliders of a running notebook, and the widget that shows the picture."""
    *sliders, picture = module._live(module._describing(frame, alt), parameters).children
    return *sliders, picture


def test_a_moved_slider_draws_anew_for_any_value_in_the_range():
    slider, picture = live(line, "slope {slope:g}", slope=[0.5, 1.0, 2.0])
    before = picture.value
    slider.value = 1.25  # between the values that the page offers
    assert 'alt="slope 1.25"' in picture.value and picture.value != before


def test_two_sliders_draw_together():
    slope, power, picture = live(line, "slope {slope}, power {power}", slope=[1, 4], power=[2, 3])
    slope.value, power.value = 3, 3
    assert 'alt="slope 3, power 3"' in picture.value


def test_words_are_chosen_from_a_list():
    slider, picture = live(diagram, number=["RNN", "LSTM"])
    slider.value = "LSTM"
    assert "number LSTM" in picture.value


def test_an_error_in_a_frame_is_shown_in_its_place_until_the_next():
    def picky(n):
        if n == 2:
            raise ValueError("not <two>")
        return diagram(n)

    slider, picture = live(picky, n=[1, 3])
    slider.value = 2
    assert "ValueError: not &lt;two&gt;\nin the frame for n = 2" in picture.value and "<img" not in picture.value
    slider.value = 3
    assert "number 3" in picture.value and "alert" not in picture.value


def test_an_error_in_a_frame_of_the_page_says_for_which_values():
    with pytest.raises(ZeroDivisionError) as caught:
        explore(lambda n, m: diagram(n / m), n=[1, 2], m=[1, 0])
    assert caught.value.__notes__ == ["in the frame for n = 1, m = 0"]
    with pytest.raises(KeyError) as caught:
        explore(diagram, alt="{colour}", number=[1])
    assert caught.value.__notes__ == ["in the frame for number = 1"]


def test_a_picture_is_sharp_in_few_bytes_and_white_where_nothing_is_drawn():
    for drawing in (line(), diagram(1), plot.states(np.zeros((3, 2)))):
        picture = Image.open(io.BytesIO(base64.b64decode(module._webp(drawing).partition(",")[2])))
        assert picture.width == pytest.approx(200 * module._figure(drawing).get_figwidth(), abs=1)
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert len(module._webp(drawing)) < len(module._svg(drawing))


def test_the_lighter_of_two_pictures_is_taken(shown, monkeypatch):
    monkeypatch.setattr(module, "_webp", lambda drawing: "data:image/webp;base64," + "A" * 10**6)
    page, _ = page_of(shown(diagram, number=[1]))
    assert page.all("img")[0]["src"].startswith("data:image/svg+xml;base64,")


def test_pictures_too_heavy_for_a_page_are_reported(shown, monkeypatch):
    monkeypatch.setattr(module, "HEAVY", 300)
    with pytest.warns(UserWarning, match=r"2 pictures weigh [\d,]+ bytes: offer fewer values") as caught:
        shown(diagram, number=[1, 2])
    assert caught[0].filename == __file__


def test_drawn_figures_are_closed(shown):
    open_before = plt.get_fignums()
    shown(line, alt="x {slope}", slope=[1, 2])
    live(line, "x {slope}", slope=[1, 2])[0].value = 2
    assert plt.get_fignums() == open_before


def test_what_stands_in_an_alt_text_cannot_end_the_script(shown):
    bundle = shown(diagram, alt="</script><b>{number}", number=[1, 2])
    assert bundle["text/html"].count("</script>") == 1
    assert page_of(bundle)[1]["frames"][0][1] == "</script><b>1"


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


def test_values_must_be_a_sequence():
    with pytest.raises(TypeError, match=r"the values of slope must be a sequence, such as \[1, 2, 3\]: got 5"):
        explore(line, alt="x", slope=5)


def test_the_sliders_begin_where_it_is_interesting(shown):
    bundle = shown(line, alt="slope {slope}, power {power}", begin={"slope": 3}, slope=[1, 2, 3], power=[1, 2])
    page, data = page_of(bundle)
    assert [slider["value"] for slider in page.all("input")] == ["2", "0"]
    (image,) = page.all("img")
    assert bundle["text/plain"] == image["alt"] == "slope 3, power 1"
    assert data["frames"][4] == [0, "slope 3, power 1"] and data["pictures"][0][0] is None
    assert sorted(picture for picture, _ in data["frames"]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("begin", [{"slope": 9}, {"height": 1}])
def test_a_place_to_begin_that_is_not_there_is_refused(begin):
    with pytest.raises(ValueError, match="the sliders cannot begin at"):
        explore(line, alt="x", begin=begin, slope=[1, 2])
