"""The plots: what they draw, what they say, and that they do nothing else."""

import itertools
import json

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbval_tolerance import Approximate
from test_notebooks import ROOT

from course_rnn import colours, diagrams, notebooks, plot
from course_rnn.evidence import Interval
from course_rnn.plot import style

SEEDS, N, T, H, S = 3, 40, 6, 4, 5
OVER = 0.02  # inches: the edge of a letter may reach over the edge of the figure by so much
READABLE = 3  # contrast of graphics and their labels with the ground (WCAG 2), on the light and on the dark page
LUMA = np.array([0.213, 0.715, 0.072])  # what the filters of CSS call light


ladder = {"baselines": {"counts": 1.4}, "ylabel": "loss (nats)"}


def data(seed=0, noise=0.0):
    """Arguments for every plot, all sizes different."""
    rng = np.random.default_rng(seed)

    def near(x):  # what another machine may have computed
        return np.asarray(x) * (1 + noise)

    def rungs(near):
        medians = near(np.sort(rng.uniform(1, 2, 3))[::-1])
        return [(s, Interval(m, m - 0.1, m + 0.2, SEEDS)) for s, m in zip((10, 40, 160), medians, strict=True)]

    runs = np.abs(rng.normal(1, 0.1, (SEEDS, N))) * np.geomspace(2, 0.2, N)
    alpha = rng.dirichlet(np.ones(S), T)
    curves = {"train": near(runs[0]), "RNN": near(runs), "validation": ([10, 20, 40], near([1.5, 0.7, 0.5]))}
    norms = {"RNN": near(np.r_[0, 0, np.geomspace(1e-9, 1, N)]), "LSTM": near(rng.uniform(1, 2, N + 2))}
    shares = {"RNN": near(rng.uniform(0, 0.9, (SEEDS, 4))), "LSTM": near(rng.uniform(0, 0.9, 4))}
    return {
        "loss_curves": ((curves,), {"baselines": {"next = now": 0.344, "linear": 0.251}, "ylabel": "loss (nats)"}),
        "gradient_norms": ((norms,), {}),
        "accuracy_over_distance": (([10, 20, 40, 80], shares), {"baselines": {"chance": 0.125}}),
        "lines": (({"signal": near(rng.normal(size=N))},), {"xlabel": "time (s)", "ylabel": "level (mV)"}),
        "states": ((near(0.9 * np.tanh(rng.normal(size=(T, H)))), "abcdef"), {}),
        "attention_map": ((alpha, [f"word{s}" for s in range(S)], [f"mot{t}" for t in range(T)]), {}),
        "heat_map": (
            (near(rng.uniform(1, 7, (4, 30))),),
            {"xlabel": "x (cm)", "ylabel": "y (cm)"},
        ),
        "gates_over_text": (("a cat sat", {"forget f": near(rng.uniform(0, 0.9, 9))}), {"width": 6}),
        "ladder": (({"RNN": rungs(near), "LSTM": rungs(near)[:2], "GRU": rungs(near)[:1]},), ladder),
        "fading": (({"RNN": near(np.geomspace(1e-6, 1, T) * runs[0, :T]), "LSTM": near(runs[1, :T])},), {}),
        "reached": (("a cat sat", {"RNN": near(runs[0, :9])}), {"width": 6}),
        "ratio_bars": ((["one", "two"], {"RNN": [1.4, 0.7], "GRU": near(rng.uniform(1, 2, (2, SEEDS)))}), {}),
    }


PLOTS = [name for name in plot.__all__ if name in data()]
every = pytest.mark.parametrize("name", PLOTS)


def drawn(name, **changes):
    arguments, options = data(**changes)[name]
    return getattr(plot, name)(*arguments, **options)


def line(ax, label):
    (found,) = (line for line in ax.lines if line.get_label() == label)
    return found


