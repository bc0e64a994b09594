"""The families of questions, from the simple network of chapter 02 to the gates of chapter 07."""

from course_rnn.checking.cases import rnn_weights, sizes
from course_rnn.checking.family import Family, option
from course_rnn.questions.bidirectional_rnn import backward_states, both_directions
from course_rnn.questions.deep_rnn import stacked_forward
from course_rnn.questions.gradients import rnn_step_backward
from course_rnn.questions.lstm_gru import gru_step, lstm_step
from course_rnn.questions.seq2seq import shift_inputs
from course_rnn.questions.simple_rnn import rnn_forward, rnn_step

# ---------------------------------------------------------------------- 02: the states of a simple network


def a_sequence(rng):
    """A sequence with the weights of a layer: three sizes that differ, and an x that has them all."""
    first, second, D, H = sizes(rng, 4)
    return {"x": rng.normal(size=(first, second, D)), **rnn_weights(rng, D, H)}


AXES = {
    "time": option(
        "The first axis is time, the second the batch: x is (T, B, D), y is (T, B, H).",
        "takes time for the first axis",
        first="T",
        second="B",
        open="",
        close="",
    ),
    "batch": option(
        "The first axis is the batch, the second time: x is (B, T, D), y is (B, T, H).",
        "takes the batch for the first axis",
        first="B",
        second="T",
        open="x = x.swapaxes(0, 1)",
        close=".swapaxes(0, 1)",
    ),
}

rnn_states = Family(
    name="rnn_states",
    chapter="02_simple_rnn",
    see="the-loop-unfolded",
    title="The states of a simple network",
    text="""\
Every state is made from the input of its step and from the state before it; before the first step the state is zero.
The input goes through `x @ weight_ih.T + bias_ih`. Return all states.""",
    arguments="x, weight_ih, weight_hh, bias_ih, bias_hh",
    doc="""\
All states y ({first}, {second}, H) of a simple network, from a state of zeros.

x ({first}, {second}, D), weight_ih (H, D), weight_hh (H, H), bias_ih (H,), bias_hh (H,)""",
    body="""
{open}
h, states = np.zeros((x.shape[1], len(bias_hh))), []
for x_t in x:
    a = x_t @ weight_ih.T + bias_ih + {through} + bias_hh
    h = {squash}
    states.append(h)
return np.stack(states){close}""",
    returns=("y",),
    cases=a_sequence,
    hints=(
        "Write one step first: what goes into a, and what becomes of a? Then a loop over time.",
        "Which axis of x does your loop run over? The state of one step is (B, H).",
        "One step is a = x_t @ weight_ih.T + bias_ih + {through} + bias_hh and h = {squash}.",
    ),
    dimensions={
        "axis": AXES,
        "form": {
            "column": option(
                "The recurrent weights are stored for the column form, W h: in rows, h @ weight_hh.T.",
                "stores the recurrent weights for the column form",
                through="h @ weight_hh.T",
            ),
            "row": option(
                "The recurrent weights are stored for the row form, h W: h @ weight_hh.",
                "stores the recurrent weights for the row form",
                through="h @ weight_hh",
            ),
        },
        "nonlinearity": {
            "tanh": option("The nonlinearity is tanh.", "ends a step with tanh", squash="np.tanh(a)"),
            "relu": option("The nonlinearity is max(a, 0).", "ends a step with max(a, 0)", squash="np.maximum(a, 0)"),
            "sigmoid": option(
                "The nonlinearity is the sigmoid, 1 / (1 + exp(-a)).",
                "ends a step with the sigmoid",
                squash="1 / (1 + np.exp(-a))",
            ),
        },
    },
    like=(
        rnn_step,
        rnn_forward,
    ),
    mistakes=(
        (
            "without_nonlinearity",
            "h = {squash}",
            "h = a",
            "the nonlinearity is forgotten: h = a is linear in the inputs and can grow without bound.",
        ),
        (
            "without_recurrence",
            " + {through}",
            "",
            "the term of h is missing. Without it the step cannot remember: it is a feed-forward layer.",
        ),
        (
            "without_bias_hh",
            " + bias_hh",
            "",
            "bias_hh is missing. There are two biases; their sum is what counts, so both must be added.",
        ),
        (
            "without_bias_ih",
            " + bias_ih",
            "",
            "bias_ih is missing. There are two biases; their sum is what counts, so both must be added.",
        ),
        (
            "one_step_late",
            "h = {squash}\n    states.append(h)",
            "states.append(h)\n    h = {squash}",
            "every state stands one step late, and the last is lost. y[0] is the state after the first input.",
        ),
    ),
)


