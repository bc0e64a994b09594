"""What strangers hand in for chapter 5: wrong answers with their true cause, and right ones in unlike forms."""

import math
from collections import Counter

import numpy as np
import torch


def decode_step(tokens, s, E, U, W, b, W_o, b_o):
    """Scores (B, V) of the next token and the new state (B, H)."""
    s = np.tanh(E[tokens] @ U.T + s @ W.T + b)
    return s @ W_o.T + b_o, s


def grams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


# wrong: EOS stands in the last row for everyone, not behind each sequence
# says: EOS|eos|length|last row|behind
def shift_inputs(y, lengths, bos, eos, pad):
    B = y.shape[1]
    target_in = np.vstack([np.full(B, bos), y])
    target = np.vstack([y, np.full(B, eos)])
    mask = np.arange(len(target))[:, None] <= lengths
    return target_in, target, mask


# wrong: the EOS does not count in the mask
# says: mask|EOS|<=|count
def shift_inputs(y, lengths, bos, eos, pad):
    T, B = y.shape[0] + 1, y.shape[1]
    tin = np.full((T, B), pad)
    tout = np.full((T, B), pad)
    mask = np.zeros((T, B), dtype=bool)
    for b in range(B):
        n = lengths[b]
        tin[0, b] = bos
        tin[1 : n + 1, b] = y[:n, b]
        tout[:n, b] = y[:n, b]
        tout[n, b] = eos
        mask[:n, b] = True
    return tin, tout, mask


# wrong: the inputs have no BOS: they are the targets
# says: BOS|bos|shift|input
def shift_inputs(y, lengths, bos, eos, pad):
    B = len(lengths)
    target = np.concatenate([y, np.full((1, B), pad)])
    target[lengths, np.arange(B)] = eos
    return target.copy(), target, np.arange(len(y) + 1)[:, None] <= lengths


# wrong: no EOS is written at all
# says: EOS|eos
def shift_inputs(y, lengths, bos, eos, pad):
    B = len(lengths)
    tin = np.concatenate([np.full((1, B), bos), y])
    tout = np.concatenate([y, np.full((1, B), pad)])
    return tin, tout, np.arange(len(tin))[:, None] < lengths + 1


# wrong: the mask is where the target is not pad: a word may have pad's number, or EOS may equal it
# says: mask|pad|length
def shift_inputs(y, lengths, bos, eos, pad):
    B = len(lengths)
    tin = np.concatenate([np.full((1, B), bos), y])
    tout = np.concatenate([y, np.full((1, B), pad)])
    tout[lengths - 1, np.arange(B)] = eos
    return tin, tout, np.arange(len(tin))[:, None] <= lengths


# wrong: inputs and targets are exchanged in the return
# says: order|exchang|swap
def shift_inputs(y, lengths, bos, eos, pad):
    B = len(lengths)
    first = np.concatenate([np.full((1, B), bos), y])
    second = np.concatenate([y, np.full((1, B), pad)])
    for b, n in enumerate(lengths):
        second[n, b] = eos
    return second, first, np.arange(len(y) + 1)[:, None] <= lengths


# right: column by column
def shift_inputs(y, lengths, bos, eos, pad):
    T, B = y.shape[0] + 1, y.shape[1]
    tin, tout, mask = [], [], []
    for b in range(B):
        words, rest = list(y[: lengths[b], b]), T - 1 - lengths[b]
        tin.append([bos, *words] + [pad] * rest)
        tout.append([*words, eos] + [pad] * rest)
        mask.append([True] * (lengths[b] + 1) + [False] * rest)
    return np.array(tin).T, np.array(tout).T, np.array(mask).T


# right: np.insert and np.where
def shift_inputs(y, lengths, bos, eos, pad):
    t = np.arange(len(y) + 1)[:, None]
    longer = np.append(y, np.full((1, len(lengths)), pad), axis=0)
    return np.insert(y, 0, bos, axis=0), np.where(t == lengths, eos, longer), ~(t > lengths)


