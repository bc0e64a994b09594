"""What the diagrams claim, against the equations; how they are drawn, against what a reader can see."""

import hashlib
import inspect
import itertools
import json
import subprocess
import sys
from functools import partial
from math import dist

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.patches import PathPatch
from matplotlib.text import Text

from course_rnn import colours, diagrams
from course_rnn.diagrams import GALLERY
from course_rnn.diagrams.draw import HEAD, UNIT, Diagram, count, sym

SLACK = 0.01  # units of half an inch: two things that touch are not on top of each other
CLEAR = 0.05  # units between letters and a line
PAGE = 735  # pixels: the width of the page's text column, and a little
LETTERS = 16  # pixels: capitals of this size are at least 11 pixels high

FIGURES = [
    *("S0 " + f for f in ["batch to layer", "FF layer", "cat/dog order", "video frames"]),
    *("S0 RNN " + f for f in ["step 1", "step 2", "step 3", "whole vertical"]),
    *("S0 " + f for f in ["horizontal with theta boxes", "folded", "expanded recursion"]),
    *("S0 " + f for f in ["final state to regression", "final to softmax", "per-step heads", "per-step heads folded"]),
    *("S0 " + f for f in ["2-layer unrolled", "2-layer folded"]),
    *("S0 BiRNN " + f for f in ["forward", "backward", "combine-final", "combine-per-step"]),
    "S0 encoder-decoder with red and dotted curves",
    *("S1 " + f for f in ["MLP DAG", "dynamical system cyclic", "dynamical system unfolded"]),
    *("S1 " + f for f in ["dynamical system with input", "hidden-layer circuit with delay"]),
    *("S1 " + f for f in ["hidden-layer circuit unfolded", "forward prop with o, y-hat, L, y"]),
    *("S1 " + f for f in ["vector to sequence", "seq2seq", "BiRNN", "stacked"]),
    *("S2 " + f for f in ["multi-layer FNN", "RNN", "equation on the computational graph", "unfolded RNN"]),
    *("S3 " + f for f in ["four applications", "windowing", "five modes"]),
    *("S3 loop vs unrolled, " + f for f in ["states only", "with outputs"]),
    *("S3 " + f for f in ["vanilla module", "backprop over the chain", "classification net", "generation net"]),
    *("S3 " + f for f in ["LSTM cell", "GRU cell", "deep", "bidirectional"]),
    "S4 Fig. 1 folded/unfolded with U, W, V",
]

OTHER_SIZES = {
    f"{draw.__name__}{tuple(sizes.values())}": partial(draw, **sizes)
    for draw, several in {
        diagrams.unrolled_rnn: [{"steps": 1}, {"steps": 12}, {"weights": ("W_{ih}", "W_{hh}", "W_{ho}")}],
        diagrams.rnn_steps: [{"first": 4, "last": 5}],
        diagrams.unrolled_module: [{"steps": 1}, {"steps": 5, "outputs": True}],
        diagrams.folded_module: [{"outputs": True}, {"inputs": False}],
        diagrams.loop_and_unrolled: [{"steps": 1}],
        diagrams.expanded_recursion: [{"steps": 1}, {"steps": 5}],
        diagrams.dynamical_system: [{"steps": 1}, {"folded": True, "inputs": True}],
        diagrams.delay_circuit: [{"steps": 1}],
        diagrams.forward_propagation: [{"steps": 1}, {"steps": 5}],
        diagrams.recurrent_network: [{"inputs": 1, "hidden": 1, "outputs": 1}, {"hidden": 6, "outputs": 5}],
        diagrams.output_recurrence: [{"steps": 1}, {"steps": 5}],
        diagrams.batch_to_layer: [{"batch": 1}, {"batch": 12}],
        diagrams.feed_forward_layer: [{"inputs": 1, "outputs": 1}, {"inputs": 6, "outputs": 2}],
        diagrams.mlp_graph: [{"layers": 1}, {"layers": 5}],
        diagrams.batch_order: [{"samples": ("one",), "order": (0,)}],
        diagrams.video_frames: [{"frames": 1}, {"frames": 6}],
        diagrams.windowing: [{"size": 1}, {"size": 5}, {"tokens": "Hello world!", "size": 3, "next_token": True}],
        diagrams.five_modes: [{"steps": 2}, {"steps": 5}],
        diagrams.final_state_head: [{"steps": 1}, {"steps": 1, "head": "softmax", "classes": ("one",)}],
        diagrams.per_step_heads: [{"steps": 1, "depth": 3}, {"folded": True, "depth": 2}],
        diagrams.classification_net: [{"text": "Q", "classes": ("a", "b")}, {"text": "Gauthier"}],
        diagrams.generation_net: [{"text": "Q"}, {"text": "Gauthier"}],
        diagrams.vector_to_sequence: [{"steps": 1}, {"steps": 5}],
        diagrams.stacked_rnn: [{"steps": 1, "layers": 1}, {"steps": 2, "layers": 4}, {"layers": 3, "folded": True}],
        diagrams.bidirectional_rnn: [
            *({"steps": s, "show": show} for s in (1, 2, 5) for show in ("each", "final", "forward", "backward")),
            {"steps": 2, "show": "final", "layers": 2},
        ],
        diagrams.lstm_cell: [{"part": part} for part in ("forget", "write", "add", "show")],
        diagrams.recursive_network: [{"leaves": 2}, {"leaves": 3}, {"leaves": 7}],
        diagrams.encoder_decoder: [{"source": 1, "target": 1}, {"source": 5, "target": 2}],
        diagrams.encoder_decoder_context: [
            {"source": s, "target": t, "context": c}
            for s, t in ((1, 1), (2, 5))
            for c in ("init", "every_step", "both")
        ],
        diagrams.attention: [{"source": 1}, {"source": 2}, {"source": 6}],
        diagrams.backprop_chain: [{"steps": 1}, {"steps": 5}],
        diagrams.truncated_bptt: [{"steps": 1, "chunk": 2}, {"steps": 7, "chunk": 3}, {"steps": 3, "chunk": 1}],
    }.items()
    for sizes in several
}  # fmt: skip