# ---------------------------------------------------------------------- 03: two layers, a context and what is read


def two_layers(rng):
    """A sequence, a context, and two layers of one width."""
    T, B, D, H = sizes(rng, 4)
    lower, upper = rnn_weights(rng, D, H), rnn_weights(rng, H, H)
    weights = {f"{name}_l{layer}": w[name] for layer, w in enumerate((lower, upper)) for name in list(w)[:2]}
    biases = {f"bias_l{layer}": rng.normal(size=H) for layer in (0, 1)}
    return {"x": rng.normal(size=(T, B, D)), "c": rng.normal(size=(B, H)), **weights, **biases}


two_layer_summary = Family(
    name="two_layer_summary",
    chapter="03_deep_rnn",
    see="stacking",
    title="Two layers and a context",
    text="""\
A second layer reads the states of the first. A layer's step is `h = np.tanh(x @ weight_ih.T + h @ weight_hh.T + bias)`.
Besides the sequence there is a context c, one vector for each sample, and one vector for each sample comes out.""",
    arguments="x, c, weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1, bias_l0, bias_l1",
    doc="""\
The summary s (B, H) of a sequence by two layers.

x (T, B, D), c (B, H), weight_ih_l0 (H, D), the other three weights (H, H), bias_l0 (H,), bias_l1 (H,)""",
    body="""
lower = upper = {start}
summaries = []
for x_t in x:
    lower = np.tanh(x_t @ weight_ih_l0.T + lower @ weight_hh_l0.T + bias_l0{in_lower})
    upper = np.tanh(lower @ weight_ih_l1.T + upper @ weight_hh_l1.T + bias_l1{in_upper})
    summaries.append({read})
return {over_time}""",
    returns=("s",),
    cases=two_layers,
    hints=(
        "Keep two states, one for each layer. In every step the lower one comes first, as the upper one reads it.",
        "Where does c come in: before the loop, or inside one of the two tanh?",
        "After each step append {read} to a list of summaries; in the end return {over_time}.",
    ),
    dimensions={
        "context": {
            "start": option(
                "The context is the initial state of both layers, and comes in nowhere else.",
                "starts both layers from the context",
                start="c",
                in_lower="",
                in_upper="",
            ),
            "lower": option(
                "The context is added inside the tanh of the lower layer, at every step. Both layers start from zeros.",
                "adds the context in the lower layer",
                start="np.zeros_like(c)",
                in_lower=" + c",
                in_upper="",
            ),
            "upper": option(
                "The context is added inside the tanh of the upper layer, at every step. Both layers start from zeros.",
                "adds the context in the upper layer",
                start="np.zeros_like(c)",
                in_lower="",
                in_upper=" + c",
            ),
        },
        "layer": {
            "top": option("The upper layer alone is read.", "reads the upper layer alone", read="upper"),
            "sum": option("The sum of both layers is read.", "reads the sum of both layers", read="lower + upper"),
            "max": option(
                "The larger of both layers is read, unit by unit.",
                "reads the larger of both layers",
                read="np.maximum(lower, upper)",
            ),
        },
        "when": {
            "last": option("It is read at the last step.", "reads at the last step", over_time="summaries[-1]"),
            "mean": option(
                "It is read at every step, and the mean over time is the summary.",
                "takes the mean over time",
                over_time="np.mean(summaries, axis=0)",
            ),
        },
    },
    like=(stacked_forward,),
    mistakes=(
        (
            "upper_reads_the_input",
            "lower @ weight_ih_l1.T",
            "x_t @ weight_ih_l1.T[: x_t.shape[1]]",
            "the upper layer reads x. It reads the new state of the lower layer.",
        ),
        (
            "one_state_for_both",
            "+ upper @ weight_hh_l1.T",
            "+ lower @ weight_hh_l1.T",
            "the upper layer never reads its own state: it has no memory of its own.",
        ),
        (
            "without_tanh_below",
            "lower = np.tanh(x_t @ weight_ih_l0.T + lower @ weight_hh_l0.T + bias_l0{in_lower})",
            "lower = x_t @ weight_ih_l0.T + lower @ weight_hh_l0.T + bias_l0{in_lower}",
            "the lower layer has no tanh. Each layer has one of its own.",
        ),
        (
            "without_bias_l0",
            " + bias_l0",
            "",
            "bias_l0 is missing.",
        ),
        (
            "without_bias_l1",
            " + bias_l1",
            "",
            "bias_l1 is missing.",
        ),
    ),
)