# wrong: divided by all steps, not by the real tokens
# says: n\b|count|real|all|divid|padding
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    hot = np.eye(logits.shape[-1])[target]
    loss = -((logp * hot).sum(-1) * mask).sum() / mask.size
    return loss, (np.exp(logp) - hot) * mask[..., None] / mask.size


# wrong: the gradient does not leave padding out
# says: gradient.*(padding|mask)|dlogits|padding|mask
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    hot = np.eye(logits.shape[-1])[target]
    n = mask.sum()
    loss = -(logp * hot).sum(-1)[mask].mean()
    return loss, (np.exp(logp) - hot) / n


# wrong: the gradient has the opposite sign
# says: sign|minus|negativ
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    hot = np.eye(logits.shape[-1])[target]
    loss = -(logp * hot).sum(-1)[mask].mean()
    return loss, mask[..., None] * (hot - np.exp(logp)) / mask.sum()


# wrong: the gradient is not divided by n
# says: n\b|divid|mean|factor
def masked_loss(logits, target, mask):
    T, B, V = logits.shape
    d = np.zeros_like(logits)
    loss, n = 0.0, 0
    for t in range(T):
        for b in range(B):
            if mask[t, b]:
                z = logits[t, b] - logits[t, b].max()
                logp = z - np.log(np.exp(z).sum())
                loss -= logp[target[t, b]]
                n += 1
                d[t, b] = np.exp(logp)
                d[t, b, target[t, b]] -= 1
    return loss / n, d


# wrong: overflow, as the largest score is not taken off
# says: overflow|largest|inf|nan|large
def masked_loss(logits, target, mask):
    e = np.exp(logits)
    p = e / e.sum(-1, keepdims=True)
    hot = np.eye(logits.shape[-1])[target]
    n = mask.sum()
    loss = -(np.log((p * hot).sum(-1)) * mask).sum() / n
    return loss, mask[..., None] * (p - hot) / n


# wrong: the one-hot is missing from the gradient
# says: one.hot|target|p -
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    picked = np.take_along_axis(logp, target[..., None], -1)[..., 0]
    n = mask.sum()
    return -picked[mask].sum() / n, mask[..., None] * np.exp(logp) / n


# wrong: each sequence's mean first, then the mean of these
# says: each sequence|per sequence|mean of|sequence|short
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    hot = np.eye(logits.shape[-1])[target]
    n = mask.sum(0)
    B = mask.shape[1]
    loss = -((logp * hot).sum(-1) * mask).sum(0) / n
    return loss.mean(), mask[..., None] * (np.exp(logp) - hot) / n[None, :, None] / B


# right: torch's autograd
def masked_loss(logits, target, mask):
    o = torch.tensor(logits, requires_grad=True)
    t = torch.tensor(np.where(mask, target, -100))
    loss = torch.nn.functional.cross_entropy(o.flatten(0, 1), t.flatten(), ignore_index=-100)
    loss.backward()
    return loss.item(), o.grad.numpy()


# right: weights m / n
def masked_loss(logits, target, mask):
    w = mask / mask.sum()
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    d = np.exp(log_p)
    T, B = target.shape
    d[np.arange(T)[:, None], np.arange(B), target] -= 1
    return -np.sum(w * np.take_along_axis(log_p, target[..., None], -1)[..., 0]), d * w[..., None]


# wrong: with "init" the context is also added at each step
# says: init|every step|every_step|C c|context
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    s = np.zeros((x.shape[1], len(b)))
    if context in ("init", "both"):
        s = np.tanh(c @ W_c.T + b_c)
    out = []
    for x_t in x:
        s = np.tanh(x_t @ U.T + s @ W.T + b + c @ C.T)
        out.append(s)
    return np.stack(out)


