"""The questions of chapter 05, Sequence to sequence."""

from collections import Counter

import numpy as np

from course_rnn.checking.cases import lengths_of, scores, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS
from course_rnn.questions.simple_rnn import rnn_forward, rnn_step, softmax_loss

chapter = Chapter("05_seq2seq", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- shift and mark


def some_targets(rng):
    """A padded batch of targets, and the numbers of the three special tokens."""
    n, B = sizes(rng, 2)
    lengths = lengths_of(rng, n, B)
    bos, eos, pad = (int(token) for token in rng.permutation(5)[:3])
    y = np.where(np.arange(n)[:, None] < lengths, rng.integers(5, 30, size=(n, B)), pad)
    return {"y": y, "lengths": lengths, "bos": bos, "eos": eos, "pad": pad}


@chapter.question(
    points=2,
    returns=("target_in", "target", "mask"),
    cases=some_targets,
    hints=(
        "On paper: y is 7 8 9, padded to 7 8 9 P P. What does the decoder read, and what must it say, at each step?",
        "The inputs are a row of BOS on top of y. The targets are y with a row of padding under it, and EOS where?",
        "target[lengths, np.arange(B)] = eos puts EOS behind each sequence. The mask is arange(T)[:, None] <= lengths.",
    ),
    see="words-become-numbers-shifted-and-marked",
)
def shift_inputs(y, lengths, bos, eos, pad):
    """BOS on top moves every word one step down: the inputs. The targets stay where they are.

    Behind the n words of a sequence, at step n, stands its EOS, and it counts: steps 0 to n are real.
    """
    T, B = len(y) + 1, len(lengths)
    target_in = np.concatenate([np.full((1, B), bos), y])
    target = np.concatenate([y, np.full((1, B), pad)])
    target[lengths, np.arange(B)] = eos
    return target_in, target, np.arange(T)[:, None] <= lengths


shift_inputs.mistake(
    "eos_behind_the_padding",
    "    target = np.concatenate([y, np.full((1, B), pad)])\n    target[lengths, np.arange(B)] = eos",
    "    target = np.concatenate([y, np.full((1, B), eos)])",
    "EOS stands at the end of the batch, behind the padding. Each sequence ends by itself: EOS at step lengths[b].",
)
shift_inputs.mistake(
    "eos_on_the_last_word",
    "target[lengths,",
    "target[lengths - 1,",
    "EOS has replaced the last word. It comes behind it: n words stand at steps 0 to n - 1, so EOS at step n.",
)
shift_inputs.mistake(
    "no_step_for_eos",
    "    target_in = np.concatenate([np.full((1, B), bos), y])\n"
    "    target = np.concatenate([y, np.full((1, B), pad)])\n"
    "    target[lengths, np.arange(B)] = eos\n"
    "    return target_in, target, np.arange(T)[:, None] <= lengths",
    "    target_in = np.concatenate([np.full((1, B), bos), y[:-1]])\n    return target_in, y, y != pad",
    "there is no step at which EOS could be said. n words need n + 1 steps: the last one reads y_n and says EOS.",
)
shift_inputs.mistake(
    "without_eos",
    "    target[lengths, np.arange(B)] = eos\n",
    "",
    "the targets have no EOS. A decoder that never has to say it does not learn to stop.",
)
shift_inputs.mistake(
    "eos_not_real",
    "[:, None] <= lengths",
    "[:, None] < lengths",
    "EOS is left out of the mask. It is a real token, and the decoder must learn to say it.",
)
shift_inputs.mistake(
    "everything_marked",
    "np.arange(T)[:, None] <= lengths",
    "np.ones((T, B), bool)",
    "the mask marks the padding too. Real are the words and EOS: steps 0 to n.",
)
shift_inputs.mistake(
    "mask_turned_round",
    "[:, None] <= lengths",
    "[:, None] > lengths",
    "the mask marks the padding. True stands for the tokens that count.",
)
shift_inputs.mistake(
    "eos_among_the_inputs",
    "    return target_in, target,",
    "    target_in[lengths[lengths < len(y)] + 1, np.arange(B)[lengths < len(y)]] = eos\n    return target_in, target,",
    "the inputs hold EOS. It is only ever said, never read: after it there is nothing left to say.",
)
shift_inputs.mistake(
    "inputs_not_shifted",
    "np.concatenate([np.full((1, B), bos), y])",
    "np.concatenate([y, np.full((1, B), pad)])",
    "the inputs are not shifted: at each step the decoder reads the very word that it has to say. Begin with BOS.",
)
shift_inputs.mistake(
    "bos_for_the_first_word",
    "np.concatenate([np.full((1, B), bos), y])",
    "np.concatenate([np.full((1, B), bos), y[1:], np.full((1, B), pad)])",
    "BOS has replaced the first word. It comes before it, and moves every word one step down.",
)
shift_inputs.mistake(
    "bos_among_the_targets",
    "    target = np.concatenate([y, np.full((1, B), pad)])\n    target[lengths,",
    "    target = np.concatenate([target_in, np.full((1, B), pad)])\n    target[lengths + 1,",
    "the targets begin with BOS. The decoder never says it: its first word answers to BOS.",
)
shift_inputs.mistake(
    "outputs_swapped",
    "return target_in, target,",
    "return target, target_in,",
    "inputs and targets are returned in the wrong order: what the decoder reads comes first.",
)


# ---------------------------------------------------------------------- the masked loss


def scores_and_targets(rng):
    """Scores, at times in the hundreds, targets with 0 at the padding, and the mask of the real ones."""
    T, B, V = sizes(rng, 3)
    V = max(V, 2)
    mask = np.arange(T)[:, None] < lengths_of(rng, T, B)
    target = np.where(mask, rng.integers(1, V, size=(T, B)), 0)
    return {"logits": scores(rng, 1.5, (T, B, V)), "target": target, "mask": mask}


@chapter.question(
    points=3,
    returns=("loss", "dlogits"),
    cases=scores_and_targets,
    hints=(
        "Padding must neither add to the sum nor to the number that it is divided by. What is that number?",
        "n = mask.sum(). A (T, B) array of losses, indexed with [mask], is the list of those that count.",
        "dlogits = (p - one_hot) / n where the mask is True and 0 elsewhere; mask[..., None] is (T, B, 1).",
    ),
    see="padding-stays-out-of-the-loss",
)
def masked_loss(logits, target, mask):
    """The mean runs over the n real tokens: both the sum and the number that divides it leave padding out.

    The gradient of -log p by the scores is p - one_hot; a mean of n has 1/n of each, and padding nothing.
    exp of a large score is inf and log of a tiny p is -inf: the largest score is taken off, log p made from the scores.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    p, one_hot = np.exp(log_p), np.eye(logits.shape[-1])[target]
    n = mask.sum()
    loss = -(log_p * one_hot).sum(axis=-1)[mask].sum() / n
    return loss, mask[..., None] * (p - one_hot) / n


masked_loss.mistake(
    "padding_counted",
    "n = mask.sum()",
    "mask = np.ones_like(mask)\n    n = mask.sum()",
    "PAD is in the loss, as in the article: the mean is over all steps. Take those where the mask is True.",
)
masked_loss.mistake(
    "divided_by_all",
    "n = mask.sum()",
    "n = mask.size",
    "the sum leaves the padding out, but it is divided by all steps. Divide by the number of real ones: mask.sum().",
)
masked_loss.mistake(
    "divided_by_the_batch",
    "n = mask.sum()",
    "n = mask.shape[1]",
    "the sum is divided by the number of sequences, so long ones weigh more. It is the mean over real tokens.",
)
masked_loss.mistake(
    "sum_for_mean",
    "n = mask.sum()",
    "n = 1",
    "the losses are added up. Divide by the number of real tokens, mask.sum(), in the loss and in its gradient.",
)
masked_loss.mistake(
    "mean_of_means",
    "loss = -(log_p * one_hot).sum(axis=-1)[mask].sum() / n",
    "loss = (-(log_p * one_hot).sum(axis=-1) * mask / mask.sum(axis=0)).sum(axis=0).mean()",
    "each sequence is averaged first, so a word of a short one weighs more. Take one mean over all real words.",
)
masked_loss.mistake(
    "gradient_at_padding",
    "return loss, mask[..., None] * (p - one_hot) / n",
    "return loss, (p - one_hot) / n",
    "the padding has a gradient. It is not in the loss, so its scores cannot move it: exactly 0 there.",
)
masked_loss.mistake(
    "gradient_of_the_sum",
    "(p - one_hot) / n",
    "(p - one_hot)",
    "the gradient is that of the sum. The loss is a mean over n tokens, so each has 1/n of it.",
)
masked_loss.mistake(
    "gradient_turned_round",
    "(p - one_hot) / n",
    "(one_hot - p) / n",
    "the gradient has the wrong sign. A higher score of a wrong class makes the loss grow: p - one_hot.",
)
masked_loss.mistake(
    "one_hot_forgotten",
    "(p - one_hot) / n",
    "p / n",
    "the gradient lacks the right class. It is p - one_hot: the score of the right class is pulled up.",
)
masked_loss.mistake(
    "minus_missing",
    "loss = -(",
    "loss = (",
    "the minus is missing: the loss is to be small where the probability is large.",
)
masked_loss.mistake(
    "classes_as_steps",
    "-(log_p * one_hot).sum(axis=-1)[mask].sum() / n",
    "-log_p[target][mask].mean()",
    "p[target] takes steps, the first axis, by the numbers of words. Pick along the last axis, or multiply by one-hot.",
)
masked_loss.mistake(
    "scores_masked",
    "    shifted = logits - logits.max(axis=-1, keepdims=True)\n",
    "    shifted = logits * mask[..., None] - (logits * mask[..., None]).max(axis=-1, keepdims=True)\n"
    "    mask = np.ones_like(mask)\n",
    "the scores were set to zero at the padding. Then p is 1/V there, and still in the mean: mask the losses instead.",
)


@masked_loss.wrong(
    "exp of a large score is inf, and inf / inf is nan. Take the largest score of each step off first: p is the same."
)
def overflow(logits, target, mask):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    one_hot, n = np.eye(logits.shape[-1])[target], mask.sum()
    return -np.log((p * one_hot).sum(axis=-1))[mask].sum() / n, mask[..., None] * (p - one_hot) / n


@masked_loss.wrong(
    "a probability may be too small for a number, and log 0 is -inf. log p = o - max - log(sum(exp(o - max)))."
)
def logarithm_of_zero(logits, target, mask):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    one_hot, n = np.eye(logits.shape[-1])[target], mask.sum()
    return -np.log((p * one_hot).sum(axis=-1))[mask].sum() / n, mask[..., None] * (p - one_hot) / n


masked_loss.inherit(softmax_loss)


# ---------------------------------------------------------------------- three ways to connect the context


def a_decoder(rng):
    """A target, a context, at times as large as the state of the decoder, one of the three ways, and weights."""
    T, B, E, H, other = sizes(rng, 5)
    size, context = int(rng.choice([H, other])), str(rng.choice(["init", "every_step", "both"]))
    shapes = {"W_c": (H, size), "b_c": H, "U": (H, E), "C": (H, size), "W": (H, H), "b": H}
    weights = {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}
    return {"x": rng.normal(size=(T, B, E)), "c": rng.normal(size=(B, size)), "context": context, **weights}


@chapter.question(
    points=3,
    returns=("states",),
    cases=a_decoder,
    hints=(
        "Two questions, each with yes or no for each of the three ways: does c make s_0? Does C c enter every step?",
        "s_0 is zero only with 'every_step'. C c does not change: with b it is one bias, made once before the loop.",
        "bias = b if context == 'init' else b + c @ C.T; then s = np.tanh(x_t @ U.T + s @ W.T + bias) for each x_t.",
    ),
    see="three-ways-to-connect-the-context",
)
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    """With "init" and "both" the context makes the first state, with "every_step" and "both" it is a part of the bias.

    It is the encoder's last state and stays the same all the time, so the bias is made once.
    """
    s = np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)
    bias = b if context == "init" else b + c @ C.T
    states = []
    for x_t in x:
        s = np.tanh(x_t @ U.T + s @ W.T + bias)
        states.append(s)
    return np.stack(states)


decoder_states.mistake(
    "state_for_context",
    "s @ W.T + bias)",
    's @ W.T + bias)\n        bias = b if context == "init" else b + s @ C.T',
    "the decoder's own state takes the place of the context. c is the encoder's last state at every step.",
)
decoder_states.mistake(
    "always_the_first_state",
    'np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)',
    "np.tanh(c @ W_c.T + b_c)",
    "s_0 is made of the context in all three ways. With 'every_step' it is zero.",
)
decoder_states.mistake(
    "always_zero_first",
    'np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)',
    "np.zeros((len(c), len(b)))",
    "s_0 is always zero. With 'init' and 'both' it is made of the context: tanh(W_c c + b_c).",
)
decoder_states.mistake(
    "always_at_every_step",
    'b if context == "init" else b + c @ C.T',
    "b + c @ C.T",
    "the context enters the steps in all three ways. With 'init' it is in the first state only.",
)
decoder_states.mistake(
    "both_without_the_steps",
    'b if context == "init" else b + c @ C.T',
    'b + c @ C.T if context == "every_step" else b',
    "with 'both' the context does not enter the steps. It does both: first state and every step.",
)
decoder_states.mistake(
    "both_without_the_first_state",
    'np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)',
    'np.tanh(c @ W_c.T + b_c) if context == "init" else np.zeros((len(c), len(b)))',
    "with 'both' the first state is zero. It does both: first state and every step.",
)
decoder_states.mistake(
    "linear_first_state",
    "np.tanh(c @ W_c.T + b_c)",
    "c @ W_c.T + b_c",
    "the first state lacks its tanh: s_0 = tanh(W_c c + b_c), so that it looks like any other state.",
)
decoder_states.mistake(
    "without_its_bias",
    " + b_c",
    "",
    "b_c is missing in the first state: s_0 = tanh(W_c c + b_c).",
)
decoder_states.mistake(
    "context_at_the_first_step_only",
    "s @ W.T + bias)",
    "s @ W.T + bias)\n        bias = b",
    "the context enters the first step only. With 'every_step' and 'both' it is there at each.",
)
decoder_states.mistake(
    "without_bias",
    'b if context == "init" else b + c @ C.T',
    'b if context == "init" else c @ C.T',
    "b is lost where the context enters the steps. C c is added to it: b + C c.",
)
decoder_states.mistake(
    "first_state_among_the_states",
    "states = []",
    "states = [s]",
    "s_0 stands among the states. There is one state for each input, T of them: s_1 is the first.",
)
decoder_states.mistake(
    "state_not_carried",
    "        s = np.tanh(x_t @ U.T + s @ W.T + bias)\n        states.append(s)",
    "        states.append(np.tanh(x_t @ U.T + s @ W.T + bias))",
    "every step starts from s_0 again. Assign the new state to s inside the loop.",
)

decoder_states.inherit(rnn_step, rnn_forward)


# ---------------------------------------------------------------------- greedy decoding


def decode_step(tokens, s, E, U, W, b, W_o, b_o):
    """Scores of the next token and the new state; the notebook gives it to the learner."""
    s = np.tanh(E[tokens] @ U.T + s @ W.T + b)
    return s @ W_o.T + b_o, s


def a_trained_decoder(rng):
    """A decoder that ends its sequences at different steps: all of them, or some run into the limit."""
    bos, eos, pad = (int(token) for token in rng.permutation(3))
    all_end = bool(rng.integers(2))
    while True:
        B, embedded, H, words = sizes(rng, 4)
        V = words + 3
        shapes = {"E": (V, embedded), "U": (H, embedded), "W": (H, H), "b": H, "W_o": (V, H), "b_o": V}
        weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        weights["b_o"][[bos, pad]] = -20.0  # it has learnt never to say these
        case = {"s": rng.normal(size=(B, H)), "max_length": 6, "bos": bos, "eos": eos, "pad": pad, **weights}
        ends = greedy_tokens.reference(**case) == eos
        if ends.any(axis=1).sum() > (B > 1) and not ends[-1].any() and ends.any(axis=0).all() == all_end:
            return case


@chapter.question(
    points=3,
    returns=("written",),
    cases=a_trained_decoder,
    hints=(
        "Scores are no word. Which number does decode_step want as its first argument at the second step?",
        "tokens = o.argmax(axis=-1) chooses a word for each sequence; these go into the next step. Who has ended?",
        "done = np.zeros(B, bool) at first. Each step writes np.where(done, pad, tokens), then done |= tokens == eos.",
    ),
    see="the-decoder",
)
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    """A word is chosen from the scores, written and fed back; BOS is the word before the first.

    Whoever has said EOS is done: from the next step on, padding is written for it, whatever the decoder says.
    """
    tokens, done, written = np.full(len(s), bos), np.zeros(len(s), bool), []
    for _ in range(max_length):
        o, s = decode_step(tokens, s, E, U, W, b, W_o, b_o)
        tokens = o.argmax(axis=-1)
        written.append(np.where(done, pad, tokens))
        done = done | (tokens == eos)
    return np.stack(written)


@greedy_tokens.wrong(
    "the scores are fed back, multiplied with the embeddings, as in the article. Choose a word first, by argmax."
)
def scores_fed_back(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    x, done, written = E[np.full(len(s), bos)], np.zeros(len(s), bool), []
    for _ in range(max_length):
        s = np.tanh(x @ U.T + s @ W.T + b)
        o = s @ W_o.T + b_o
        x = o @ E
        written.append(np.where(done, pad, o.argmax(axis=-1)))
        done = done | (o.argmax(axis=-1) == eos)
    return np.stack(written)


@greedy_tokens.wrong(
    "the probabilities are fed back, as a mean of all embeddings. A decoder lives on words: choose one, by argmax."
)
def probabilities_fed_back(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    x, done, written = E[np.full(len(s), bos)], np.zeros(len(s), bool), []
    for _ in range(max_length):
        s = np.tanh(x @ U.T + s @ W.T + b)
        o = s @ W_o.T + b_o
        x = np.exp(o) / np.exp(o).sum(axis=-1, keepdims=True) @ E
        written.append(np.where(done, pad, o.argmax(axis=-1)))
        done = done | (o.argmax(axis=-1) == eos)
    return np.stack(written)


greedy_tokens.mistake(
    "scores_as_tokens",
    "        tokens = o.argmax(axis=-1)\n"
    "        written.append(np.where(done, pad, tokens))\n"
    "        done = done | (tokens == eos)",
    "        tokens = o\n        written.append(tokens)",
    "the output itself is fed back, as in the article. It is a vector of scores: choose a word first, by argmax.",
)
greedy_tokens.mistake(
    "one_word_for_all",
    "o.argmax(axis=-1)",
    "o.argmax()",
    "argmax without an axis takes the largest score of the whole batch. Each sequence chooses its own: axis=-1.",
)
greedy_tokens.mistake(
    "always_bos",
    "decode_step(tokens, s,",
    "decode_step(np.full(len(s), bos), s,",
    "the decoder reads BOS at every step. What it has just written is its next input.",
)
greedy_tokens.mistake(
    "state_not_carried",
    "o, s = decode_step",
    "o, _ = decode_step",
    "every step starts from the first state. decode_step returns the new one: keep it in s.",
)
greedy_tokens.mistake(
    "goes_on_after_eos",
    "np.where(done, pad, tokens)",
    "tokens",
    "the sequences go on after EOS. Whoever has said it is done: write pad from then on.",
)
greedy_tokens.mistake(
    "eos_overwritten",
    "        written.append(np.where(done, pad, tokens))\n        done = done | (tokens == eos)",
    "        done = done | (tokens == eos)\n        written.append(np.where(done, pad, tokens))",
    "EOS itself is replaced by pad. A sequence is done after it: write first, then mark it as done.",
)
greedy_tokens.mistake(
    "all_stop_with_the_first",
    "done = done | (tokens == eos)",
    "done = done | (tokens == eos).any()",
    "all sequences stop as soon as one has ended. Each has an end of its own: done has B entries.",
)
greedy_tokens.mistake(
    "stops_when_all_are_done",
    "        o, s = decode_step",
    "        if done.all():\n            break\n        o, s = decode_step",
    "the loop stops when all have ended, so rows are missing. Let it run to max_length, or fill up with pad.",
)
greedy_tokens.mistake(
    "done_is_forgotten",
    "done = done | (tokens == eos)",
    "done = tokens == eos",
    "a sequence is silent for one step after EOS and then goes on. Once done, always done: done |= tokens == eos.",
)
greedy_tokens.mistake(
    "batch_first",
    "np.stack(written)",
    "np.stack(written, axis=1)",
    "the sequences are rows. Time comes first here, as everywhere: (max_length, B).",
)
greedy_tokens.mistake(
    "bos_written",
    "np.zeros(len(s), bool), []",
    "np.zeros(len(s), bool), [np.full(len(s), bos)]",
    "BOS is written too. It is the first input and no word of the answer, which has max_length rows.",
)
greedy_tokens.mistake(
    "word_of_the_batch",
    "o.argmax(axis=-1)",
    "o.argmax(axis=0)",
    "the argmax runs over the batch. Each sequence chooses its own word among the V scores: axis=-1.",
)
greedy_tokens.mistake(
    "ended_with_eos",
    "np.where(done, pad, tokens)",
    "np.where(done, eos, tokens)",
    "EOS is repeated to the end. It is written once, and pad after it.",
)


# ---------------------------------------------------------------------- beam search


def some_tables(rng):
    """Tables of log-probabilities for which greedy, beam search and as a rule a wider search end differently."""
    while True:
        V, T, width = int(rng.integers(3, 7)), int(rng.integers(3, 6)), int(rng.integers(2, 5))
        start, then = (np.exp(rng.normal(size=shape)) for shape in (V, (T - 1, V, V)))
        start, then = (np.log(p / p.sum(axis=-1, keepdims=True)) for p in (start, then))
        greedy, beam, best = (best_by_beam.reference(start, then, k)[0] for k in (1, width, V**T))
        every_start = best_by_beam.mistakes["every_start_kept"].function(start, then, width)[0]
        hard = (beam != every_start).any() or (beam != best).any() or rng.random() < 0.2
        if (greedy != beam).any() and hard:
            return {"start": start, "then": then, "width": width}


@chapter.question(
    points=3,
    returns=("words", "score"),
    cases=some_tables,
    hints=(
        "Do the example of the chapter by hand with width 2: which beginnings are there after one word, after two?",
        "Keep paths (n, t) and their scores (n,). Each step: keep the best width, continue each with all V words.",
        "All continuations of the kept sentences make a table (n, V). Flat, which places are best, and whose?",
    ),
    see="greedy-beam-or-drawn-by-lot",
)
def best_by_beam(start, then, width):
    """Of the beginnings the best `width` are kept; each is continued with every word; the logarithms add up.

    At the end the best is taken. It need not be the best of all: its beginning may have been dropped.
    """
    paths, scores = np.arange(len(start))[:, None], start
    for table in then:
        kept = np.argsort(-scores)[:width]
        paths, scores = paths[kept], scores[kept]
        scores = (scores[:, None] + table[paths[:, -1]]).ravel()
        paths = np.array([[*path, word] for path in paths for word in range(len(start))])
    return paths[scores.argmax()], scores.max()


best_by_beam.mistake(
    "greedy",
    "[:width]",
    "[:1]",
    "this is greedy: only the best beginning is kept. Keep the best `width` of them.",
)
best_by_beam.mistake(
    "everything_kept",
    "[:width]",
    "",
    "no beginning is ever dropped, which is a search of everything. Keep only the best `width` before going on.",
)
best_by_beam.mistake(
    "every_start_kept",
    "    for table in then:\n"
    "        kept = np.argsort(-scores)[:width]\n"
    "        paths, scores = paths[kept], scores[kept]\n",
    "    for t, table in enumerate(then):\n"
    "        kept = np.argsort(-scores)[: width if t else None]\n"
    "        paths, scores = paths[kept], scores[kept]\n",
    "all first words are kept. The beam holds `width` beginnings from the start: drop the others after the first word.",
)
best_by_beam.mistake(
    "worst_kept",
    "np.argsort(-scores)",
    "np.argsort(scores)",
    "np.argsort sorts upwards, so the worst beginnings were kept. Sort -scores.",
)
best_by_beam.mistake(
    "multiplied",
    "scores[:, None] + table",
    "scores[:, None] * table",
    "the logarithms are multiplied. Probabilities multiply, their logarithms add up.",
)
best_by_beam.mistake(
    "last_word_only",
    "(scores[:, None] + table[paths[:, -1]]).ravel()",
    "table[paths[:, -1]].ravel()",
    "the beginnings are judged by their last word alone. The score of a beginning is the sum over all its words.",
)
best_by_beam.mistake(
    "first_word_only",
    "table[paths[:, -1]]",
    "table[paths[:, 0]]",
    "the next word is judged by the first word of the beginning. It follows the last one: paths[:, -1].",
)
best_by_beam.mistake(
    "table_turned_round",
    "table[paths[:, -1]]",
    "table.T[paths[:, -1]]",
    "the table is read the wrong way round: a row belongs to the word before, a column to the next.",
)
best_by_beam.mistake(
    "always_the_first_table",
    "table[paths[:, -1]]",
    "then[0][paths[:, -1]]",
    "every step reads the first table. Each step has its own: then[t].",
)
best_by_beam.mistake(
    "each_goes_on_by_itself",
    "    for table in then:\n"
    "        kept = np.argsort(-scores)[:width]\n"
    "        paths, scores = paths[kept], scores[kept]\n"
    "        scores = (scores[:, None] + table[paths[:, -1]]).ravel()\n"
    "        paths = np.array([[*path, word] for path in paths for word in range(len(start))])",
    "    kept = np.argsort(-scores)[:width]\n"
    "    paths, scores = paths[kept], scores[kept]\n"
    "    for table in then:\n"
    "        word = table[paths[:, -1]].argmax(axis=-1)\n"
    "        scores = scores + table[paths[:, -1], word]\n"
    "        paths = np.concatenate([paths, word[:, None]], axis=1)",
    "each beginning goes on greedily by itself. All continuations compete: one good beginning may take several places.",
)
best_by_beam.mistake(
    "mean_score",
    "scores.max()",
    "scores.max() / (len(then) + 1)",
    "the score is divided by the length. Without a length penalty it is the sum of the logarithms.",
)
best_by_beam.mistake(
    "probability",
    "scores.max()",
    "np.exp(scores.max())",
    "this is the probability. The score is its logarithm.",
)
best_by_beam.mistake(
    "first_of_the_beam",
    "paths[scores.argmax()], scores.max()",
    "paths[0], scores[0]",
    "the first of the last candidates is returned. They are not in order: take the one with the highest score.",
)


# ---------------------------------------------------------------------- BLEU


def grams(words, n):
    """How often each n words in a row occur; the notebook gives it to the learner."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def two_texts(rng):
    """A translation that repeats itself, and at times has fewer than n words, and the right one."""
    w, r, n = (int(size) for size in rng.integers(1, [7, 8, 4]))
    words, share = ["un", "deux", "cent", "mille"], [0.4, 0.1, 0.4, 0.1]
    written, right = ([str(word) for word in rng.choice(words, p=share, size=size)] for size in (w, r))
    return {"written": written, "right": right, "n": n}


@chapter.question(
    points=2,
    returns=("precision", "penalty"),
    cases=two_texts,
    hints=(
        "By hand: 'cent cent cent' was written, 'cent un' is right. How many of the three words earn a point?",
        "a & b of two Counters keeps each n-gram as often as it is in both. How many n-grams were written at all?",
        "precision = (a & b).total() / a.total(), 0 if nothing was written; penalty = min(1, exp(1 - r / w)).",
    ),
    see="training-and-how-to-judge-a-translation",
)
def bleu_parts(written, right, n):
    """Of the n-grams that were written, the share that is right, each counted at most as often as in the right answer.

    The penalty is below 1 only if the text is too short: a precision alone is best for one safe word.
    """
    a, b = grams(written, n), grams(right, n)
    precision = (a & b).total() / a.total() if a else 0.0
    return precision, min(1.0, np.exp(1 - len(right) / len(written)))


bleu_parts.mistake(
    "not_clipped",
    "(a & b).total()",
    "sum(count for gram, count in a.items() if gram in b)",
    "a repeated n-gram earns a point each time. Each counts at most as often as in the right answer: a & b.",
)
bleu_parts.mistake(
    "each_kind_once",
    "(a & b).total() / a.total()",
    "len(a & b) / len(a)",
    "each kind of n-gram is counted once, however often it was written. Count all of them: total().",
)
bleu_parts.mistake(
    "recall",
    "(a & b).total() / a.total() if a",
    "(a & b).total() / b.total() if a and b",
    "this is the share of the right n-grams that were found. Divide by the number of those that were written.",
)
bleu_parts.mistake(
    "divided_by_words",
    "a.total() if a",
    "len(written) if a",
    "w words have w - n + 1 n-grams: divide by those, not by the words.",
)
bleu_parts.mistake(
    "single_words",
    "grams(written, n), grams(right, n)",
    "grams(written, 1), grams(right, 1)",
    "n does not come in: these are single words. The order counts in n words in a row.",
)
bleu_parts.mistake(
    "lengths_exchanged",
    "len(right) / len(written)",
    "len(written) / len(right)",
    "the two lengths are exchanged, so long texts are punished. It is 1 - r / w: r the right one, w the written one.",
)
bleu_parts.mistake(
    "reward_for_length",
    "min(1.0, np.exp(1 - len(right) / len(written)))",
    "np.exp(1 - len(right) / len(written))",
    "a text that is too long gets more than 1. The penalty never rewards: min(1, ...).",
)
bleu_parts.mistake(
    "penalty_turned_round",
    "min(1.0, ",
    "max(1.0, ",
    "long texts are rewarded and short ones go free. The penalty lowers the score of short ones: min(1, ...).",
)
bleu_parts.mistake(
    "ratio_of_lengths",
    "np.exp(1 - len(right) / len(written))",
    "len(written) / len(right)",
    "this is the ratio of the lengths. BLEU's penalty is gentler: exp(1 - r / w).",
)
bleu_parts.mistake(
    "nothing_written",
    "(a & b).total() / a.total() if a else 0.0",
    "(a & b).total() / a.total()",
    "a text of fewer than n words has no n-grams, and 0 / 0 is an error. Its precision is 0.",
)


# ---------------------------------------------------------------------- attention


def states_and_memory(rng):
    """States of a decoder, those of an encoder, and the mask of the real ones; one source is a single token."""
    T, B, H, S = sizes(rng, 4)
    mask = np.arange(S)[:, None] < lengths_of(rng, S, B)
    memory = np.round(8 * rng.normal(size=(S, B, H))) / 8  # of few digits: large scores are exact in float32 too
    return {"s": scores(rng, 1.0, (T, B, H)), "memory": memory, "mask": mask}


@chapter.question(
    points=3,
    returns=("contexts", "alpha"),
    cases=states_and_memory,
    hints=(
        "First the scores (T, B, S): for each step and each sequence, s · h with every state h of its own source.",
        "torch.einsum('tbh,sbh->tbs', s, memory) makes them. Padding gets the score -inf, then softmax over dim=-1.",
        "scores.masked_fill(~mask.T, -torch.inf); the context is torch.einsum('tbs,sbh->tbh', alpha, memory).",
    ),
    see="attention-the-bridge",
    library="torch",
    trained=True,
)
def dot_attention(s, memory, mask):
    """Each state of the decoder is compared with each state of its own source; the best fit gets most of the weight.

    exp(-inf) is 0, so padding has no weight, and the weights of the real ones add up to 1.
    """
    import torch

    scores = torch.einsum("tbh,sbh->tbs", s, memory)
    alpha = torch.softmax(scores.masked_fill(~mask.T, -torch.inf), dim=-1)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


dot_attention.mistake(
    "without_mask",
    "scores.masked_fill(~mask.T, -torch.inf)",
    "scores",
    "padding gets weight. Set its scores to minus infinity before the softmax.",
)
dot_attention.mistake(
    "zero_for_minus_infinity",
    "-torch.inf",
    "0.0",
    "the scores of the padding are 0, and exp(0) is 1: it still gets weight. exp(-inf) is 0.",
)
dot_attention.mistake(
    "masked_after_the_softmax",
    "torch.softmax(scores.masked_fill(~mask.T, -torch.inf), dim=-1)",
    "torch.softmax(scores, dim=-1) * mask.T",
    "the mask came after the softmax, so the weights no longer add up to 1. Mask the scores, before it.",
)
dot_attention.mistake(
    "mask_turned_round",
    "~mask.T",
    "mask.T",
    "the real states are masked. The mask is True where they are real: fill where it is not, ~mask.",
)
dot_attention.mistake(
    "softmax_over_time",
    "dim=-1",
    "dim=0",
    "the weights add up to 1 over the steps of the decoder. Each step shares out 1 among the source: dim=-1.",
)
dot_attention.mistake(
    "softmax_over_the_batch",
    "dim=-1",
    "dim=1",
    "the weights add up to 1 over the batch. Each step shares out 1 among its own source: dim=-1.",
)
dot_attention.mistake(
    "scaled",
    '"tbh,sbh->tbs", s, memory)',
    '"tbh,sbh->tbs", s, memory) / s.shape[-1] ** 0.5',
    "the scores are divided by the root of H, as a transformer does it. Here the score is the plain product s · h.",
)
dot_attention.mistake(
    "no_softmax",
    "torch.softmax(scores.masked_fill(~mask.T, -torch.inf), dim=-1)",
    "scores.masked_fill(~mask.T, 0)",
    "the scores were taken for weights. The softmax makes them positive and lets them add up to 1.",
)
dot_attention.mistake(
    "weights_equal",
    'torch.einsum("tbs,sbh->tbh", alpha, memory), alpha',
    'torch.einsum("sb,sbh->bh", mask / mask.sum(dim=0), memory).expand(s.shape), alpha',
    "the context is the plain mean of the states, the same for all steps. Weigh them with alpha.",
)
dot_attention.mistake(
    "hardest",
    'torch.einsum("tbs,sbh->tbh", alpha, memory), alpha',
    'torch.einsum("tbs,sbh->tbh", (alpha == alpha.amax(dim=-1, keepdim=True)).to(alpha), memory), alpha',
    "the context is the one state with the largest weight. It is the mean of all of them, weighed with alpha.",
)
dot_attention.mistake(
    "outputs_swapped",
    'return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha',
    'return alpha, torch.einsum("tbs,sbh->tbh", alpha, memory)',
    "weights and contexts are returned in the wrong order: the contexts come first.",
)
dot_attention.mistake(
    "source_before_the_batch",
    "memory), alpha",
    "memory), alpha.swapaxes(1, 2)",
    "the weights are (T, S, B). The batch is the second axis: (T, B, S).",
)


# ---------------------------------------------------------------------- repair this run: generation


def a_writer(rng):
    """A small decoder, and what it begins with; its scores end a sequence often enough."""
    B, H, V = sizes(rng, 3, low=3, ones=False)
    bos, eos, pad = (int(token) for token in rng.permutation(V)[:3])
    return {
        "h": rng.normal(size=(B, H)),
        "n": int(rng.integers(4, 9)),
        "bos": bos,
        "eos": eos,
        "pad": pad,
        "E": rng.normal(size=(V, H)),
        "W": rng.normal(scale=0.7, size=(H, H)),
        "O": rng.normal(size=(V, H)),
    }


@chapter.question(
    points=2,
    returns=("written",),
    cases=a_writer,
    hints=(
        "The loss is fine, so each step is right when it gets the right things. What does it get here?",
        "Follow one sequence by hand for two steps: which state and which word go into the second?",
        "State and word both come from the step before. And what is written once a sequence has ended?",
    ),
    see="greedy-beam-or-drawn-by-lot",
)
def repair_generation(h, n, bos, eos, pad, E, W, O):
    """The state goes on, the word that was written goes back in, and after the end there is only padding."""
    word, ended, written = np.full(len(h), bos), np.zeros(len(h), dtype=bool), []
    for _ in range(n):
        h = np.tanh(E[word] + h @ W.T)
        word = np.where(ended, pad, (h @ O.T).argmax(axis=-1))
        ended = ended | (word == eos)
        written.append(word)
    return np.stack(written)


repair_generation.mistake(
    "state_not_carried",
    "    for _ in range(n):\n        h = np.tanh(E[word] + h @ W.T)\n        word = np.where(ended, pad, (h @ O.T)",
    "    for _ in range(n):\n        g = np.tanh(E[word] + h @ W.T)\n        word = np.where(ended, pad, (g @ O.T)",
    "each word is written from the first state: the state is not carried on. That is what the loss never showed.",
)
repair_generation.mistake(
    "never_hears_itself",
    "E[word] + h",
    "E[bos] + h",
    "the decoder gets BOS at every step. In training it got the right word; now it gets the one that it wrote.",
)
repair_generation.mistake(
    "does_not_stop",
    "np.where(ended, pad, (h @ O.T).argmax(axis=-1))",
    "(h @ O.T).argmax(axis=-1)",
    "it goes on after the end. Once EOS is written there is only padding.",
)
repair_generation.mistake(
    "end_not_written",
    "        ended = ended | (word == eos)\n",
    "        ended = ended | (word == eos)\n        word = np.where(ended, pad, word)\n",
    "the EOS itself is replaced by padding. It is the last word of a sequence, and is written.",
)
repair_generation.mistake(
    "begins_again_after_the_end",
    "ended | (word == eos)",
    "word == eos",
    "a sequence that has ended begins again two steps later. Once ended, it stays so.",
)
repair_generation.mistake(
    "the_least_likely",
    ".argmax(axis=-1)",
    ".argmin(axis=-1)",
    "the word with the lowest score is written. Greedy takes the highest.",
)