# ---------------------------------------------------------------------- 04: two directions over padded sequences


def a_padded_batch(rng):
    """Sequences of different lengths in one array, with numbers in the padding that must not count."""
    T, B, D, H = sizes(rng, 4)
    lengths = rng.integers(1, max(T, 2), size=B)  # all are padded
    forward, backward = rnn_weights(rng, D, H), rnn_weights(rng, D, H)
    weights = {name: forward[name] for name in ("weight_ih", "weight_hh")}
    weights |= {f"{name}_reverse": backward[name] for name in weights}
    return {"x": rng.normal(size=(T, B, D)), "lengths": lengths, **weights}


merged_directions = Family(
    name="merged_directions",
    chapter="04_bidirectional_rnn",
    see="sequences-of-different-lengths",
    title="Two directions over padded sequences",
    text="""\
One network reads each sequence from its first real step to its last, another from its last real step to its first.
A step is `h = np.tanh(x @ weight_ih.T + h @ weight_hh.T)`, from a state of zeros; the second network has weights of its
own. Sample b has `lengths[b]` real steps. What stands in the padding of x must not count, and y is 0 there.""",
    arguments="x, lengths, weight_ih, weight_hh, weight_ih_reverse, weight_hh_reverse",
    doc="""\
The outputs y ({shape}) of two directions, merged; 0 in the padding.

x (T, B, D), lengths (B,), weight_ih (H, D), weight_hh (H, H), and the same two for the way back""",
    body="""
def states(x, weight_ih, weight_hh):
    h, y = np.zeros(len(weight_hh)), []
    for x_t in x:
        h = np.tanh(weight_ih @ x_t + weight_hh @ h)
        y.append(h)
    return np.stack(y)

y = np.zeros((*x.shape[:2], {width} * len(weight_hh)))
for b, length in enumerate(lengths):
    real = {real}
    ahead = states(x[real, b], weight_ih, weight_hh)
    back = states(x[real, b][::-1], weight_ih_reverse, weight_hh_reverse)[::-1]
    y[real, b] = {merge}
return y""",
    returns=("y",),
    cases=a_padded_batch,
    hints=(
        "Take one sample at a time: cut its real steps out of x, and run both networks over them alone.",
        "Its real steps are x[real, b] with real = {real}. The way back reads them reversed; reverse its states again.",
        "With both as (length, H) arrays, ahead and back, y[real, b] = {merge}.",
    ),
    dimensions={
        "merge": {
            "forward_first": option(
                "The two states are joined, the one of the way ahead first.",
                "joins the states, the way ahead first",
                merge="np.concatenate([ahead, back], axis=-1)",
                width=2,
                shape="T, B, 2 * H",
            ),
            "backward_first": option(
                "The two states are joined, the one of the way back first.",
                "joins the states, the way back first",
                merge="np.concatenate([back, ahead], axis=-1)",
                width=2,
                shape="T, B, 2 * H",
            ),
            "sum": option(
                "The two states are added.", "adds the states", merge="ahead + back", width=1, shape="T, B, H"
            ),
            "mean": option(
                "The mean of the two states is taken.",
                "takes the mean of the states",
                merge="(ahead + back) / 2",
                width=1,
                shape="T, B, H",
            ),
            "product": option(
                "The two states are multiplied, unit by unit.",
                "multiplies the states",
                merge="ahead * back",
                width=1,
                shape="T, B, H",
            ),
        },
        "padding": {
            "right": option(
                "The padding stands after the real steps: sample b is x[:lengths[b], b].",
                "looks for the padding after the real steps",
                real="slice(0, length)",
            ),
            "left": option(
                "The padding stands before the real steps, which are the last lengths[b] of sample b.",
                "looks for the padding before the real steps",
                real="slice(len(x) - length, len(x))",
            ),
        },
    },
    like=(
        both_directions,
        backward_states,
    ),
    mistakes=(
        (
            "not_turned_back",
            "weight_hh_reverse)[::-1]",
            "weight_hh_reverse)",
            "the states of the way back are in the order in which they were made. Turn them round again.",
        ),
        (
            "not_turned",
            "x[real, b][::-1], weight_ih_reverse",
            "x[real, b], weight_ih_reverse",
            "the second network reads forward, too. It reads the real steps from the last to the first.",
        ),
        (
            "same_weights_twice",
            "weight_ih_reverse, weight_hh_reverse",
            "weight_ih, weight_hh",
            "the way back uses the weights of the way forward. It has its own: those of _reverse.",
        ),
        (
            "without_tanh",
            "np.tanh(weight_ih @ x_t + weight_hh @ h)",
            "weight_ih @ x_t + weight_hh @ h",
            "the tanh is missing.",
        ),
    ),
)