def legend(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


# --------------------------------------------------------------------------------------------------- all of them


def test_every_plot_is_tested_here():
    assert set(plot.__all__) - set(PLOTS) == {"Plot", "Table", "table", "show_with_text", "to_bytes", "use_style"}


@every
def test_the_same_arguments_give_the_same_bytes_whatever_the_page_has_set(name):
    once = drawn(name)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "legend.fontsize": 30, "svg.fonttype": "none"}):
        again = drawn(name)
        assert again.svg() == once.svg()
        assert plot.to_bytes(again.fig, "png") == plot.to_bytes(once.fig, "png")
    assert drawn(name, seed=1).svg() != once.svg()


@every
def test_nothing_is_left_behind(name):
    before, figures = dict(mpl.rcParams), plt.get_fignums()
    drawn(name).svg()
    assert dict(mpl.rcParams) == before and plt.get_fignums() == figures


@every
def test_axes_are_labelled(name):
    main, *bars = drawn(name).fig.axes
    if name in ("gates_over_text", "fading", "reached"):  # their characters, states and names are their labels
        return
    assert main.get_xlabel() and (main.get_ylabel() or name == "ratio_bars")
    assert all(bar.get_ylabel() for bar in bars)


def overhang(fig):
    """How far anything that is drawn reaches over the edge of the figure, in inches."""
    with style.house_style():
        canvas = FigureCanvasAgg(fig)
        canvas.draw()
        box = fig.get_tightbbox(canvas.get_renderer())
    width, height = fig.get_size_inches()
    return -min(box.x0, box.y0, width - box.x1, height - box.y1)


@every
def test_no_text_is_cut_off(name):
    assert overhang(drawn(name).fig) < OVER


def test_no_long_name_is_cut_off():
    names = [f"an LSTM of {n} units, with a forget bias of {n / 7:.3f}" for n in range(6)]
    words = ["antidisestablishmentarianism", "of", "incomprehensibilities"]
    for shown in (
        plot.lines({name: range(9) for name in names}, xlabel="x", ylabel="y", baselines={names[0]: 3}),
        plot.ratio_bars(names, range(1, 7)),
        plot.attention_map(np.full((3, 3), 1 / 3), words, words),
        plot.gates_over_text("a cat", {"forget gate, mean over 64 units": [0.5] * 5}),
    ):
        assert overhang(shown.fig) < OVER, shown


@every
def test_it_fits_the_column_of_a_page(name):
    assert drawn(name).fig.get_figwidth() <= style.WIDTH


@every
def test_it_says_what_it_shows_in_one_line_without_formulas(name):
    shown = drawn(name)
    assert repr(shown) == f"Figure: {shown.alt}" and len(shown.alt) > 40
    assert not set("$\\\n") & set(shown.alt)


@every
def test_what_it_says_survives_the_rounding_of_another_machine(name):
    assert Approximate(drawn(name).alt) == drawn(name, noise=1e-9).alt


# --------------------------------------------------------------------------------------------------------- lines


def test_baselines_are_level_lines_with_their_values():
    shown = drawn("loss_curves")
    (ax,) = shown.fig.axes
    for name, level in {"next = now": 0.344, "linear": 0.251}.items():
        drawn_line = line(ax, f"{name}: {level}")
        assert list(drawn_line.get_ydata()) == [level, level] and drawn_line.get_linestyle() == "--"
        assert f"{name} {level}" in shown.alt
    assert legend(shown.fig) == ["train", "RNN", "validation", "next = now: 0.344", "linear: 0.251", "range of 3 seeds"]


def test_a_long_legend_takes_nothing_from_the_axes():
    heights = []
    for count in (1, 9):
        fig = plot.loss_curves({f"model {n}": [2.0, 1.0] for n in range(count)}).fig
        assert overhang(fig) < OVER  # and the figure is drawn
        heights.append(fig.axes[0].get_window_extent().height)
    assert heights[1] > 0.95 * heights[0]


def test_seeds_are_a_mean_line_and_a_band_from_the_lowest_to_the_highest():
    runs = data()["loss_curves"][0][0]["RNN"]
    (ax,) = drawn("loss_curves").fig.axes
    np.testing.assert_array_equal(line(ax, "RNN").get_ydata(), runs.mean(axis=0))
    (band,) = ax.collections
    points = band.get_paths()[0].vertices
    for x in (1, 17, N):
        at = points[points[:, 0] == x, 1]
        assert {at.min(), at.max()} == {runs[:, x - 1].min(), runs[:, x - 1].max()}