DRAWN = {}


def drawn(name) -> Diagram:
    """The diagram of that name, drawn once."""
    if name not in DRAWN:
        DRAWN[name] = GALLERY[name].draw() if name in GALLERY else OTHER_SIZES[name]()
    return DRAWN[name]


every = pytest.mark.parametrize("name", [*GALLERY, *OTHER_SIZES])
# all but the one whose units are joined by slanted lines on purpose
orthogonal = pytest.mark.parametrize("name", [n for n in (*GALLERY, *OTHER_SIZES) if n != "feed_forward_network"])
in_gallery = pytest.mark.parametrize("name", GALLERY)


def feeds(d, target):
    """Who feeds the node ``target``, in alphabetical order."""
    return sorted(e.source for e in d.edges if e.target == target)


def pairs(d, **looks):
    """Source and target of the edges with these looks."""
    return [(e.source, e.target) for e in d.edges if all(getattr(e, k) == v for k, v in looks.items())]


# ------------------------------------------------------------------------------------------- what the diagrams claim


def test_every_figure_of_the_sources_is_in_the_gallery():
    assert {f for entry in GALLERY.values() for f in entry.figures} == set(FIGURES)


def test_every_public_function_is_in_the_gallery():
    functions = {f for n, f in vars(diagrams).items() if n in diagrams.__all__ and inspect.isfunction(f)}
    assert {getattr(entry.draw, "func", entry.draw) for entry in GALLERY.values()} == functions


@pytest.mark.parametrize("steps", [1, 4, 11])
def test_unrolled_rnn_repeats_the_same_weights(steps):
    d = diagrams.unrolled_rnn(steps)
    unfolded = [e for e in d.edges if e.source != "ht" and e.source != "xt"]
    assert pairs(d, label="$W_{ih}$") == [("xt", "ht"), *((f"x{t}", f"h{t}") for t in range(1, steps + 1))]
    assert pairs(d, label="$V$") == [("ht", "ot"), *((f"h{t}", f"o{t}") for t in range(1, steps + 1))]
    assert pairs(d, label="$W_{hh}$") == [("ht", "ht"), *((f"h{t}", f"h{t + 1}") for t in range(steps))]
    between_unfolded = [e for e in unfolded if e.source[0] == e.target[0] == "h" and e.source != "h0"]
    assert len(between_unfolded) == steps - 1
    assert len(unfolded) == 3 * steps


def test_one_step_adds_input_and_state_before_tanh():
    d = diagrams.rnn_steps(2, 4)
    for t in (2, 3, 4):
        assert feeds(d, f"wx{t}") == [f"x{t}"]
        assert feeds(d, f"wh{t}") == [f"h{t - 1}"]
        assert feeds(d, f"sum{t}") == [f"wh{t}", f"wx{t}"]
        assert feeds(d, f"tanh{t}") == [f"sum{t}"]
        assert feeds(d, f"h{t}") == [f"tanh{t}"]
    assert d.nodes["wh3"].label == "$W_{hh} h_{2} + b_{hh}$"


@pytest.mark.parametrize("outputs", [False, True])
def test_modules_hand_on_the_state(outputs):
    d = diagrams.unrolled_module(3, outputs=outputs)
    assert feeds(d, "f1") == ["h0", "x1"]
    assert feeds(d, "f3") == ["f2", "x3"]
    assert [e.target for e in d.edges if e.source == "f3"] == (["y3", "h3"] if outputs else ["h3"])
    loop = diagrams.folded_module(outputs=outputs)
    assert ("ft", "ft") in pairs(loop, label="$h_t$")
    assert ("yt" in loop.nodes) == outputs


def test_the_recursion_nests():
    d = diagrams.expanded_recursion(4)
    for t in range(2, 5):
        assert feeds(d, f"f{t}") == [f"f{t - 1}", f"x{t}"]
    assert feeds(d, "f1") == ["h0", "x1"]
    assert any(label.text == "$h_{2} = f_\\theta(f_\\theta(h_0, x_{1}), x_{2})$" for label in
               diagrams.expanded_recursion(2).labels)  # fmt: skip


@pytest.mark.parametrize("inputs", [False, True])
def test_a_dynamical_system_has_a_cycle_only_when_folded(inputs):
    folded = diagrams.dynamical_system(inputs=inputs, folded=True)
    unfolded = diagrams.dynamical_system(4, inputs=inputs)
    assert feeds(folded, "st") == ["st", "xt"][: 1 + inputs]
    assert [e[:2] for e in unfolded.edges if e.source[0] == "s"] == [("s1", "s2"), ("s2", "s3"), ("s3", "s4")]
    assert feeds(unfolded, "s3") == ["s2", "x3"][: 1 + inputs]