# ---------------------------------------------------------------------- 05: shifted and marked


def some_sentences(rng):
    """Sentences as numbers of words from 3 up, some shorter than the array is wide."""
    B, S = sizes(rng, 2, 3, 8)
    lengths = rng.integers(1, S + 1, size=B)
    lengths[rng.integers(B)] = 1  # one that is padded
    return {"words": rng.integers(3, 20, size=(B, S)), "lengths": lengths}


shifted_and_marked = Family(
    name="shifted_and_marked",
    chapter="05_seq2seq",
    see="words-become-numbers-shifted-and-marked",
    title="Shifted and marked",
    text="""\
A decoder reads the mark BOS and then the words of a sentence, and is to say the words and then the mark EOS.
Make both arrays, inputs and targets, from a batch of sentences. Sentence b is `words[b, :lengths[b]]`; what stands
behind it in words is nothing. Both arrays have S + 1 steps, and PAD wherever a sentence has none.""",
    arguments="words, lengths",
    doc="""\
What a decoder reads and what it is to say: inputs and targets, both ({layout}), whole numbers.

words (B, S), lengths (B,)""",
    body="""
PAD, BOS, EOS = {marks}
inputs = np.full((len(words), words.shape[1] + 1), PAD)
targets = inputs.copy()
for b, n in enumerate(lengths):
    place = {place}
    inputs[b, place] = [BOS, *words[b, :n]]
    targets[b, place] = [*words[b, :n], EOS]
return inputs{turned}, targets{turned}""",
    returns=("inputs", "targets"),
    cases=some_sentences,
    hints=(
        "Begin with two arrays full of PAD. A sentence of n words takes n + 1 steps in each: one more, for a mark.",
        "For one sentence the inputs are [BOS, *words] and the targets [*words, EOS]; both go to the same steps.",
        "Those steps are {place}, for n = lengths[b]. Which of your axes is time?",
    ),
    dimensions={
        "marks": {
            "pbe": option("PAD is 0, BOS is 1, EOS is 2.", "numbers PAD, BOS, EOS as 0, 1, 2", marks="0, 1, 2"),
            "bep": option("BOS is 0, EOS is 1, PAD is 2.", "numbers PAD, BOS, EOS as 2, 0, 1", marks="2, 0, 1"),
            "peb": option("PAD is 0, EOS is 1, BOS is 2.", "numbers PAD, BOS, EOS as 0, 2, 1", marks="0, 2, 1"),
        },
        "padding": {
            "right": option("The padding stands after a sentence.", "pads after a sentence", place="slice(0, n + 1)"),
            "left": option(
                "The padding stands before a sentence, so that all end together.",
                "pads before a sentence",
                place="slice(words.shape[1] - n, None)",
            ),
        },
        "axis": {
            "time": option("The first axis is time: (S + 1, B).", "puts time first", layout="S + 1, B", turned=".T"),
            "batch": option(
                "The first axis is the batch: (B, S + 1).", "puts the batch first", layout="B, S + 1", turned=""
            ),
        },
    },
    like=(shift_inputs,),
    mistakes=(
        (
            "not_shifted",
            "[BOS, *words[b, :n]]",
            "[*words[b, :n], EOS]",
            "the inputs are the targets: the decoder reads what it is to say. Shift them by one step, BOS first.",
        ),
        (
            "eos_in_the_inputs",
            "[*words[b, :n], EOS]",
            "[*words[b, :n], BOS]",
            "the targets end with BOS. What the decoder is to say at its end is EOS.",
        ),
    ),
)