def test_a_curve_may_have_an_x_of_its_own():
    (ax,) = drawn("loss_curves").fig.axes
    assert list(line(ax, "validation").get_xdata()) == [10, 20, 40]
    assert list(line(ax, "train").get_xdata()) == list(range(1, N + 1))


def test_few_points_show_each_seed():
    (ax,) = drawn("accuracy_over_distance").fig.axes
    shares = data()["accuracy_over_distance"][0][1]["RNN"]
    dots = [dot.get_ydata() for dot in ax.lines if dot.get_marker() == "."]
    np.testing.assert_array_equal(dots, shares)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10", "20", "40", "80"]
    assert ax.get_xscale() == "log" and ax.get_ylim() == (-0.03, 1.03)
    assert ax.get_xticks(minor=True).size == 0  # their labels would stand among the distances


@pytest.mark.parametrize(
    ("x", "named"),
    [([1, 2, 3, 5], True), ([0.5, 1.5], False), ([1, 2, 4, 1000], False), (range(1, 20), False), ([7], True)],
)
def test_a_few_whole_numbers_are_named_on_the_axis_if_there_is_room(x, named):
    for y in (np.ones(len(x)), np.ones((2, len(x)))):
        (ax,) = plot.lines({"a": y, "b": y}, x=x, xlabel="x", ylabel="y").fig.axes
        assert (list(ax.get_xticks()) == list(x)) == named
    (ax,) = plot.lines({"a": y, "b": ([1, 9], [0, 1.0])}, x=x, xlabel="x", ylabel="y").fig.axes
    assert list(ax.get_xticks()) != list(x)


def test_a_family_has_one_colour_on_every_page_and_dashes_of_its_own():
    names = ["LSTM", "LSTM, chrono", "RNN", "GRU", "other", "signal"]
    (ax,) = plot.lines({name: range(20) for name in names}, xlabel="x", ylabel="y").fig.axes
    look = {name: line(ax, name) for name in names}
    for name, role in {"RNN": "state", "LSTM": "gate", "LSTM, chrono": "gate", "GRU": "context"}.items():
        assert look[name].get_color() == colours.ROLE[role]
    assert look["LSTM"].get_linestyle() != look["LSTM, chrono"].get_linestyle()
    assert look["other"].get_color() not in {look[name].get_color() for name in names if name != "other"}


def test_colour_is_never_all_that_tells_lines_apart():
    (ax,) = plot.lines({f"model{i}": range(20) for i in range(8)}, xlabel="x", ylabel="y").fig.axes
    looks = [(one.get_color(), one.get_marker(), one.get_linestyle()) for one in ax.lines]
    for (a, *without), (b, *others) in itertools.combinations(looks, 2):
        assert without != others and (a, without) != (b, others)


def test_gradients_have_the_colour_of_gradients():
    (ax,) = plot.gradient_norms(np.geomspace(1, 1e-6, 20)).fig.axes
    assert ax.lines[0].get_color() == colours.ROLE["gradient"] and ax.get_yscale() == "log"


def test_zeros_stand_at_the_foot_of_a_logarithmic_axis():
    shown = drawn("gradient_norms")
    (ax,) = shown.fig.axes
    zeros = line(ax, "exactly 0")
    assert np.isnan(line(ax, "RNN").get_ydata()).nonzero()[0].tolist() == [0, 1]  # the line does not fall to the foot
    assert list(zeros.get_xdata()) == [1, 2] and set(zeros.get_ydata()) == {ax.get_ylim()[0]}
    assert "RNN rises from exactly 0 at 1 to 1.0e+00 at 42" in shown.alt
    assert "exactly 0" not in drawn("loss_curves").alt