# wrong: "both" starts from zero
# says: both|zero|first state|s_0
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    if context == "init":
        s = np.tanh(c @ W_c.T + b_c)
        extra = 0
    else:
        s = np.zeros((len(c), len(b)))
        extra = c @ C.T
    states = []
    for t in range(len(x)):
        s = np.tanh(x[t] @ U.T + s @ W.T + b + extra)
        states.append(s)
    return np.array(states)


# wrong: the first state has no tanh
# says: tanh|first state|s_0
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    s = c @ W_c.T + b_c if context != "every_step" else np.zeros((len(c), len(b)))
    bias = b if context == "init" else b + c @ C.T
    out = []
    for x_t in x:
        s = np.tanh(x_t @ U.T + s @ W.T + bias)
        out.append(s)
    return np.stack(out)


# wrong: the context itself is the first state, without its layer
# says: W_c|layer|first state|shape|context|s_0
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    H = len(b)
    s = np.zeros((len(c), H))
    if context != "every_step":
        s[:, : c.shape[1]] = c[:, :H]
    bias = b if context == "init" else b + c @ C.T
    out = []
    for x_t in x:
        s = np.tanh(x_t @ U.T + s @ W.T + bias)
        out.append(s)
    return np.stack(out)


# wrong: the context enters only at the first step
# says: every step|first step|each step|only
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    s = np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)
    out = []
    for t, x_t in enumerate(x):
        a = x_t @ U.T + s @ W.T + b
        if t == 0 and context != "init":
            a = a + c @ C.T
        s = np.tanh(a)
        out.append(s)
    return np.stack(out)


# wrong: the first state is included and the last left out
# says: first|last|s_0|late|step|before
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    s = np.zeros((len(c), len(b))) if context == "every_step" else np.tanh(c @ W_c.T + b_c)
    bias = b if context == "init" else b + c @ C.T
    out = [s]
    for x_t in x[:-1]:
        s = np.tanh(x_t @ U.T + s @ W.T + bias)
        out.append(s)
    return np.stack(out)


# right: factors of 0 and 1
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    start, each = {"init": (1, 0), "every_step": (0, 1), "both": (1, 1)}[context]
    s = start * np.tanh(np.dot(c, W_c.T) + b_c)
    a = np.einsum("tbe,he->tbh", x, U) + b + each * np.einsum("bk,hk->bh", c, C)
    y = np.empty_like(a)
    for t in range(len(x)):
        y[t] = s = np.tanh(a[t] + np.dot(s, W.T))
    return y


# right: the context joined to the input
def decoder_states(x, c, context, W_c, b_c, U, C, W, b):
    s = np.tanh(c @ W_c.T + b_c) if context in {"init", "both"} else np.zeros((x.shape[1], W.shape[0]))
    out = []
    for x_t in x:
        v, M = (x_t, U) if context == "init" else (np.hstack([x_t, c]), np.hstack([U, C]))
        s = np.tanh(v @ M.T + s @ W.T + b)
        out.append(s)
    return out


# wrong: BOS is fed at every step
# says: fed|feed|bos|BOS
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    B = len(s)
    out = np.full((max_length, B), pad)
    done = np.zeros(B, bool)
    for t in range(max_length):
        o, s = decode_step(np.full(B, bos), s, E, U, W, b, W_o, b_o)
        w = o.argmax(1)
        out[t] = np.where(done, pad, w)
        done |= w == eos
    return out


# wrong: the EOS itself is already replaced by pad
# says: EOS|eos|pad|itself
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    tokens = np.full(len(s), bos)
    done = np.zeros(len(s), dtype=bool)
    written = []
    for _ in range(max_length):
        o, s = decode_step(tokens, s, E, U, W, b, W_o, b_o)
        tokens = np.argmax(o, axis=-1)
        done = done | (tokens == eos)
        written.append(np.where(done, pad, tokens))
    return np.stack(written)


# wrong: nothing is padded behind EOS
# says: pad|EOS|eos|behind|done
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    tok = np.repeat(bos, len(s))
    res = []
    for _ in range(max_length):
        scores, s = decode_step(tok, s, E, U, W, b, W_o, b_o)
        tok = scores.argmax(-1)
        res.append(tok)
    return np.array(res)