def test_the_circuit_returns_through_a_delay():
    d = diagrams.delay_circuit(3)
    assert feeds(d, "h") == ["delay", "x"]
    assert feeds(d, "delay") == ["h"]
    assert feeds(d, "h3") == ["h2", "x3"]


def test_forward_propagation_ends_in_a_loss_at_every_step():
    d = diagrams.forward_propagation(3)
    for t in (1, 2, 3):
        sources = {"h": [f"h{t - 1}", f"x{t}"], "o": [f"h{t}"], "p": [f"o{t}"], "L": [f"p{t}", f"y{t}"]}
        assert {name: feeds(d, f"{name}{t}") for name in sources} == sources


def test_only_the_hidden_layer_feeds_itself():
    d = diagrams.recurrent_network(3, 4, 2)
    assert [e[:3] for e in d.edges] == [("x", "h", "$W^{hx}$"), ("h", "h", "$W^{hh}$"), ("h", "y", "$W^{yh}$")]
    assert len(d.art) == 9


def test_output_recurrence_joins_no_state_to_the_next():
    d = diagrams.output_recurrence(4)
    assert not [e for e in d.edges if e.source[0] == e.target[0] == "h"]
    assert pairs(d, label="$W_{oh}$") == [(f"o{t - 1}", f"h{t}") for t in range(1, 5)]


def test_a_batch_does_not_mix():
    d = diagrams.batch_to_layer(5)
    assert pairs(d) == [p for i in range(1, 6) for p in ((f"x{i}", f"layer{i}"), (f"layer{i}", f"h{i}"))]


def test_a_shuffled_batch_gives_shuffled_outputs():
    d = diagrams.batch_order(("p", "q", "r", "s"), (3, 1, 0, 2))
    across = sorted((n.x, n.label) for n in d.nodes.values() if n.name.startswith("b_x"))
    above = sorted((n.x, n.label) for n in d.nodes.values() if n.name.startswith("b_h"))
    assert [label for _, label in across] == ["s", "q", "p", "r"]
    assert [label for _, label in above] == [f"$h$({s})" for s in "sqpr"]
    with pytest.raises(ValueError, match="permutation of 0 to 2"):
        diagrams.batch_order(order=(0, 0, 1))


def test_word_order_needs_equal_bags():
    d = diagrams.word_order()
    assert feeds(d, "first_h") == ["first4"] and feeds(d, "second_h") == ["second4"]
    with pytest.raises(ValueError, match="the same words"):
        diagrams.word_order(("a", "b"), ("a", "c"))


@pytest.mark.parametrize("sizes", [(3, 4, 4, 2), (1, 5), (2, 1, 3)])
def test_neighbouring_layers_are_fully_connected(sizes):
    d = diagrams.feed_forward_network(sizes)
    assert len(d.edges) == sum(a * b for a, b in itertools.pairwise(sizes))
    assert {(e.source.split("_")[0], e.target.split("_")[0]) for e in d.edges} == {
        (f"u{k}", f"u{k + 1}") for k in range(len(sizes) - 1)
    }


def test_a_layer_is_multiply_add_tanh():
    d = diagrams.feed_forward_layer(3, 4)
    assert [feeds(d, n) for n in ("W", "add", "tanh", "h")] == [["x"], ["W", "b"], ["add"], ["tanh"]]
    assert any("4\\!\\times\\!3" in label.text for label in d.labels)


def test_windows_of_words():
    d = diagrams.windowing()
    windows = [[d.nodes[f"w{j}_1"].label, d.nodes[f"w{j}"].label] for j in range(1, 5)]
    assert windows == [["This", "is"], ["is", "a"], ["a", "great"], ["great", "movie"]]
    assert [d.nodes[f"y{j}"].label for j in range(1, 5)] == ["+1"] * 4 and "y5" not in d.nodes
    assert feeds(d, "p2") == ["f2", "y2"]


def test_windows_of_characters():
    d = diagrams.windowing("Hello world!", 3, next_token=True)
    seen = ["".join(d.nodes[n.format(j)].label for n in ("w{}_1", "w{}_2", "w{}", "y{}")) for j in range(1, 13)]
    assert seen[:5] == ["###H", "##He", "#Hel", "Hell", "ello"]
    assert seen[-1] == "rld!" and "f13" not in d.nodes
    assert "f6" not in diagrams.windowing("Hello world!", 3, next_token=True, shown=5).nodes


@pytest.mark.parametrize("steps", [2, 3])
def test_five_modes(steps):
    d = diagrams.five_modes(steps)
    shape = {k: tuple(sum(n.startswith(f"{k}_{b}") for n in d.nodes) for b in "xhy") for k in range(1, 6)}
    assert shape == {
        1: (1, 1, 1),
        2: (1, steps, steps),
        3: (steps, steps, 1),
        4: (steps, 2 * steps - 1, steps),
        5: (steps, steps, steps),
    }
    assert feeds(d, f"3_y{steps}") == [f"3_h{steps}"]
    assert feeds(d, f"4_y{steps}") == [f"4_h{steps}"]  # the first output comes after the last input
    assert not [e for e in d.edges if e.source[0] != e.target[0]]