def test_parts_are_named_and_every_other_one_is_shaded():
    parts = {"train": (0, 5.5), "validation": (5.5, 7), "test": (7, 10)}
    shown = plot.lines([1.0, 2.0, 1.5], x=[0, 5, 10], xlabel="time (s)", ylabel="level (mV)", parts=parts)
    (ax,) = shown.fig.axes
    assert [(shade.get_x(), shade.get_width(), shade.get_alpha() > 0) for shade in ax.patches] == [
        (0, 5.5, False),
        (5.5, 1.5, True),
        (7, 3, False),
    ]
    assert [text.get_text() for text in ax.texts] == list(parts)
    assert "Parts: train from 0 to 5.5, validation from 5.5 to 7, test from 7 to 10." in shown.alt


def test_a_fixed_axis_stays():
    for log in ("", "y"):
        (ax,) = plot.lines([0, 1.0, 2.0], xlabel="x", ylabel="y", ylim=(0.1, 50), log=log).fig.axes
        assert ax.get_ylim() == (0.1, 50)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.linspace(3, 1, 30), "falls from 3.00 at 1 to 1.00 at 30."),
        (np.r_[np.linspace(3, 0.5, 20), np.linspace(0.5, 1, 10)], "falls from 3.00 at 1 to 1.00 at 30, lowest 0.50."),
        (np.r_[0, 5, np.ones(28)], "rises from 0.00 at 1 to 1.00 at 30, highest 5.00."),
        (np.r_[np.ones(29), np.nan], "rises from 1.00 at 1 to 1.00 at 29; not finite at 1 of 30 points."),
        (np.r_[np.ones(9) * 0.03, np.inf], "0.030 at 9; not finite at 1 of 10 points."),
        ([0.25, -0.001], "0.25 at 1, 0.00 at 2."),
    ],
)
def test_a_line_in_words(values, said):
    assert plot.lines({"loss": values}, xlabel="update", ylabel="loss").alt.endswith(said)


def test_the_spread_over_seeds_is_said_for_each_point_or_once():
    runs = np.linspace([0.0, 0.5], 1, 8).T  # two seeds, 0.5 apart at first
    few = plot.lines({"RNN": runs[:, ::7]}, xlabel="x", ylabel="y").alt
    assert "RNN, mean of 2 seeds: 0.25 (seeds 0.00 to 0.50) at 1, 1.00 (seeds 1.00 to 1.00) at 2." in few
    more = plot.lines({"RNN": runs}, xlabel="x", ylabel="y").alt
    assert "RNN, mean of 2 seeds, which differ by at most 0.50: 0.25 at 1, 0.36 at 2," in more
    many = plot.lines({"RNN": runs.repeat(5, axis=1)}, xlabel="x", ylabel="y").alt
    assert many.endswith("rises from 0.25 (seeds 0.00 to 0.50) at 1 to 1.00 (seeds 1.00 to 1.00) at 40.")


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ({}, {}, "no series was given"),
        ({"a": [[[1.0]]]}, {}, "must have shape"),
        ({"a": [1.0, 2.0]}, {"x": [1, 2, 3]}, r"got \(1, 2\) and \(3,\)"),
        ({"a": [np.nan, np.inf]}, {}, "a has no finite value"),
        ({"a": [1.0, -1.0]}, {"log": "y"}, "a has negative values"),
    ],
)
def test_lines_refuse(series, options, message):
    with pytest.raises(ValueError, match=message):
        plot.lines(series, xlabel="x", ylabel="y", **options)


def test_an_accuracy_is_a_share():
    with pytest.raises(ValueError, match=r"between 0 and 1, got 0\.5 to 97"):
        plot.accuracy_over_distance([1, 2], {"RNN": [97, 0.5]})


# --------------------------------------------------------------------------------------------------------- cells


def cells(shown):
    (mesh,) = (child for child in shown.fig.axes[0].collections if isinstance(child, QuadMesh))
    return mesh


def dark(rgb):
    """What the dark page makes of a colour: invert(0.93) hue-rotate(180deg)."""
    inverted = 0.93 - 0.86 * np.asarray(rgb)
    return np.clip(2 * (inverted @ LUMA)[..., None] - inverted, 0, 1)