# wrong: the state is not kept between steps
# says: state
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    tokens, done, out = np.full(len(s), bos), np.zeros(len(s), bool), []
    for _ in range(max_length):
        scores, new = decode_step(tokens, s, E, U, W, b, W_o, b_o)
        tokens = scores.argmax(axis=1)
        out.append(np.where(done, pad, tokens))
        done = done | (tokens == eos)
    return np.stack(out)


# wrong: as soon as one sequence has ended all are padded
# says: each|own|all|any|one sequence|others
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    tokens = np.full(len(s), bos)
    out = np.full((max_length, len(s)), pad)
    for t in range(max_length):
        o, s = decode_step(tokens, s, E, U, W, b, W_o, b_o)
        tokens = o.argmax(axis=1)
        out[t] = tokens
        if (tokens == eos).any():
            break
    return out


# wrong: the least likely word is chosen
# says: argmin|least|lowest|largest|highest|best
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    tokens, done, out = np.full(len(s), bos), np.zeros(len(s), bool), []
    for _ in range(max_length):
        o, s = decode_step(tokens, s, E, U, W, b, W_o, b_o)
        tokens = np.argsort(o, axis=1)[:, 0]
        out.append(np.where(done, pad, tokens))
        done = done | (tokens == eos)
    return np.stack(out)


# right: sequence by sequence
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    out = np.full((max_length, len(s)), pad)
    for k in range(len(s)):
        state, word = s[k : k + 1], np.array([bos])
        for t in range(max_length):
            o, state = decode_step(word, state, E, U, W, b, W_o, b_o)
            word = o.argmax(axis=1)
            out[t, k] = word[0]
            if word[0] == eos:
                break
    return out


# right: padded afterwards
def greedy_tokens(s, max_length, bos, eos, pad, E, U, W, b, W_o, b_o):
    words, out = np.full(len(s), bos), []
    for _ in range(max_length):
        o, s = decode_step(words, s, E, U, W, b, W_o, b_o)
        words = o.argmax(1)
        out.append(words)
    out = np.array(out)
    ended = np.cumsum(out == eos, axis=0) - (out == eos) > 0
    return np.where(ended, pad, out)


# wrong: repeated words are not clipped
# says: clip|often|repeat|counted|once|at most
def bleu_parts(written, right, n):
    a = [tuple(written[i : i + n]) for i in range(len(written) - n + 1)]
    b = [tuple(right[i : i + n]) for i in range(len(right) - n + 1)]
    if not a:
        return 0.0, min(1.0, math.exp(1 - len(right) / len(written)))
    return sum(g in b for g in a) / len(a), min(1.0, math.exp(1 - len(right) / len(written)))


# wrong: divided by the n-grams of the right answer (recall)
# says: right answer|written|recall|divid
def bleu_parts(written, right, n):
    a, b = grams(written, n), grams(right, n)
    p = (a & b).total() / max(b.total(), 1)
    return p, min(1.0, math.exp(1 - len(right) / len(written)))


# wrong: the ratio in the penalty is turned over
# says: r/w|ratio|w/r|turned|penalty|exchang
def bleu_parts(written, right, n):
    a, b = grams(written, n), grams(right, n)
    p = (a & b).total() / a.total() if a else 0.0
    return p, min(1.0, math.exp(1 - len(written) / len(right)))


# wrong: the penalty has no upper bound
# says: min|1\b|bound|above|long
def bleu_parts(written, right, n):
    a, b = grams(written, n), grams(right, n)
    p = (a & b).total() / a.total() if a.total() > 0 else 0.0
    return p, np.exp(1 - len(right) / len(written))