@pytest.mark.parametrize("head", ["regression", "softmax"])
def test_only_the_last_state_reaches_the_head(head):
    d = diagrams.final_state_head(5, head=head)
    assert feeds(d, "head") == ["h5"]
    outputs = {"regression": ["y"], "softmax": ["p1", "p2", "p3"]}[head]
    assert [e.target for e in d.edges if e.source == "head"] == outputs
    with pytest.raises(ValueError, match="head must be"):
        diagrams.final_state_head(head="other")


def test_every_state_has_the_same_head():
    d = diagrams.per_step_heads(3, depth=2)
    for t in (1, 2, 3):
        assert [feeds(d, n) for n in (f"head{t}_1", f"head{t}_2", f"y{t}")] == [
            [f"h{t}"],
            [f"head{t}_1"],
            [f"head{t}_2"],
        ]
    assert len({d.nodes[f"head{t}_1"].label for t in (1, 2, 3)}) == 1
    assert feeds(diagrams.per_step_heads(folded=True), "ht") == ["ht", "xt"]


def test_a_name_is_classified_by_its_last_state():
    d = diagrams.classification_net("Jo", ("a", "b"))
    assert feeds(d, "linear") == ["h2"] and feeds(d, "p2") == ["softmax"]
    assert [d.nodes[f"c{t}"].label for t in (1, 2)] == ["J", "o"]


def test_generated_letters_return_as_inputs():
    d = diagrams.generation_net("Jo")
    assert [d.nodes[f"x{t}"].label for t in (1, 2, 3)] == ["BOS", "J", "o"]
    assert [d.nodes[f"y{t}"].label for t in (1, 2, 3)] == ["J", "o", "EOS"]
    assert pairs(d, role="feedback") == [("y1", "x2"), ("y2", "x3")]


def test_the_vector_reaches_every_step():
    d = diagrams.vector_to_sequence(4)
    assert pairs(d, label="$R$") == [("x", f"h{t}") for t in range(1, 5)]
    assert pairs(d, label="$W_{ih}$", role="feedback") == [(f"y{t - 1}", f"h{t}") for t in range(1, 5)]
    assert feeds(d, "h2") == ["h1", "x", "y1"]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_each_layer_reads_the_one_below(layers):
    d = diagrams.stacked_rnn(3, layers)
    for k in range(1, layers + 1):
        below = "x2" if k == 1 else f"h{k - 1}_2"
        assert (below, f"h{k}_2") in pairs(d, label=f"$W_{{ih}}^{{({k})}}$")
        assert pairs(d, label=f"$W_{{hh}}^{{({k})}}$") == [(f"h{k}_1", f"h{k}_2"), (f"h{k}_2", f"h{k}_3")]
    assert feeds(d, "y2") == [f"h{layers}_2"]
    folded = diagrams.stacked_rnn(layers=layers, folded=True)
    assert [e.source for e in folded.edges if e.source == e.target] == [f"h{k}_t" for k in range(1, layers + 1)]


def test_a_bidirectional_net_has_two_chains():
    d = diagrams.bidirectional_rnn(4)
    forward, backward = ([e for e in d.edges if e.source[0] == e.target[0] == name] for name in "fb")
    assert [e[:2] for e in forward] == [("f1", "f2"), ("f2", "f3"), ("f3", "f4")]
    assert [e[:2] for e in backward] == [("b2", "b1"), ("b3", "b2"), ("b4", "b3")]
    assert len({e.label for e in forward}) == len({e.label for e in backward}) == 1
    assert forward[0].label != backward[0].label
    for t in range(1, 5):
        assert feeds(d, f"y{t}") == [f"b{t}", f"f{t}"]
        assert {e.target for e in d.edges if e.source == f"x{t}"} == {f"f{t}", f"b{t}"}


def test_one_direction_alone():
    forward, backward = (diagrams.bidirectional_rnn(3, show=s) for s in ("forward", "backward"))
    assert [e[:2] for e in forward.edges if e.source[0] == "f"] == [("f1", "f2"), ("f2", "f3")]
    assert [e[:2] for e in backward.edges if e.source[0] == "b"] == [("b2", "b1"), ("b3", "b2")]
    with pytest.raises(ValueError, match="layers must be 1"):
        diagrams.bidirectional_rnn(show="forward", layers=2)
    with pytest.raises(ValueError, match="show must be"):
        diagrams.bidirectional_rnn(show="both")


def test_the_final_states_are_at_opposite_ends():
    assert feeds(diagrams.bidirectional_rnn(4, show="final"), "y") == ["b1", "f4"]


def test_a_second_bidirectional_layer_reads_both_directions():
    d = diagrams.bidirectional_rnn(2, layers=2)
    assert feeds(d, "y1_2") == ["b1_2", "f1_2"]
    assert feeds(d, "f2_2") == ["f2_1", "y1_2"] and feeds(d, "b2_1") == ["b2_2", "y1_1"]
    assert feeds(d, "y1") == ["b2_1", "f2_1"]


@pytest.mark.parametrize("leaves", [2, 5, 8])
def test_a_tree_of_n_leaves_has_n_minus_1_joints(leaves):
    d = diagrams.recursive_network(leaves)
    joints = [n for n in d.nodes if n.startswith("f")]
    assert len(joints) == leaves - 1 and all(len(feeds(d, joint)) == 2 for joint in joints)