def contrast(a, b):
    def light(rgb):
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_states_stand_upright_with_zero_in_the_middle_of_the_colours():
    shown = drawn("states")
    h, mesh = data()["states"][0][0], cells(shown)
    np.testing.assert_array_equal(mesh.get_array(), h.T)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-1, 1)
    ax, bar = shown.fig.axes
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list("abcdef")
    assert ax.yaxis_inverted() and bar.get_ylabel() == "state"


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_large_cells_carry_their_values_in_letters_that_can_be_read(scale):
    h = scale * np.linspace(-1, 1, 24).reshape(6, 4)
    shown = plot.states(h)
    mesh, texts = cells(shown), shown.fig.axes[0].texts
    assert [text.get_text() for text in texts] == [f"{value:.2f}".replace("-", "−") for value in h.T.ravel()]
    for text, value in zip(texts, h.T.ravel(), strict=True):
        ink, ground = np.array(to_rgb(text.get_color())), np.array(mesh.to_rgba(value)[:3])
        assert contrast(ink, ground) > READABLE and contrast(dark(ink), dark(ground)) > READABLE


def test_smaller_cells_carry_the_sign_of_the_negative_ones():
    h = np.random.default_rng(0).normal(size=(30, 5))
    assert [text.get_text() for text in plot.states(h).fig.axes[0].texts] == ["-"] * (h < 0).sum()


def test_very_many_cells_become_one_picture():
    few, many = (plot.states(np.random.default_rng(0).normal(size=(T, 8))).svg() for T in (20, 300))
    assert many.count(b"<image") == few.count(b"<image") + 1 and len(many) < 150_000  # the colour bar is one too


def test_what_is_not_there_is_not_zero():
    h = np.array([[0.0, 0.5], [np.nan, np.nan]])
    shown = plot.states(h)
    assert cells(shown).get_array().mask.tolist() == [[False, True], [False, True]]
    assert shown.fig.axes[0].patch.get_hatch()
    assert "2 of the 4 cells empty" in shown.alt and "unit 1: 0.00. unit 2: 0.50." in shown.alt


def test_values_without_a_sign_begin_at_white():
    mesh = cells(drawn("heat_map"))
    assert mesh.norm.vmin == 0 and to_hex(mesh.to_rgba(0.0)) == "#ffffff"


def test_every_row_is_said_where_they_are_few():
    shown = plot.heat_map([[1, 20], [3, 4]], rows=["cat", "dog"], xlabel="x", ylabel="y")
    assert shown.alt.endswith("from 1 to 20. cat: 1, 20. dog: 3, 4.")
    assert "y 4 from" in drawn("heat_map").alt and "y 1:" not in drawn("heat_map").alt


@pytest.mark.parametrize("colour_map", [style.signed_map(), *map(style.amount, colours.ROLE)], ids=lambda m: m.name)
def test_the_dark_page_leaves_zero_quiet_and_the_hue_as_it_was(colour_map):
    light = colour_map(np.linspace(0, 1, 41))[:, :3]
    shown = dark(light)
    halves = [shown[20:], shown[20::-1]] if colour_map is style.signed_map() else [shown]
    for half in halves:
        assert half[0] @ LUMA < 0.15  # zero is the ground
        assert (np.diff(half @ LUMA) > 0).all()  # and more is lighter
    strong = np.ptp(light, axis=1) > 0.2
    assert (light[strong].argmax(axis=1) == shown[strong].argmax(axis=1)).all()


def test_the_largest_weight_of_each_row_is_framed_and_said():
    alpha, source, target = data()["attention_map"][0]
    shown = drawn("attention_map")
    frames = [patch.get_xy() for patch in shown.fig.axes[0].patches if isinstance(patch, Rectangle)]
    assert frames == [(s, t) for t, s in enumerate(alpha.argmax(axis=1))]
    for t, s in enumerate(alpha.argmax(axis=1)):
        assert f"{target[t]} looks most at {source[s]} ({alpha[t, s]:.2f})" in shown.alt


def test_an_output_that_is_not_there_yet_looks_nowhere():
    alpha = np.array([[0.2, 0.8], [np.nan, np.nan]])
    assert plot.attention_map(alpha, "ab", "xy").alt.endswith("x looks most at b (0.80).")