# wrong: a set counts each n-gram once
# says: set|once|often|repeat|count
def bleu_parts(written, right, n):
    a = {tuple(written[i : i + n]) for i in range(len(written) - n + 1)}
    b = {tuple(right[i : i + n]) for i in range(len(right) - n + 1)}
    p = len(a & b) / len(a) if a else 0.0
    return p, min(1.0, np.exp(1 - len(right) / len(written)))


# wrong: fails with fewer than n words
# says: zero|n words|fewer|divi
def bleu_parts(written, right, n):
    a, b = grams(written, n), grams(right, n)
    return (a & b).total() / a.total(), min(1.0, np.exp(1 - len(right) / len(written)))


# right: counted by hand
def bleu_parts(written, right, n):
    left = [tuple(right[i : i + n]) for i in range(len(right) - n + 1)]
    hits, total = 0, 0
    for i in range(len(written) - n + 1):
        total += 1
        g = tuple(written[i : i + n])
        if g in left:
            left.remove(g)
            hits += 1
    penalty = 1.0 if len(written) >= len(right) else math.exp(1 - len(right) / len(written))
    return (hits / total if total else 0), penalty


# right: dictionaries and minima
def bleu_parts(written, right, n):
    a, b = grams(written, n), grams(right, n)
    total = sum(a.values())
    hits = sum(min(k, b.get(g, 0)) for g, k in a.items())
    return np.array(hits / total if total else 0.0), np.minimum(1, np.exp(1 - len(right) / len(written)))


# wrong: greedy: the width is ignored
# says: width|greedy|beam
def best_by_beam(start, then, width):
    word = int(np.argmax(start))
    words, score = [word], start[word]
    for table in then:
        nxt = int(np.argmax(table[word]))
        score += table[word, nxt]
        words.append(nxt)
        word = nxt
    return np.array(words), score


# wrong: exhaustive: nothing is ever dropped
# says: width|dropped|keep|exhaust|all|beam|prun
def best_by_beam(start, then, width):
    beams = [([w], start[w]) for w in range(len(start))]
    for table in then:
        beams = [(ws + [v], sc + table[ws[-1], v]) for ws, sc in beams for v in range(len(start))]
    ws, sc = max(beams, key=lambda b: b[1])
    return np.array(ws), sc


# wrong: the worst are kept
# says: worst|best|largest|sort|sign|descend|lowest|highest
def best_by_beam(start, then, width):
    beams = sorted([([w], start[w]) for w in range(len(start))], key=lambda b: b[1])[:width]
    for table in then:
        new = [(ws + [v], sc + table[ws[-1], v]) for ws, sc in beams for v in range(len(start))]
        beams = sorted(new, key=lambda b: b[1])[:width]
    ws, sc = beams[0]
    return np.array(ws), sc


# wrong: scores are multiplied instead of added
# says: add|sum|multipl|product
def best_by_beam(start, then, width):
    beams = sorted([([w], start[w]) for w in range(len(start))], key=lambda b: -b[1])[:width]
    for table in then:
        new = [(ws + [v], sc * table[ws[-1], v]) for ws, sc in beams for v in range(len(start))]
        beams = sorted(new, key=lambda b: -b[1])[:width]
    ws, sc = beams[0]
    return np.array(ws), sc


# wrong: the score forgets the first word
# says: start|first
def best_by_beam(start, then, width):
    order = np.argsort(-start)[:width]
    beams = [([int(w)], 0.0) for w in order]
    for table in then:
        new = [(ws + [v], sc + table[ws[-1], v]) for ws, sc in beams for v in range(len(start))]
        beams = sorted(new, key=lambda b: -b[1])[:width]
    ws, sc = beams[0]
    return np.array(ws), sc


# wrong: each beginning keeps its own best continuations: best per path, not over all
# says: each|all|path|beginning|together|own
def best_by_beam(start, then, width):
    beams = [([int(w)], start[w]) for w in np.argsort(-start)[:width]]
    for table in then:
        new = []
        for ws, sc in beams:
            v = int(table[ws[-1]].argmax())
            new.append((ws + [v], sc + table[ws[-1], v]))
        beams = new
    ws, sc = max(beams, key=lambda b: b[1])
    return np.array(ws), sc