def test_the_decoder_is_fed_its_outputs_in_red_and_its_state_dotted():
    d = diagrams.encoder_decoder(3, 4)
    assert pairs(d, role="feedback") == [("y0", "s1"), ("y1", "s2"), ("y2", "s3"), ("y3", "s4")]
    assert pairs(d, style=":") == [("h3", "s1"), ("s1", "s2"), ("s2", "s3"), ("s3", "s4")]
    assert colours.ROLE["feedback"] == colours.ROLE["gradient"]
    assert d.nodes["y0"].label == "BOS" and d.nodes["y4"].label == "EOS"
    assert not [e for e in d.edges if e.source[0] == "h" and e.target[0] == "y"]  # the encoder gives no output


def test_teacher_forcing_feeds_the_target():
    d = diagrams.encoder_decoder(2, 3, teacher_forcing=True)
    assert not pairs(d, role="feedback")
    assert [feeds(d, f"s{t}") for t in (1, 2, 3)] == [["h2", "t0"], ["s1", "t1"], ["s2", "t2"]]
    assert [d.nodes[f"t{t}"].label for t in range(3)] == ["BOS", "$y_{1}$", "$y_{2}$"]


@pytest.mark.parametrize("context", ["init", "every_step", "both"])
def test_the_context_stays_the_same(context):
    d = diagrams.encoder_decoder_context(2, 4, context=context)
    reached = [e.target for e in d.edges if e.source == "c"]
    assert reached == ["s0"] * (context != "every_step") + [f"s{t}" for t in range(1, 5)] * (context != "init")
    assert feeds(d, "c") == ["h2"]
    with pytest.raises(ValueError, match="context must be"):
        diagrams.encoder_decoder_context(context="none")


def test_attention_weighs_every_encoder_state():
    d = diagrams.attention(3)
    assert [feeds(d, f"alpha{j}") for j in (1, 2, 3)] == [["h1", "s"], ["h2", "s"], ["h3", "s"]]
    assert feeds(d, "c") == ["alpha1", "alpha2", "alpha3"]
    # as in course_rnn.numpy.seq2seq.Decoder: the new state asks, and the mixture goes to the output alone
    assert feeds(d, "s") == ["s_prev", "y_prev"] and feeds(d, "y") == ["c", "s"]


def test_gradients_run_against_the_states_and_add_up():
    d = diagrams.backprop_chain(3)
    backwards = pairs(d, role="gradient")
    assert [p for p in backwards if p[1] != "theta"] == [("f2", "f1"), ("f3", "f2"), ("L", "f3")]
    assert feeds(d, "theta") == ["f1", "f2", "f3"]
    assert pairs(d, role="neutral") == [("h0", "f1"), ("f1", "f2"), ("f2", "f3"), ("f3", "L")]


def test_truncation_stops_the_gradient_and_not_the_state():
    d = diagrams.truncated_bptt(5, 2)
    assert pairs(d, role="gradient") == [("h2", "h1"), ("h4", "h3")]
    assert [p for p in pairs(d, role="neutral") if p[0][0] == "h"] == [(f"h{t}", f"h{t + 1}") for t in range(1, 5)]
    assert len(d.panels) == 3


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("forget", {"f", "mul_f", "c"}),
        ("write", {"i", "g", "mul_i"}),
        ("add", {"add", "c_next"}),
        ("show", {"o", "h_next"}),
    ],
)
def test_one_part_of_an_lstm_stands_out(part, shown):
    d = diagrams.lstm_cell(part)
    assert shown <= d.bright <= d.nodes.keys()
    faint = {text.get_alpha() for text in d.fig.findobj(match=lambda artist: hasattr(artist, "get_fontsize"))}
    assert faint == {1.0, 0.22}
    assert (d.edges == diagrams.lstm_cell().edges and part != "add") or "added" in d.alt


def test_a_part_that_an_lstm_has_not_is_refused():
    with pytest.raises(ValueError, match="part must be one of forget, write, add, show"):
        diagrams.lstm_cell("peep")


def test_lstm_equations():
    d = diagrams.lstm_cell()
    assert feeds(d, "join") == ["h", "x"]
    assert all(feeds(d, gate) == ["join"] for gate in "figo")
    assert feeds(d, "mul_f") == ["c", "f"] and feeds(d, "mul_i") == ["g", "i"]
    assert feeds(d, "add") == ["mul_f", "mul_i"]  # c' = f c + i g
    assert feeds(d, "c_next") == ["add"] and feeds(d, "tanh") == ["add"]
    assert feeds(d, "mul_o") == ["o", "tanh"] and feeds(d, "h_next") == ["mul_o"]  # h' = o tanh(c')
    assert {n: d.nodes[n].label for n in "figo"} == {"f": r"$\sigma$", "i": r"$\sigma$", "g": "tanh", "o": r"$\sigma$"}
    assert {d.nodes[n].role for n in "fio"} == {"gate"}


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_equations(reset_after):
    d = diagrams.gru_cell(reset_after=reset_after)
    assert feeds(d, "join") == ["h", "x"] and feeds(d, "r") == feeds(d, "z") == ["join"]
    if reset_after:  # r * (W_hn h)
        assert feeds(d, "w_hn") == ["h"] and feeds(d, "mul_r") == ["r", "w_hn"]
        assert feeds(d, "add_n") == ["mul_r", "w_in"]
    else:  # W_hn (r * h)
        assert feeds(d, "mul_r") == ["h", "r"] and feeds(d, "w_hn") == ["mul_r"]
        assert feeds(d, "add_n") == ["w_hn", "w_in"]
    assert feeds(d, "w_in") == ["x"] and feeds(d, "n") == ["add_n"]
    assert feeds(d, "keep") == ["h", "z"] and feeds(d, "one_minus") == ["z"]  # z keeps, as in torch
    assert feeds(d, "write") == ["n", "one_minus"] and feeds(d, "add") == ["keep", "write"]
    assert feeds(d, "h_next") == ["add"]