def test_dollars_and_blanks_are_shown_as_they_are():
    shown = plot.states(np.zeros((3, 2)), "$ \n")
    assert [tick.get_text() for tick in shown.fig.axes[0].get_xticklabels()] == [r"\$", "␣", "↵"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.heat_map([1, 2], xlabel="x", ylabel="y"), r"got shape \(2,\)"),
        (lambda: plot.heat_map([[np.nan]], xlabel="x", ylabel="y"), "a finite value"),
        (lambda: plot.states(np.zeros((3, 2)), "ab"), "3 columns, but 2 names"),
        (lambda: plot.attention_map([[0.5, 0.4]], "ab", "x"), "row 0 of alpha sums to 0.9"),
        (lambda: plot.attention_map([[1.5, -0.5]], "ab", "x"), "weights are positive"),
        (lambda: plot.attention_map([[0.5, 0.5]], "ab", "xy"), "1 rows, but 2 names"),
        (lambda: plot.gates_over_text("abc", {"f": [0.1, 0.2]}), "one value for each of 3 characters"),
        (lambda: plot.gates_over_text("ab", {"f": [0.1, 1.2]}), "outside 0 to 1"),
        (lambda: plot.gates_over_text("ab", {}), "at least one gate"),
        (lambda: plot.ratio_bars(["a"], [0.0]), "positive numbers"),
        (lambda: plot.ratio_bars(["a", "b"], {"RNN": [1.0]}), "RNN must be positive numbers, one for each of 2 cases"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------ gates and bars


def test_a_gate_is_as_high_as_it_is_open_and_lines_end_with_words():
    text, gates = "a cat sat down", {"f": np.linspace(0.1, 0.9, 14), "i": np.linspace(1, 0, 14)}
    fig = plot.gates_over_text(text, gates, width=7).fig
    assert ["".join(tick.get_text() for tick in ax.get_xticklabels()) for ax in fig.axes] == ["a␣cat␣", "sat␣", "down"]
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()] == ["i", "f"]  # from below
    heights = [[bar.get_height() for bar in bars] for bars in fig.axes[0].containers]
    np.testing.assert_allclose(heights, [gates["i"][:6], gates["f"][:6]])
    assert {to_hex(bar.get_facecolor()) for bar in fig.axes[0].containers[0]} == {colours.ROLE["gate"]}


def test_a_word_longer_than_a_line_is_cut():
    fig = plot.gates_over_text("abcdefgh", {"f": np.full(8, 0.5)}, width=3).fig
    assert [len(ax.get_xticklabels()) for ax in fig.axes] == [3, 3, 2]