# wrong: the tables are read by column: table[next, last]
# says: row|column|transpos|table
def best_by_beam(start, then, width):
    beams = sorted([([w], start[w]) for w in range(len(start))], key=lambda b: -b[1])[:width]
    for table in then:
        new = [(ws + [v], sc + table[v, ws[-1]]) for ws, sc in beams for v in range(len(start))]
        beams = sorted(new, key=lambda b: -b[1])[:width]
    return np.array(beams[0][0]), beams[0][1]


# right: lists and sorted
def best_by_beam(start, then, width):
    beams = sorted([([w], start[w]) for w in range(len(start))], key=lambda b: -b[1])[:width]
    for table in then:
        new = [(ws + [v], sc + table[ws[-1], v]) for ws, sc in beams for v in range(len(start))]
        beams = sorted(new, key=lambda b: -b[1])[:width]
    return np.array(beams[0][0]), beams[0][1]


# right: heapq
def best_by_beam(start, then, width):
    import heapq

    beams = heapq.nlargest(width, [(float(s), (w,)) for w, s in enumerate(start)])
    for table in then:
        beams = heapq.nlargest(
            width, [(s + float(p), (*ws, v)) for s, ws in beams for v, p in enumerate(table[ws[-1]])]
        )
    return list(beams[0][1]), beams[0][0]


# wrong: the padding is not masked
# says: mask|padding
def dot_attention(s, memory, mask):
    scores = torch.bmm(s.transpose(0, 1), memory.permute(1, 2, 0))
    alpha = torch.softmax(scores, dim=-1)
    context = torch.bmm(alpha, memory.transpose(0, 1))
    return context.transpose(0, 1), alpha.transpose(0, 1)


# wrong: the padding is zeroed after the softmax without normalising again
# says: after the softmax|normalis|before|sum|add up|mask
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory)
    alpha = torch.softmax(scores, -1) * mask.T
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# wrong: padded scores are set to zero instead of minus infinity
# says: zero|0|inf|mask|padding
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory) * mask.T
    alpha = torch.softmax(scores, dim=2)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# wrong: softmax over the decoder's steps
# says: axis|dim|softmax|steps
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory)
    scores = scores.masked_fill(~mask.T[None], -1e30)
    alpha = torch.softmax(scores, dim=0)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# wrong: the scores are scaled as in a transformer
# says: scal|sqrt|root|divid|factor
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory) / memory.shape[-1] ** 0.5
    alpha = torch.softmax(scores.masked_fill(~mask.T, float("-inf")), dim=-1)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# wrong: the contexts are sums of decoder states (of the wrong thing): weights times s
# says: memory|encoder|context
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory)
    alpha = torch.softmax(scores.masked_fill(~mask.T, float("-inf")), dim=-1)
    return alpha.sum(-1, keepdim=True) * s, alpha


# wrong: the mask is inverted
# says: mask|invert|opposite|padding|real
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory)
    alpha = torch.softmax(scores.masked_fill(mask.T, -1e9), dim=-1)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# right: bmm
def dot_attention(s, memory, mask):
    keys = memory.transpose(0, 1)
    scores = s.transpose(0, 1) @ keys.transpose(1, 2)
    alpha = scores.masked_fill(~mask.t()[:, None, :], float("-inf")).softmax(-1)
    return (alpha @ keys).transpose(0, 1), alpha.transpose(0, 1)


# right: step by step
def dot_attention(s, memory, mask):
    contexts, weights = [], []
    for s_t in s:
        score = (memory * s_t).sum(-1)
        score = torch.where(mask, score, torch.full_like(score, -torch.inf))
        w = torch.softmax(score, dim=0)
        contexts.append((w[..., None] * memory).sum(0))
        weights.append(w.T)
    return torch.stack(contexts), torch.stack(weights)