# ---------------------------------------------------------------------- 06: one gradient of a step


def a_step_made(rng):
    """A step that was made, with the sum inside its nonlinearity, and the gradient that comes back to it."""
    B, D, H = sizes(rng, 3)
    shapes = {"dh_next": (B, H), "x": (B, D), "h": (B, H), "weight_ih": (H, D), "weight_hh": (H, H)}
    case = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return case | {"a": case["x"] @ case["weight_ih"].T + case["h"] @ case["weight_hh"].T + rng.normal(size=H)}


def asked(of, shape, value, does):
    """The option to ask for one gradient."""
    return option(f"Return {of}, the gradient of {of[1:]}, {shape}.", does, of=of, shape=shape, value=value)


step_gradient = Family(
    name="step_gradient",
    chapter="06_gradients",
    see="backpropagation-through-time-in-five-steps",
    title="One gradient of a step",
    text="""\
A step was made: `a = x @ weight_ih.T + h @ weight_hh.T + bias` and `h_next = f(a)`. The gradient of the loss with
respect to h_next comes back, row by row. Return one gradient, {of}, {shape}.""",
    arguments="dh_next, x, h, weight_ih, weight_hh, a",
    doc="""\
The gradient {of} {shape} of one step.

dh_next (B, H), x (B, D), h (B, H), weight_ih (H, D), weight_hh (H, H), a (B, H)""",
    body="""
da = {slope} * dh_next{share}
return {value}""",
    returns=("{of}",),
    cases=a_step_made,
    hints=(
        "First go back through f: what is its slope at a?",
        "That makes da, (B, H). A gradient has the shape of its thing: which product of da gives {shape}?",
        "da = {slope} * dh_next{share}, and then {value}.",
    ),
    dimensions={
        "asked": {
            "dx": asked("dx", "(B, D)", "da @ weight_ih", "returns dx"),
            "dh": asked("dh", "(B, H)", "da @ weight_hh", "returns dh"),
            "dweight_ih": asked("dweight_ih", "(H, D)", "da.T @ x", "returns dweight_ih"),
            "dweight_hh": asked("dweight_hh", "(H, H)", "da.T @ h", "returns dweight_hh"),
            "dbias": asked("dbias", "(H,)", "da.sum(axis=0)", "returns dbias"),
        },
        "nonlinearity": {
            "tanh": option("f is tanh.", "goes back through tanh", slope="(1 - np.tanh(a) ** 2)"),
            "sigmoid": option(
                "f is the sigmoid, 1 / (1 + exp(-a)).",
                "goes back through the sigmoid",
                slope="np.exp(-a) / (1 + np.exp(-a)) ** 2",
            ),
        },
        "loss": {
            "sum": option(
                "The loss is the sum over the batch: dh_next is its gradient as it stands.",
                "takes the loss as the sum over the batch",
                share="",
            ),
            "mean": option(
                "The loss is the mean over the batch, and row b of dh_next is the gradient of the loss of sample b "
                "alone: divide by B.",
                "takes the loss as the mean over the batch",
                share=" / len(dh_next)",
            ),
        },
    },
    like=(rnn_step_backward,),
    mistakes=(
        (
            "without_the_slope",
            "{slope} * dh_next",
            "dh_next",
            "the gradient does not go back through f. Its slope at a comes first.",
        ),
    ),
)


# ---------------------------------------------------------------------- 07: a step of an LSTM