def test_vanilla_module_equations():
    d = diagrams.vanilla_module()
    assert feeds(d, "add_h") == ["bh", "wh", "wx"] and feeds(d, "wh") == ["h"] and feeds(d, "wx") == ["x"]
    assert feeds(d, "h_next") == ["tanh"] and feeds(d, "wy") == ["tanh"] and feeds(d, "add_y") == ["by", "wy"]


def test_the_equation_on_its_graph():
    d = diagrams.computational_graph()
    assert feeds(d, "add_h") == ["bh", "mul_h", "mul_x"]
    assert feeds(d, "mul_h") == ["h", "whh"] and feeds(d, "mul_x") == ["whx", "x"]
    assert feeds(d, "mul_y") == ["h_next", "wyh"] and feeds(d, "y") == ["softmax"] and feeds(d, "h_next") == ["sigma"]


def test_a_film_is_a_chain_and_a_use_is_a_row():
    assert pairs(diagrams.video_frames(3)) == [("frame1", "frame2"), ("frame2", "frame3"), ("frame3", "next")]
    assert pairs(diagrams.applications([("n", "in", "out")])) == [("in1", "rnn1"), ("rnn1", "out1")]
    assert pairs(diagrams.mlp_graph(2), label="$h_{1}$") == [("f1", "f2")]


# ----------------------------------------------------------------------------------------------- sizes and words


def sizes_of(function):
    return [n for n, p in inspect.signature(function).parameters.items() if type(p.default) is int]


@pytest.mark.parametrize(
    ("function", "size"), [(e, s) for e in vars(diagrams).values() if inspect.isfunction(e) for s in sizes_of(e)]
)
def test_a_size_that_cannot_be_drawn_is_refused_in_one_sentence(function, size):
    with pytest.raises(ValueError, match=r"^[a-z_]+ must be at least \d+, got -?\d+$"):
        function(**{size: 0})
    with pytest.raises(TypeError, match="must be a whole number"):
        function(**{size: 2.5})


def test_empty_collections_are_refused():
    for call in (
        lambda: diagrams.feed_forward_network((3,)),
        lambda: diagrams.feed_forward_network((3, 0)),
        lambda: diagrams.batch_order((), ()),
        lambda: diagrams.word_order((), ()),
        lambda: diagrams.applications(()),
        lambda: diagrams.windowing(("a",), 2),
        lambda: diagrams.windowing(shown=0),
        lambda: diagrams.final_state_head(head="softmax", classes=()),
        lambda: diagrams.classification_net(""),
        lambda: diagrams.generation_net(""),
    ):
        with pytest.raises(ValueError, match="must be at least"):
            call()


def test_alt_texts_are_unique_and_short():
    texts = [drawn(name).alt for name in GALLERY]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert 60 < len(text) < 520 and text.endswith(".") and "$" not in text and "\\" not in text, text


@pytest.mark.parametrize("function", [f for f in vars(diagrams).values() if inspect.isfunction(f)])
def test_alt_text_names_the_sizes(function):
    for size in sizes_of(function):
        usual = inspect.signature(function).parameters[size].default
        both = [function(**{size: n, **({"last": n + 1} if size == "first" else {})}).alt for n in (usual, usual + 3)]
        assert both[0] != both[1], size
        assert str(usual + 3) in both[1], size


def test_small_helpers():
    assert (count(1, "step"), count(4, "copy"), count(2, "class")) == ("1 step", "4 copies", "2 classes")
    assert (sym("h", 10), sym("x", above="(2)"), sym("h", "t-1")) == ("$h_{10}$", "$x^{(2)}$", "$h_{t-1}$")
    with pytest.raises(ValueError, match="already has a node 'a'"):
        d = Diagram("twice")
        d.box("a", 0, 0, "a")
        d.box("a", 2, 0, "a")


# ---------------------------------------------------------------------------------------------- files and notebooks


@in_gallery
def test_same_arguments_same_bytes(name):
    assert GALLERY[name].draw().svg() == drawn(name).svg()


def test_bytes_do_not_depend_on_the_process_or_the_page():
    """Another process with another hash seed, and a page with wild settings, write the same file."""
    code = (
        "import hashlib, json, matplotlib as mpl\n"
        "mpl.rcParams.update({'font.size': 30, 'savefig.bbox': 'tight', 'mathtext.fontset': 'stix',"
        " 'lines.linewidth': 9, 'savefig.dpi': 33, 'svg.fonttype': 'none', 'svg.hashsalt': 'x'})\n"
        "before = dict(mpl.rcParams)\n"
        "from course_rnn import diagrams as d\n"
        "print(json.dumps([hashlib.sha256(d.GALLERY[n].draw().svg()).hexdigest()"
        " for n in ('lstm_cell', 'unrolled_rnn', 'birnn_final')]))\n"
        "assert dict(mpl.rcParams) == before\n"
        "import sys; plt = sys.modules.get('matplotlib.pyplot'); assert plt is None or not plt.get_fignums()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": "7"})
    assert ran.returncode == 0, ran.stderr
    here = [hashlib.sha256(drawn(n).svg()).hexdigest() for n in ("lstm_cell", "unrolled_rnn", "birnn_final")]
    assert json.loads(ran.stdout) == here


