"""The questions of chapter 09, Where RNNs lead."""

import numpy as np

from course_rnn.checking.budget import Budget
from course_rnn.checking.cases import sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.gradients import rnn_backward
from course_rnn.questions.seeds import SEEDS

chapter = Chapter("09_outlook", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- maps that compose


def some_maps(rng):
    """A step of a linear recurrence for each of T steps; at times there is only one."""
    T, H = sizes(rng, 2, 1, 6)
    return {"a": rng.normal(size=(T, H)), "b": rng.normal(size=(T, H))}


@chapter.question(
    points=1,
    returns=("A", "B"),
    cases=some_maps,
    hints=(
        "Do it for two steps on paper: put h_1 = a_1 h_0 + b_1 into h_2 = a_2 h_1 + b_2 and multiply out.",
        "Begin with the map that does nothing, A = 1 and B = 0, and let each step come after it.",
        "After step t, A becomes a_t * A, and B becomes a_t * B + b_t.",
    ),
    see="a-recurrence-without-the-tanh",
)
def one_map(a, b):
    """The map so far is h_0 -> A h_0 + B; step t after it gives a_t (A h_0 + B) + b_t.

    So A is multiplied by a_t, and B goes through the step as a state does.
    """
    A, B = np.ones_like(a[0]), np.zeros_like(b[0])
    for a_t, b_t in zip(a, b, strict=True):
        A, B = a_t * A, a_t * B + b_t
    return A, B


one_map.mistake(
    "first_after_last",
    "zip(a, b, strict=True)",
    "zip(a[::-1], b[::-1], strict=True)",
    "the steps are composed in the wrong order, the last one first. A step comes after those before it: a_t * B + b_t.",
)
one_map.mistake(
    "shifts_added",
    "a_t * B + b_t",
    "B + b_t",
    "the b are added up as they are. What was added at an early step is multiplied by all later a.",
)
one_map.mistake(
    "factors_added",
    "A, B = a_t * A,",
    "A, B = a_t + A - 1,",
    "the factors are added. Twice times 2 is times 4: multiply them.",
)
one_map.mistake(
    "only_the_last_step",
    "A, B = a_t * A, a_t * B + b_t",
    "A, B = a_t, b_t",
    "these are the a and b of the last step alone. The pair is to stand for all steps.",
)
one_map.mistake(
    "last_shift_multiplied",
    "a_t * B + b_t",
    "a_t * (B + b_t)",
    "each b_t is multiplied by its own a_t. A step multiplies what comes in and then adds b_t.",
)


# ---------------------------------------------------------------------- the scan


def maps_and_a_state(rng):
    """Steps of a linear recurrence, and a state before the first; T is seldom a power of two, and at times 1."""
    B, H = sizes(rng, 2, 1, 4)
    T = int(rng.choice([1, 2, 5, 6, 7, 8, 9, 11]))
    return {"a": rng.normal(size=(T, B, H)), "b": rng.normal(size=(T, B, H)), "h0": rng.normal(size=(B, H))}


def many_maps():
    """128 steps of a linear recurrence, to count operations in."""
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) for name, shape in {"a": (128, 2, 3), "b": (128, 2, 3), "h0": (2, 3)}.items()}