def an_lstm_step(rng):
    """One step of four blocks of gates."""
    B, D, H = sizes(rng, 3)
    states = {name: rng.normal(size=(B, H)) for name in "hc"}
    return {"x": rng.normal(size=(B, D)), **states, **rnn_weights(rng, D, H, gates=4)}


lstm_update = Family(
    name="lstm_update",
    chapter="07_lstm_gru",
    see="the-lstm-gate-by-gate",
    title="One step of an LSTM",
    text="""\
The gates i, f and o are sigmoids and the candidate g is a tanh, each of its own block of H columns of
`x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh`. The new cell state is f times the old one and i times the
candidate, added; the new state is o times `{shown}`. Write the sigmoid yourself: 1 / (1 + exp(-a)).""",
    arguments="x, h, c, weight_ih, weight_hh, bias_ih, bias_hh",
    doc="""\
The next states h_next and c_next, both (B, H), of an LSTM.

x (B, D), h (B, H), c (B, H), weight_ih (4 H, D), weight_hh (4 H, H), bias_ih (4 H,), bias_hh (4 H,)""",
    body="""
def sigmoid(a):
    return 1 / (1 + np.exp(-a))

a = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
{gates} = np.split(a, 4, axis=-1)
c_next = sigmoid({forget}) * c + sigmoid(i) * np.tanh(g)
return sigmoid(o) * {shown}, c_next""",
    returns=("h_next", "c_next"),
    cases=an_lstm_step,
    hints=(
        "One sum makes all four blocks. Split it into blocks of H columns, in your order, before anything else.",
        "With {gates} as blocks of the sum: which of them get a sigmoid, which a tanh?",
        "c_next = sigmoid({forget}) * c + sigmoid(i) * np.tanh(g), and h_next = sigmoid(o) * {shown}.",
    ),
    dimensions={
        "order": {
            order: option(
                f"The blocks of rows stand in the order {', '.join(order)}.",
                f"takes the blocks as {', '.join(order)}",
                gates=", ".join(order),
            )
            for order in ("ifgo", "ifog", "igfo", "ofig")
        },
        "forget": {
            "plain": option(
                "The forget gate is the sigmoid of its block as it is.", "takes the forget gate as it is", forget="f"
            ),
            "open": option(
                "1 is added to the block of the forget gate inside its sigmoid.",
                "adds 1 in the forget gate",
                forget="f + 1",
            ),
        },
        "output": {
            "tanh": option(
                "The new state sees the tanh of the new cell state.",
                "takes the tanh of the new cell state",
                shown="np.tanh(c_next)",
            ),
            "linear": option(
                "The new state sees the new cell state itself, without a tanh.",
                "takes the new cell state itself",
                shown="c_next",
            ),
        },
    },
    like=(lstm_step,),
    mistakes=(
        (
            "without_forget_gate",
            "sigmoid({forget}) * c",
            "c",
            "the forget gate is missing: the old cell state is multiplied by sigmoid(f).",
        ),
        (
            "without_input_gate",
            "sigmoid(i) * np.tanh(g)",
            "np.tanh(g)",
            "the input gate is missing: the candidate is multiplied by sigmoid(i).",
        ),
        (
            "without_tanh_of_the_candidate",
            "np.tanh(g)",
            "g",
            "the candidate goes through no tanh: g is linear.",
        ),
        (
            "sigmoid_of_the_candidate",
            "np.tanh(g)",
            "sigmoid(g)",
            "the candidate went through a sigmoid. It is no gate: tanh, so that the cell can go down as well.",
        ),
        (
            "without_old_cell",
            "sigmoid({forget}) * c + ",
            "",
            "the old cell state is not kept: the forget gate times c is missing.",
        ),
        (
            "without_bias_hh",
            " + bias_hh",
            "",
            "bias_hh is missing. There are two biases, and both are added.",
        ),
        (
            "without_bias_ih",
            " + bias_ih",
            "",
            "bias_ih is missing. There are two biases, and both are added.",
        ),
        (
            "without_output_gate",
            "sigmoid(o) * {shown}",
            "{shown}",
            "the output gate is missing: what is shown of the cell is multiplied by sigmoid(o).",
        ),
    ),
)