def test_bars_begin_at_one_and_carry_their_ratio():
    shown = plot.ratio_bars(["a", "b"], {"RNN": [2.0, 0.5], "LSTM": [[1.0, 1.5, 3.0], [0.8, 0.9, 4.0]]})
    (ax,) = shown.fig.axes
    ends = [[(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars] for bars in ax.containers[:2]]
    assert np.sort(ends).tolist() == [[[1, 2], [0.5, 1]], [[1, 1.5], [0.9, 1]]]
    assert [text.get_text() for text in ax.texts] == ["2.00", "0.50", "1.50", "0.90"]
    assert ax.get_xscale() == "log" and legend(shown.fig) == ["RNN", "LSTM"]
    assert len({bars[0].get_hatch() for bars in ax.containers[:2]}) == 2
    assert shown.alt.endswith("a: RNN 2.00, LSTM 1.50. b: RNN 0.50, LSTM 0.90.")
    (whiskers,) = (lines for lines in ax.collections if len(lines.get_segments()) == 2)
    assert [segment[:, 0].tolist() for segment in whiskers.get_segments()] == [[1.0, 3.0], [0.8, 4.0]]


# --------------------------------------------------------------------------------------------------- in notebooks


def test_a_notebook_shows_a_plot_once_with_its_text(tmp_path):
    path = tmp_path / "page.ipynb"
    cells = [
        "from course_rnn import plot\nplot.lines([1.0, 2.0], xlabel='x', ylabel='y')",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nplot.Plot(fig, 'Axes with nothing in them.')",
    ]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A page"), *map(new_code_cell, cells)]), path)
    notebooks.run(path)
    _, ours, own = nbformat.read(path, as_version=4).cells
    assert ours.metadata.mystnb.image.alt == "Lines of y against x. y: 1.00 at 1, 2.00 at 2."
    assert own.metadata.mystnb.image.alt == "Axes with nothing in them."
    for cell in (ours, own):
        (output,) = cell.outputs
        assert output.data["image/svg+xml"].startswith("<?xml") and "\n" not in output.data["image/svg+xml"]


def test_the_gallery_shows_every_diagram_and_every_plot():
    pages = [nbformat.read(path, as_version=4) for path in (ROOT / "book").glob("gallery*.ipynb")]
    outputs = [output for page in pages for cell in page.cells for output in cell.get("outputs", [])]
    said = {output.data["text/plain"] for output in outputs if "image/svg+xml" in output.get("data", {})}
    assert {repr(entry.draw()) for entry in diagrams.GALLERY.values()} <= said
    source = json.dumps([cell.source for page in pages for cell in page.cells])
    assert [name for name in PLOTS if f"plot.{name}(" not in source] == []


# --------------------------------------------------------------------------------------------------- chains and texts


def test_a_gradient_fades_along_the_chain():
    picture = plot.fading({"RNN": np.array([0.0, 1e-2, 1.0]), "LSTM": np.array([1.0, 1.0, 1.0])})
    (ax,) = picture.fig.axes
    shades = [patch.get_facecolor()[:3] for patch in ax.patches if hasattr(patch, "radius")]
    dark = [1 - np.mean(shade) for shade in shades]
    assert dark[0] < dark[1] < dark[2] and dark[2] == dark[3] == dark[4] == dark[5]
    assert "RNN: 1 at step 3, 1e-02 at step 2, 0e+00 at step 1" in picture.alt


@pytest.mark.parametrize(
    "norms", [{}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": [-1.0]}, {"a": [np.nan]}, {"a": [[1.0]]}], ids=str
)
def test_norms_that_cannot_be_drawn_are_refused(norms):
    with pytest.raises(ValueError, match="norm"):
        plot.fading(norms)


def test_letters_are_as_dark_as_what_they_are_worth():
    picture = plot.reached("abcd", {"RNN": [0.0, 0.0, 1.0, 2.0], "LSTM": [1.0, 1.0, 1.0, 1.0]})
    assert 'RNN: most at "d" (character 4, 2), half of all in the last 1 characters' in picture.alt
    assert 'LSTM: most at "a" (character 1, 1), half of all in the last 2 characters' in picture.alt


@pytest.mark.parametrize(
    ("text", "weights"), [("", {"a": []}), ("ab", {}), ("ab", {"a": [1.0]}), ("ab", {"a": [0, 0]}), ("a", {"a": [-1]})]
)
def test_a_text_that_cannot_be_coloured_is_refused(text, weights):
    with pytest.raises(ValueError, match=r"nothing to draw|at least 0"):
        plot.reached(text, weights)


# --------------------------------------------------------------------------------------------------- tables


def test_a_table_says_the_same_as_markdown_and_as_text():
    made = plot.table(
        {"RNN": [1200, 0.125, True], "a | b": [7, None, "none"]}, ["n", "share", "ok"], head="cell", digits=2
    )
    assert made._repr_markdown_() == (
        "| cell | n | share | ok |\n| --- | --: | --: | --: |\n| RNN | 1,200 | 0.12 | yes |\n| a ∣ b | 7 |  | none |"
    )
    assert repr(made).splitlines() == [
        "cell         n    share      ok",
        "RNN      1,200     0.12     yes",
        "a | b        7             none",
    ]


@pytest.mark.parametrize(("rows", "columns"), [({}, ["a"]), ({"x": [1, 2]}, ["a"])])
def test_a_table_that_does_not_fit_is_refused(rows, columns):
    with pytest.raises(ValueError, match=r"at least one row|2 values for 1 columns"):
        plot.table(rows, columns)