def test_settings_of_the_page_stay():
    with matplotlib.rc_context({"font.size": 31}):
        before = dict(matplotlib.rcParams)
        diagrams.unrolled_rnn(2).svg()
        assert dict(matplotlib.rcParams) == before


def test_a_notebook_shows_svg_and_words():
    d = drawn("lstm_cell")
    format_display_data = pytest.importorskip("IPython.core.formatters").DisplayFormatter().format
    data, _ = format_display_data(d)
    assert data["image/svg+xml"].encode() == d.svg()
    assert data["text/plain"] == f"Diagram: {d.alt}"
    assert b"<title>" in d.svg() and b"<dc:date>" not in d.svg()


@in_gallery
def test_a_file_is_small(name):
    assert len(drawn(name).svg()) < 60_000


# --------------------------------------------------------------------------------------------------- what can be seen


def rectangle(node, grow=0.0):
    a, b = node.w / 2 + grow, node.h / 2 + grow
    return node.x - a, node.y - b, node.x + a, node.y + b


def grown(box, by):
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > SLACK and min(a[3], b[3]) - max(a[1], b[1]) > SLACK


def crosses_rectangle(p, q, box):
    """Does the stretch from p to q enter the inside of the box? (Liang and Barsky)"""
    start, end = 0.0, 1.0
    for axis in (0, 1):
        low, high, step = box[axis] + SLACK, box[axis + 2] - SLACK, q[axis] - p[axis]
        if abs(step) < 1e-12:
            if not low < p[axis] < high:
                return False
            continue
        a, b = sorted(((low - p[axis]) / step, (high - p[axis]) / step))
        start, end = max(start, a), min(end, b)
    return start < end


def crosses_circle(p, q, node):
    p, q, c = np.array(p), np.array(q), np.array([node.x, node.y])
    t = np.clip((c - p) @ (q - p) / ((q - p) @ (q - p)), 0, 1)
    return np.linalg.norm(p + t * (q - p) - c) < node.w / 2 - SLACK


def crosses_node(p, q, node):
    return crosses_circle(p, q, node) if node.shape == "circle" else crosses_rectangle(p, q, rectangle(node))


def seen_labels(d):
    """Each label with the rectangle that matplotlib's renderer gives its letters, in units."""
    texts = [artist for artist in d.fig.artists if isinstance(artist, Text)]
    renderer = RendererAgg(10, 10, d.fig.dpi)
    back = d.to_fig.inverted()
    for label, text in zip(d.labels, texts, strict=True):
        assert text.get_text() == label.text
        width, height, descent = renderer.get_text_width_height_descent(
            label.text, text.get_fontproperties(), "$" in label.text
        )
        x, y = text.get_transform().transform((label.x, label.baseline))
        x -= {"left": 0, "center": width / 2, "right": width}[label.ha]
        yield label, tuple(back.transform([(x, y - descent), (x + width, y + height - descent)]).ravel())


@every
def test_everything_is_on_the_canvas(name):
    d = drawn(name)
    width, height = (72 / UNIT * v for v in d.fig.get_size_inches())
    x0, y0 = d.to_fig.inverted().transform((0, 0))
    boxes = [rectangle(n) for n in d.nodes.values()] + d.panels + [box for _, box in seen_labels(d)]
    boxes += [(x, y, x, y) for w in d.wires for x, y in w.points]
    for box in boxes:
        assert x0 < box[0] and y0 < box[1] and box[2] < x0 + width and box[3] < y0 + height


@every
def test_boxes_do_not_overlap(name):
    for a, b in itertools.combinations(drawn(name).nodes.values(), 2):
        assert not overlap(rectangle(a), rectangle(b)), (a.name, b.name)


@every
def test_no_arrow_runs_through_a_box(name):
    d = drawn(name)
    for wire in d.wires:
        for p, q in itertools.pairwise(wire.points):
            for node in d.nodes.values():
                if node.shape != "dot":
                    assert not crosses_node(p, q, node), (wire.edge, node.name)


@every
def test_an_arrow_begins_and_ends_on_the_outline(name):
    d = drawn(name)
    for wire in d.wires:
        for end, node in ((wire.points[0], d.nodes[wire.edge.source]), (wire.points[-1], d.nodes[wire.edge.target])):
            if node.shape in ("circle", "dot"):
                assert abs(dist(end, (node.x, node.y)) - node.w / 2) < SLACK, wire.edge
            else:
                inside, outside = rectangle(node, -SLACK), rectangle(node, SLACK)
                assert outside[0] < end[0] < outside[2] and outside[1] < end[1] < outside[3], wire.edge
                assert not (inside[0] < end[0] < inside[2] and inside[1] < end[1] < inside[3]), wire.edge
        assert dist(*wire.points[-2:]) > HEAD * wire.head, wire.edge  # the head does not sit on a bend


@orthogonal
def test_arrows_are_level_or_upright(name):
    for wire in drawn(name).wires:
        for p, q in itertools.pairwise(wire.points):
            assert abs(p[0] - q[0]) < 1e-9 or abs(p[1] - q[1]) < 1e-9, wire.edge