@chapter.question(
    budget=Budget(
        many_maps,
        most=120,
        message="The values are right, but it takes {count} operations for 128 steps, and {most} are plenty for 7 "
        "passes: this is a loop over the steps. In a pass all steps absorb what stands `reach` places before, at once.",
    ),
    points=3,
    returns=("states", "passes"),
    cases=maps_and_a_state,
    hints=(
        "The state h0 goes into the first map: b_1 becomes a_1 h0 + b_1. Then scan as in the chapter, on copies.",
        "While reach < T: all steps from reach on absorb those reach before, all of them as they were; then double it.",
        "Each step takes in the result of the step `reach` before it. Which of h and a changes first, and why?",
    ),
    see="the-scan",
    library="torch",
)
def doubling_scan(a, b, h0):
    """In each pass step t absorbs the map that stands `reach` before it, and stands for twice as many steps.

    The shifts go first, as they need the factors of before the pass. Once reach is T, each h stands for all steps.
    """
    a, h = a.clone(), b.clone()
    h[0] += a[0] * h0
    reach, passes = 1, 0
    while reach < len(h):
        h[reach:] = a[reach:] * h[:-reach] + h[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach, passes = 2 * reach, passes + 1
    return h, passes


doubling_scan.mistake(
    "factors_first",
    "        h[reach:] = a[reach:] * h[:-reach] + h[reach:]\n        a[reach:] = a[reach:] * a[:-reach]\n",
    "        a[reach:] = a[reach:] * a[:-reach]\n        h[reach:] = a[reach:] * h[:-reach] + h[reach:]\n",
    "a is updated before h, which then sees the factors of the next pass. Update h first, or keep the old a.",
)
doubling_scan.mistake(
    "factors_not_composed",
    "        a[reach:] = a[reach:] * a[:-reach]\n",
    "",
    "the factors stay those of single steps. A pair that stands for two steps has the product of their factors.",
)
doubling_scan.mistake(
    "overwrites_what_it_reads",
    "a[reach:] = a[reach:] * a[:-reach]",
    "a[reach:] *= a[:-reach]",
    "*= would overwrite factors that are still to be read, so torch refuses. Write a[reach:] = a[reach:] * a[:-reach].",
)
doubling_scan.mistake(
    "reach_grows_by_one",
    "reach, passes = 2 * reach,",
    "reach, passes = reach + 1,",
    "reach grows by 1. After each pass a pair stands for twice as many steps: 1, 2, 4, and so on.",
)
doubling_scan.mistake(
    "one_pass_too_many",
    "while reach < len(h)",
    "while reach <= len(h)",
    "there is a pass too many: with reach = T there is nothing left that far back. Go on while reach < T.",
)
doubling_scan.mistake(
    "passes_rounded_down",
    "while reach < len(h)",
    "while 2 * reach <= len(h)",
    "the last pass is missing where T is not a power of two: log2 of T is to be rounded up. Go on while reach < T.",
)
doubling_scan.mistake(
    "starts_from_zero",
    "    h[0] += a[0] * h0\n",
    "",
    "the initial state is left out. It goes into the first map: b_1 becomes a_1 h0 + b_1.",
)
doubling_scan.mistake(
    "initial_state_unscaled",
    "h[0] += a[0] * h0",
    "h[0] += h0",
    "h0 is added to b_1 as it is. The first step multiplies it: a_1 * h0 + b_1.",
)
doubling_scan.mistake(
    "step_by_step",
    "    reach, passes = 1, 0\n"
    "    while reach < len(h):\n"
    "        h[reach:] = a[reach:] * h[:-reach] + h[reach:]\n"
    "        a[reach:] = a[reach:] * a[:-reach]\n"
    "        reach, passes = 2 * reach, passes + 1\n"
    "    return h, passes",
    "    for t in range(1, len(h)):\n        h[t] += a[t] * h[t - 1]\n    return h, len(h) - 1",
    "the states are right, and each waits for the one before: T - 1 passes. A scan needs log2 of T, rounded up.",
)


def a_scan_to_go_back(rng):
    """Gradients of the states of a linear recurrence, with what made these; at times of a single step."""
    T, B, H = sizes(rng, 3, 1, 6)
    a, h0 = rng.normal(size=(T, B, H)), rng.normal(size=(B, H))
    b = rng.normal(size=(T, B, H))
    states = one_map.reference
    h = np.stack([A * h0 + shift for A, shift in (states(a[:t], b[:t]) for t in range(1, T + 1))])
    return {"dh": rng.normal(size=(T, B, H)), "a": a, "h": h, "h0": h0}


@chapter.question(
    points=3,
    returns=("da", "db", "dh0"),
    cases=a_scan_to_go_back,
    hints=(
        "State t reaches the loss directly, dh_t, and through h_{t+1} = a_{t+1} h_t + b_{t+1}. Call the sum g_t.",
        "g_t = dh_t + a_{t+1} g_{t+1}, from the last step, which has none after it. Since h_t = ... + b_t, db_t = g_t.",
        "From h_t = a_t h_{t-1} + b_t: da_t = g_t h_{t-1}, with h0 before the first, and dh0 = a_1 g_1.",
    ),
    see="the-scan",
)
def scan_gradients(dh, a, h, h0):
    """The whole gradient of h_t is dh_t and what comes back through the next step, multiplied by that step's factor.

    b_t is added to h_t, so it has the same gradient; a_t multiplied the state before, and h0 was multiplied by a_1.
    """
    db = dh.copy()
    for t in reversed(range(len(dh) - 1)):
        db[t] += a[t + 1] * db[t + 1]
    before = np.concatenate([h0[None], h[:-1]])
    return db * before, db, a[0] * db[0]


scan_gradients.mistake(
    "own_factor",
    "a[t + 1] * db[t + 1]",
    "a[t] * db[t + 1]",
    "the gradient comes back with the factor of its own step. It is step t + 1 that multiplied h_t: a[t + 1].",
)
scan_gradients.mistake(
    "without_the_step_after",
    "db[t] += a[t + 1] * db[t + 1]",
    "pass",
    "nothing comes back from later steps. h_t also feeds h_{t+1}: add a[t + 1] * db[t + 1].",
)
scan_gradients.mistake(
    "one_step_back_only",
    "a[t + 1] * db[t + 1]",
    "a[t + 1] * dh[t + 1]",
    "only the next step's own dh comes back. Go from the end: then its whole gradient is there, with all later steps.",
)
scan_gradients.mistake(
    "state_of_the_same_step",
    "before = np.concatenate([h0[None], h[:-1]])",
    "before = h",
    "da_t is multiplied by h_t. The factor a_t multiplied the state before it.",
)
scan_gradients.mistake(
    "initial_state_left_out",
    "[h0[None], h[:-1]]",
    "[0 * h0[None], h[:-1]]",
    "the state before the first step is taken to be zero. It is h0.",
)
scan_gradients.mistake(
    "dh0_unscaled",
    "a[0] * db[0]",
    "db[0]",
    "dh0 is the gradient of h_1. h0 reached it through the factor a_1: a[0] * db[0].",
)
scan_gradients.mistake(
    "direct_gradients_only",
    "return db * before, db,",
    "return dh * before, db,",
    "da is made from dh, the direct part. a_t moves h_t, and with it all later states: take the whole gradient.",
)

scan_gradients.inherit(rnn_backward)


# ---------------------------------------------------------------------- the minimal GRU


def a_minimal_gru(rng):
    """A sequence, a state and the two linear layers of a minimal GRU."""
    T, B, D, H = sizes(rng, 4, 1, 7)
    shapes = {
        "x": (T, B, D),
        "h0": (B, H),
        "weight_z": (H, D),
        "bias_z": (H,),
        "weight_h": (H, D),
        "bias_h": (H,),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


@chapter.question(
    points=3,
    returns=("a", "b", "y"),
    cases=a_minimal_gru,
    hints=(
        "Write h_t = (1 - z_t) h_{t-1} + z_t c_t as a_t h_{t-1} + b_t. Neither a_t nor b_t sees a state.",
        "z = torch.sigmoid(x @ weight_z.T + bias_z) is (T, B, H), and so is the candidate, without a tanh.",
        "a = 1 - z and b = z * candidate; then y, _ = doubling_scan(a, b, h0), or a loop over the steps.",
    ),
    see="the-minimal-gru",
    library="torch",
    trained=True,
)
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    """Gate and candidate look at the inputs only, so they are computed for all steps at once, by two products.

    What is left is a linear recurrence with a = 1 - z and b = z * candidate; any scan runs it, and so does a loop.
    """
    import torch

    z = torch.sigmoid(x @ weight_z.T + bias_z)
    candidate = x @ weight_h.T + bias_h
    a, b = 1 - z, z * candidate
    h, y = h0, []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        y.append(h)
    return a, b, torch.stack(y)


min_gru.mistake(
    "gate_turned_round",
    "a, b = 1 - z, z * candidate",
    "a, b = z, (1 - z) * candidate",
    "z keeps here, as in torch's GRU. In the minimal GRU it writes: h = (1 - z) * h + z * candidate.",
)
min_gru.mistake(
    "candidate_not_gated",
    "z * candidate",
    "candidate",
    "b is the whole candidate. Only the share z of it is written: z * candidate.",
)
min_gru.mistake(
    "candidate_with_tanh",
    "candidate = x @ weight_h.T + bias_h",
    "candidate = torch.tanh(x @ weight_h.T + bias_h)",
    "the candidate goes through a tanh. The minimal GRU leaves it out.",
)
min_gru.mistake(
    "gate_without_sigmoid",
    "torch.sigmoid(x @ weight_z.T + bias_z)",
    "x @ weight_z.T + bias_z",
    "z has no sigmoid. A gate is a share between 0 and 1.",
)
min_gru.mistake(
    "gate_with_tanh",
    "torch.sigmoid(",
    "torch.tanh(",
    "z is a tanh, between -1 and 1. A gate is a share between 0 and 1: the sigmoid.",
)
min_gru.mistake(
    "starts_from_zero",
    "h, y = h0, []",
    "h, y = 0 * h0, []",
    "the recurrence starts from zero. There is an initial state, h0.",
)
min_gru.mistake(
    "layers_exchanged",
    "z = torch.sigmoid(x @ weight_z.T + bias_z)\n    candidate = x @ weight_h.T + bias_h",
    "z = torch.sigmoid(x @ weight_h.T + bias_h)\n    candidate = x @ weight_z.T + bias_z",
    "the two layers are exchanged: weight_z and bias_z make the gate, weight_h and bias_h the candidate.",
)
min_gru.mistake(
    "keeps_everything",
    "h = a_t * h + b_t",
    "h = h + b_t",
    "the state is not multiplied by a = 1 - z: it adds everything up and forgets nothing.",
)


# ---------------------------------------------------------------------- factors chosen by hand


def some_events(rng):
    """A series of values, and where marks and bits stand, as 0.0 and 1.0; some steps have both."""
    T = int(rng.integers(4, 12))
    marked, bit = (rng.integers(0, 2, size=T).astype(float) for _ in range(2))
    return {"value": rng.normal(size=T), "marked": marked, "bit": bit}


@chapter.question(
    points=2,
    returns=("a_hold", "b_hold", "a_turn", "b_turn", "a_mean", "b_mean"),
    cases=some_events,
    hints=(
        "Ask at each step what is to happen to the state: kept (a = 1), dropped (a = 0), turned round (a = -1)?",
        "hold: a mark drops the state and writes the value, no mark keeps it. turn: a mark drops it and writes 1.",
        "Write the mean of t values by the mean of t - 1 of them: which share has each?",
    ),
    see="what-was-given-up",
)
def maps_by_hand(value, marked, bit):
    """Where a is 0 the past is dropped, where it is 1 kept, where it is -1 turned round; b is what is written.

    A mean over t values holds the one before with weight (t - 1) / t, and the new value with 1 / t.
    """
    t = np.arange(1, len(value) + 1)
    hold = 1 - marked, marked * value
    turn = (1 - marked) * (1 - 2 * bit), marked
    return *hold, *turn, (t - 1) / t, value / t


maps_by_hand.mistake(
    "nothing_is_dropped",
    "hold = 1 - marked,",
    "hold = np.ones(len(t)),",
    "hold keeps the old value at a mark and adds the new one to it. To replace it, drop the old one: a = 0 there.",
)
maps_by_hand.mistake(
    "everything_is_written",
    "marked * value",
    "value",
    "hold writes the value at every step. Where there is no mark nothing is written: b = 0.",
)
maps_by_hand.mistake(
    "marks_turned_round",
    "hold = 1 - marked, marked * value",
    "hold = marked, (1 - marked) * value",
    "hold keeps at the marks and writes everywhere else: it is the other way round.",
)
maps_by_hand.mistake(
    "bits_drop",
    "(1 - 2 * bit)",
    "(1 - bit)",
    "a one drops the sign, with a factor of 0. It is to turn it round: -1.",
)
maps_by_hand.mistake(
    "zeros_turn",
    "(1 - 2 * bit)",
    "(2 * bit - 1)",
    "the sign is turned by a zero and kept by a one: it is the other way round.",
)
maps_by_hand.mistake(
    "turned_without_a_new_start",
    "turn = (1 - marked) * (1 - 2 * bit), marked",
    "turn = 1 - 2 * bit, 0 * marked",
    "turn does not start anew at the marks. There a = 0 drops the old sign, and b = 1 writes the new one.",
)
maps_by_hand.mistake(
    "old_sign_not_dropped",
    "turn = (1 - marked) * (1 - 2 * bit),",
    "turn = 1 - 2 * bit,",
    "turn adds 1 to the old sign at a mark. To start anew, drop the old one: a = 0 there, whatever the bit.",
)
maps_by_hand.mistake(
    "time_from_zero",
    "(t - 1) / t, value / t",
    "t / (t + 1), value / (t + 1)",
    "the mean divides by one too many: after the first step it is a mean of one value, with a = 0 and b = value.",
)
maps_by_hand.mistake(
    "mean_is_sum",
    "(t - 1) / t, value / t",
    "t / t, value",
    "this is the sum of all values. For a mean the old one counts (t - 1) / t and the new value 1 / t.",
)
maps_by_hand.mistake(
    "mean_shares",
    "(t - 1) / t, value / t",
    "np.full(len(t), 1 - 1 / len(t)), value / len(t)",
    "the mean gives every step the share 1 / T. After t steps it is to be the mean of t values, so the share is 1 / t.",
)


# ---------------------------------------------------------------------- attention as a recurrence


def a_look_back(rng):
    """Queries, keys, values of one sequence, and a factor for each step; at times a single step."""
    T, K, V = sizes(rng, 3, 1, 6)
    return {
        "q": rng.normal(size=(T, K)),
        "k": rng.normal(size=(T, K)),
        "v": rng.normal(size=(T, V)),
        "decay": rng.uniform(0.3, 0.95, size=T),
    }


@chapter.question(
    points=3,
    returns=("y", "S", "weights"),
    cases=a_look_back,
    hints=(
        "The state is a matrix (K, V). A step fades it, adds np.outer(k_t, v_t), and then reads: S.T @ q_t.",
        "What step j wrote is multiplied at each later step, from j + 1 to t. Its own factor came before it wrote.",
        "Row t of the weights: begin with those of step t - 1, faded by decay_t, add 1 at t; then times q_t . k_j.",
    ),
    see="and-back-again",
)
def fading_attention(q, k, v, decay):
    """Write, then read: y_t = S_t^T q_t, where S_t holds k_j v_j^T times all factors after step j.

    So y_t is the sum over j <= t of (q_t . k_j) (product of the factors from j + 1 to t) v_j. These products are
    carried along: each step multiplies all of them, and begins its own at 1.
    """
    S, left = np.zeros((k.shape[1], v.shape[1])), np.zeros(len(q))
    y, weights = [], []
    for t in range(len(q)):
        S = decay[t] * S + np.outer(k[t], v[t])
        left = decay[t] * left
        left[t] = 1
        y.append(S.T @ q[t])
        weights.append(left * (k @ q[t]))
    return np.stack(y), S, np.stack(weights)


fading_attention.mistake(
    "read_before_writing",
    "        S = decay[t] * S + np.outer(k[t], v[t])\n        left = decay[t] * left\n        left[t] = 1\n"
    "        y.append(S.T @ q[t])\n        weights.append(left * (k @ q[t]))\n",
    "        y.append(S.T @ q[t])\n        weights.append(left * (k @ q[t]))\n"
    "        S = decay[t] * S + np.outer(k[t], v[t])\n        left = decay[t] * left\n        left[t] = 1\n",
    "the state is read before the step has written, as in the article. The sum is over j <= t, so t is in it.",
)
fading_attention.mistake(
    "fades_what_it_writes",
    "        S = decay[t] * S + np.outer(k[t], v[t])\n        left = decay[t] * left\n        left[t] = 1\n",
    "        S = decay[t] * (S + np.outer(k[t], v[t]))\n        left[t] = 1\n        left = decay[t] * left\n",
    "a step fades what it has just written. Its factor is for the past: S = decay * S + k v^T.",
)
fading_attention.mistake(
    "nothing_fades",
    "        S = decay[t] * S + np.outer(k[t], v[t])\n        left = decay[t] * left\n",
    "        S = S + np.outer(k[t], v[t])\n",
    "nothing fades. Each step multiplies the whole state by its factor before it writes.",
)
fading_attention.mistake(
    "state_transposed",
    "np.stack(y), S,",
    "np.stack(y), S.T,",
    "the state is v k^T, (V, K). Here it is k v^T: the query asks along the keys, the first axis.",
)
fading_attention.mistake(
    "weights_without_fading",
    "left = decay[t] * left\n",
    "pass\n",
    "y is right and the weights do not fade. What step j wrote carries the factors of all steps after it.",
)
fading_attention.mistake(
    "weights_with_own_factor",
    "        left = decay[t] * left\n        left[t] = 1\n",
    "        left[t] = 1\n        left = decay[t] * left\n",
    "the weights count the factor of step j itself. It was there before step j wrote: begin with j + 1.",
)
fading_attention.mistake(
    "weights_faded_from_the_start",
    "left * (k @ q[t])",
    "(np.arange(len(q)) <= t) * np.prod(decay[: t + 1]) * (k @ q[t])",
    "every weight carries all factors from the first on. What step j wrote has met those of the steps after j only.",
)
fading_attention.mistake(
    "weights_of_one_factor",
    "left * (k @ q[t])",
    "np.tri(len(q))[t] * decay[t] ** np.maximum(t - np.arange(len(q)), 0) * (k @ q[t])",
    "one factor is taken for all steps in between. Each step has its own: multiply those from j + 1 to t.",
)
fading_attention.mistake(
    "weights_without_scores",
    "left * (k @ q[t])",
    "left.copy()",
    "these weights say how much is left, and not how well it fits: multiply by q_t . k_j.",
)
fading_attention.mistake(
    "weights_of_the_future",
    "weights.append(left * (k @ q[t]))",
    "weights.append((left + (np.arange(len(q)) > t)) * (k @ q[t]))",
    "there are weights for steps after t. Step t has not read them: zero where j > t.",
)


# ---------------------------------------------------------------------- repair this run: a memory that is a matrix


def notes_and_questions(rng):
    """Keys, values and what is asked for at each step, and how much of the memory stays."""
    T, B, N, M = sizes(rng, 4)
    return {
        "q": rng.normal(size=(T, B, N)),
        "k": rng.normal(size=(T, B, N)),
        "v": rng.normal(size=(T, B, M)),
        "decay": float(rng.uniform(0.5, 0.95)),
    }


@chapter.question(
    points=2,
    returns=("y",),
    cases=notes_and_questions,
    hints=(
        "Write the shapes down: which axis of q is time, and over which does the loop of the run go?",
        "Two sequences with nothing in common must not hear of each other. Which line lets them?",
        "Time is the outer axis, each sequence has a memory of its own, and a step is read after it was written.",
    ),
    see="and-back-again",
)
def repair_memory(q, k, v, decay):
    """Each sequence has a matrix of its own: what was there fades, the new pair is added, and then it is read."""
    S, y = np.zeros((q.shape[1], q.shape[2], v.shape[2])), []
    for q_t, k_t, v_t in zip(q, k, v, strict=True):
        S = decay * S + k_t[:, :, None] * v_t[:, None, :]
        y.append((q_t[:, :, None] * S).sum(axis=1))
    return np.stack(y)


repair_memory.mistake(
    "time_and_batch_swapped",
    "    S, y = np.zeros((q.shape[1], q.shape[2], v.shape[2])), []\n",
    "    q, k, v = q.swapaxes(0, 1), k.swapaxes(0, 1), v.swapaxes(0, 1)\n"
    "    S, y = np.zeros((q.shape[1], q.shape[2], v.shape[2])), []\n",
    "time and batch are swapped: the loop goes over the sequences. Time is the first axis.",
)
repair_memory.mistake(
    "one_memory_for_all",
    "S = decay * S + k_t[:, :, None] * v_t[:, None, :]",
    "S = decay * S + (k_t[:, :, None] * v_t[:, None, :]).mean(axis=0)",
    "all sequences write into one memory. Each has its own: nothing is summed over the batch.",
)
repair_memory.mistake(
    "read_before_writing",
    "        S = decay * S + k_t[:, :, None] * v_t[:, None, :]\n        y.append((q_t[:, :, None] * S).sum(axis=1))\n",
    "        y.append((q_t[:, :, None] * S).sum(axis=1))\n        S = decay * S + k_t[:, :, None] * v_t[:, None, :]\n",
    "a step is read before it is written, so every answer is one step late.",
)
repair_memory.mistake(
    "the_new_fades_too",
    "decay * S + k_t[:, :, None] * v_t[:, None, :]",
    "decay * (S + k_t[:, :, None] * v_t[:, None, :])",
    "the new pair fades before it is read. Only what was there before fades.",
)
repair_memory.mistake(
    "nothing_fades",
    "decay * S",
    "S",
    "nothing fades: multiply what was there by decay.",
)