# ---------------------------------------------------------------------- 07: a step of a GRU


def a_gru_step(rng):
    """One step of three blocks of gates."""
    B, D, H = sizes(rng, 3)
    return {"x": rng.normal(size=(B, D)), "h": rng.normal(size=(B, H)), **rnn_weights(rng, D, H, gates=3)}


gru_update = Family(
    name="gru_update",
    chapter="07_lstm_gru",
    see="the-gru-twice",
    title="One step of a GRU",
    text="""\
The gates r and z are sigmoids of `x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh`, each of its own block of H
rows. The candidate n is a tanh of the third block, with the reset gate in its recurrent part. The new state is
`{mix}`. Write the sigmoid yourself: 1 / (1 + exp(-a)).""",
    arguments="x, h, weight_ih, weight_hh, bias_ih, bias_hh",
    doc="""\
The next state h_next (B, H) of a GRU.

x (B, D), h (B, H), weight_ih (3 H, D), weight_hh (3 H, H), bias_ih (3 H,), bias_hh (3 H,)""",
    body="""
def sigmoid(a):
    return 1 / (1 + np.exp(-a))

{x_blocks} = np.split(x @ weight_ih.T + bias_ih, 3, axis=-1)
{h_blocks} = np.split(h @ weight_hh.T + bias_hh, 3, axis=-1)
r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
{W_blocks} = np.split(weight_hh, 3)
{b_blocks} = np.split(bias_hh, 3)
n = np.tanh(x_n + {candidate})
return {mix}""",
    returns=("h_next",),
    cases=a_gru_step,
    hints=(
        "Split both products into three blocks of H columns, in your order of the gates, before anything else.",
        "With the blocks of n called x_n, W_n and b_n, the candidate is np.tanh(x_n + {candidate}).",
        "r = sigmoid(x_r + h_r) and z = sigmoid(x_z + h_z); in the end return {mix}.",
    ),
    dimensions={
        "order": {
            order: option(
                f"The blocks of rows stand in the order {', '.join(order)}.",
                f"takes the blocks as {', '.join(order)}",
                **{f"{of}_blocks": ", ".join(f"{of}_{gate}" for gate in order) for of in "xhWb"},
            )
            for order in ("rzn", "zrn", "nrz")
        },
        "z": {
            "keeps": option(
                "z keeps: it is the share of the old state in the new one.",
                "keeps the old state with z",
                mix="(1 - z) * n + z * h",
            ),
            "writes": option(
                "z writes: it is the share of the candidate in the new state.",
                "writes the candidate with z",
                mix="z * n + (1 - z) * h",
            ),
        },
        "reset": {
            "after": option(
                "The reset comes after the product: r times (h @ W_n.T + b_n).",
                "resets after the product",
                candidate="r * (h @ W_n.T + b_n)",
            ),
            "before": option(
                "The reset comes before the product: (r * h) @ W_n.T, and b_n is added as it is.",
                "resets before the product",
                candidate="(r * h) @ W_n.T + b_n",
            ),
        },
    },
    like=(gru_step,),
    mistakes=(
        (
            "without_tanh_of_the_candidate",
            "np.tanh(x_n + {candidate})",
            "(x_n + {candidate})",
            "the candidate goes through no tanh, so the state can grow without bound.",
        ),
        (
            "sigmoid_of_the_candidate",
            "np.tanh(x_n + {candidate})",
            "sigmoid(x_n + {candidate})",
            "the candidate went through a sigmoid. It is no gate: tanh.",
        ),
        (
            "without_bias_hh",
            "h @ weight_hh.T + bias_hh",
            "h @ weight_hh.T",
            "bias_hh is missing in the gates. There are two biases, and both are added.",
        ),
        (
            "without_bias_ih",
            "x @ weight_ih.T + bias_ih",
            "x @ weight_ih.T",
            "bias_ih is missing. There are two biases, and both are added.",
        ),
    ),
)

#: All families by name, in the order of the chapters.
FAMILIES = {
    family.name: family
    for family in (
        rnn_states,
        two_layer_summary,
        merged_directions,
        shifted_and_marked,
        step_gradient,
        lstm_update,
        gru_update,
    )
}