@every
def test_text_fits_its_box_and_touches_nothing_else(name):
    d = drawn(name)
    labels = list(seen_labels(d))
    for label, box in labels:
        for node in d.nodes.values():
            if label.of == node.name:
                x0, y0, x1, y1 = rectangle(node, -CLEAR)
                assert x0 <= box[0] and y0 <= box[1] and box[2] <= x1 and box[3] <= y1, label
            else:
                assert not overlap(box, rectangle(node)), (label, node.name)
        for wire in d.wires:
            for p, q in itertools.pairwise(wire.points):
                assert not crosses_rectangle(p, q, grown(box, CLEAR)), (label, wire.edge)
    for (a, box_a), (b, box_b) in itertools.combinations(labels, 2):
        assert not overlap(box_a, box_b), (a, b)


def origin(d, wire):
    """The node whose value a wire carries."""
    source = wire.edge.source
    while d.nodes[source].shape == "dot":
        source = next(w.edge.source for w in d.wires if w.edge.target == source)
    return source


def stretches(d):
    return [(i, p, q) for i, w in enumerate(d.wires) for p, q in itertools.pairwise(w.points)]


@orthogonal
def test_lines_that_cross_are_bridged_and_none_lies_on_another(name):
    d = drawn(name)
    lines = [artist.get_path() for artist in d.fig.artists if type(artist) is PathPatch]
    for (i, p, q), (j, r, s) in itertools.combinations(stretches(d), 2):
        if i == j:
            continue
        edges = d.wires[i].edge, d.wires[j].edge
        for along in (0, 1):
            if is_along(p, q, along) and is_along(r, s, along):
                shared = min(max(p[along], q[along]), max(r[along], s[along]))
                shared -= max(min(p[along], q[along]), min(r[along], s[along]))
                assert shared < SLACK or abs(p[1 - along] - r[1 - along]) > 0.2, edges
            if is_along(p, q, along) and is_along(r, s, 1 - along):
                level, upright = ((i, p, q), (j, r, s))[:: 1 if along == 0 else -1]
                x, y = upright[1][0], level[1][1]
                if between(level[1][0], x, level[2][0]) and between(upright[1][1], y, upright[2][1]):
                    assert origin(d, d.wires[i]) != origin(d, d.wires[j]), "a line crosses itself"
                    near = [passes_near(lines[k], (x, y)) for k in (level[0], upright[0])]
                    assert near == [False, True], edges


def is_along(p, q, axis):
    return abs(p[1 - axis] - q[1 - axis]) < 1e-9


def between(a, v, b):
    return min(a, b) + SLACK < v < max(a, b) - SLACK


def passes_near(path, point):
    """Does the drawn line go through the point, or around it?"""
    corners = path.to_polygons(closed_only=False)[0] if len(path) else []
    return any(
        crosses_rectangle(p, q, (point[0] - 0.05, point[1] - 0.05, point[0] + 0.05, point[1] + 0.05))
        for p, q in itertools.pairwise(corners)
    )


def test_the_cells_cross_as_little_as_they_can():
    def bridges(name):
        d = drawn(name)
        return sum(len(d._bridges(i)) for i in range(len(d.wires)))

    assert {n: bridges(n) for n in ("lstm_cell", "vanilla_module", "gru_cell", "gru_cell_reset_before")} == {
        "lstm_cell": 0,
        "vanilla_module": 0,
        "gru_cell": 1,
        "gru_cell_reset_before": 1,
    }


@in_gallery
def test_letters_are_large_enough_on_the_page(name):
    d = drawn(name)
    width = d.fig.get_size_inches()[0] * 96
    assert width <= PAGE
    shrink = min(1.0, 700 / width)
    assert min(label.size for label in d.labels) / 72 * 96 * shrink > LETTERS - 0.5


# ------------------------------------------------------------------------------------------------------- colours


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG's contrast of two colours."""
    light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def in_the_dark(colour):
    """The CSS filter invert(0.93) hue-rotate(180deg)."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    weights = np.array([0.213, 0.715, 0.072])
    c = (2 * np.outer(np.ones(3), weights) - np.eye(3)) @ (0.93 - 0.86 * c)
    return "#" + "".join(f"{round(255 * v):02x}" for v in np.clip(c, 0, 1))


SIGHT = {  # Machado, Oliveira and Fernandes (2009), the strongest degree of each
    "full": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = xyz / [0.9505, 1, 1.089]
    f = np.where(f > 0.008856, np.cbrt(f), 7.787 * f + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", SIGHT)
def test_roles_can_be_told_apart(sight, dark):
    seen = {
        role: lab(np.clip(np.array(SIGHT[sight]) @ linear(in_the_dark(c) if dark else c), 0, 1))
        for role, c in colours.ROLE.items()
        if role != "feedback"
    }
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 10, (a, b)


@pytest.mark.parametrize("role", colours.ROLE)
def test_lines_and_letters_stand_out_from_their_ground(role):
    page, letters = "#14181e", colours.OUTLINE["neutral"]
    assert contrast(colours.ROLE[role], "#ffffff") > 3
    assert contrast(in_the_dark(colours.ROLE[role]), page) > 3
    assert contrast(letters, colours.FILL[role]) > 7
    assert contrast(in_the_dark(letters), in_the_dark(colours.FILL[role])) > 4.5
    assert contrast(colours.OUTLINE[role], colours.FILL[role]) > 3
    assert contrast(in_the_dark(colours.OUTLINE[role]), in_the_dark(colours.FILL[role])) > 2
