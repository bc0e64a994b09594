"""Sequences made to order: tasks whose difficulty, chance level and best possible answer are known."""

import numpy as np

from course_rnn.data import checks

LETTERS = "abcdefgh"


def echo(T, B, delay, rng, symbols=2):
    r"""Repeat the input after a delay.

    .. math:: y_t = x_{t-k}

    Nothing that sees only the last W inputs can do this for W ≤ k (W counts x_t itself).

    Parameters
    ----------
    T, B, delay : int
        Steps, batch, and k, which is less than T.
    rng : numpy.random.Generator
    symbols : int
        Size of the alphabet, drawn from uniformly.

    Returns
    -------
    x : ndarray (T, B, symbols) of float64, one-hot
    y : ndarray (T, B) of int64
    mask : ndarray (T, B) of bool
        False at the first k steps, which have nothing to repeat (there y is 0).

    Notes
    -----
    Chance: accuracy 1 / symbols, cross-entropy log(symbols). Best: 1 and 0.

    Examples
    --------
    >>> x, y, mask = echo(T=6, B=1, delay=2, rng=np.random.default_rng(0))
    >>> x.argmax(axis=-1)[:, 0], y[:, 0]
    (array([1, 1, 1, 0, 0, 0]), array([0, 0, 1, 1, 1, 0]))
    """
    checks.positive(T=T, B=B, delay=delay, symbols=symbols)
    checks.generator(rng)
    if delay >= T:
        raise ValueError(f"a delay of {delay} leaves nothing to repeat within {T} steps")
    symbol = rng.integers(symbols, size=(T, B))
    y, mask = np.zeros_like(symbol), np.zeros((T, B), dtype=bool)
    y[delay:], mask[delay:] = symbol[:-delay], True
    return np.eye(symbols)[symbol], y, mask


def parity(T, B, rng):
    r"""Tell at each step whether the number of ones so far is odd.

    .. math:: y_t = y_{t-1} \oplus x_t, \qquad y_0 = 0

    Returns
    -------
    x : ndarray (T, B, 1) of float64, bits drawn uniformly
    y : ndarray (T, B) of int64

    Notes
    -----
    Chance: accuracy 1/2, and no better for a model that misses a single one of the bits so far. Best: 1, with one bit
    of memory.

    Examples
    --------
    >>> x, y = parity(T=6, B=1, rng=np.random.default_rng(0))
    >>> x[:, 0, 0].astype(int), y[:, 0]
    (array([1, 1, 1, 0, 0, 0]), array([1, 0, 1, 1, 1, 1]))
    """
    checks.positive(T=T, B=B)
    checks.generator(rng)
    bits = rng.integers(2, size=(T, B))
    return bits[:, :, None].astype(np.float64), bits.cumsum(axis=0) % 2


def delayed_recall(T, B, rng, symbols=4, distractors=4):
    """Remember the first symbol over T - 1 distractors, which have an alphabet of their own.

    Returns
    -------
    x : ndarray (T, B, symbols + distractors) of float64, one-hot
        Step 0 holds one of the first `symbols` columns, every other step one of the last `distractors`.
    y : ndarray (B,) of int64, the symbol of step 0, to be told after step T - 1

    Notes
    -----
    Chance: accuracy 1 / symbols, cross-entropy log(symbols). Best: 1 and 0.

    Examples
    --------
    >>> x, y = delayed_recall(T=5, B=1, rng=np.random.default_rng(0))
    >>> x.argmax(axis=-1)[:, 0], y
    (array([0, 6, 6, 5, 5]), array([0]))
    """
    checks.positive(T=T, B=B, symbols=symbols, distractors=distractors)
    checks.generator(rng)
    symbol = rng.integers(symbols, symbols + distractors, size=(T, B))
    symbol[0] = rng.integers(symbols, size=B)
    return np.eye(symbols + distractors)[symbol], symbol[0].copy()


def marked_recall(T, B, rng, symbols=4):
    """Remember the one symbol that carries a mark; all steps draw from one alphabet.

    Returns
    -------
    x : ndarray (T, B, symbols + 1) of float64
        The symbol, one-hot, and in the last column the mark: 1 at one step, drawn uniformly from the first half
        (steps 0 to ceil(T/2) - 1), else 0.
    y : ndarray (B,) of int64, the marked symbol, to be told after step T - 1

    Notes
    -----
    Chance: accuracy 1 / symbols, cross-entropy log(symbols). Best: 1 and 0. Unlike in `delayed_recall`, what to keep
    and what to ignore look the same but for the mark, so that a gate has something to decide.

    Examples
    --------
    >>> x, y = marked_recall(T=5, B=1, rng=np.random.default_rng(0))
    >>> x[:, 0, :4].argmax(axis=-1), x[:, 0, 4].astype(int), y
    (array([3, 2, 2, 1, 1]), array([1, 0, 0, 0, 0]), array([3]))
    """
    checks.positive(T=T, B=B, symbols=symbols)
    checks.generator(rng)
    symbol = rng.integers(symbols, size=(T, B))
    marked, column = rng.integers((T + 1) // 2, size=B), np.arange(B)
    x = np.concatenate([np.eye(symbols)[symbol], np.zeros((T, B, 1))], axis=-1)
    x[marked, column, -1] = 1
    return x, symbol[marked, column]


def adding(T, B, rng):
    """Add the two marked numbers of a sequence (the adding problem of Hochreiter and Schmidhuber, 1997).

    Returns
    -------
    x : ndarray (T, B, 2) of float64
        A number from [0, 1) and a mark: 1 at one step of the first half (steps 0 to T // 2 - 1) and at one of the
        second, else 0.
    y : ndarray (B,) of float64, the sum of the two marked numbers, to be told after step T - 1

    Notes
    -----
    Chance: always answering 1 has a mean squared error of 1/6 ≈ 0.167, the variance of the sum. Best: 0.

    Examples
    --------
    >>> x, y = adding(T=4, B=1, rng=np.random.default_rng(0))
    >>> bool(np.isclose(y[0], (x[:, 0, 0] * x[:, 0, 1]).sum()))
    True
    """
    checks.positive(T=T, B=B)
    checks.generator(rng)
    if T < 2:
        raise ValueError(f"two marked steps do not fit into T = {T}")
    x, column = np.zeros((T, B, 2)), np.arange(B)
    x[:, :, 0] = rng.random((T, B))
    x[rng.integers(T // 2, size=B), column, 1] = 1
    x[rng.integers(T // 2, T, size=B), column, 1] = 1
    return x, (x[:, :, 0] * x[:, :, 1]).sum(axis=0)


def binary_addition(T, B, rng):
    r"""Add two binary numbers of T bits, read from the most significant bit: the carry comes from the future.

    .. math:: y = (a + b) \bmod 2^T

    Returns
    -------
    x : ndarray (T, B, 2) of float64, the bits of a and b, drawn uniformly, step 0 the most significant
    y : ndarray (T, B) of int64, the bits of the sum in the same order; the last carry is dropped

    Notes
    -----
    Chance: accuracy 1/2. Best for a model that reads forward: `binary_addition_optimum`. Best for one that reads
    backward or both ways: 1, with one bit of memory, the carry.

    Examples
    --------
    >>> x, y = binary_addition(T=4, B=1, rng=np.random.default_rng(1))
    >>> x[:, 0].T.astype(int), y[:, 0]
    (array([[0, 1, 0, 1],
           [1, 1, 0, 1]]), array([0, 0, 1, 0]))
    """
    checks.positive(T=T, B=B)
    checks.generator(rng)
    bits = rng.integers(2, size=(T, B, 2))
    y, carry = np.zeros((T, B), dtype=bits.dtype), np.zeros(B, dtype=bits.dtype)
    for t in reversed(range(T)):
        total = bits[t].sum(axis=-1) + carry
        y[t], carry = total % 2, total // 2
    return bits.astype(np.float64), y


def binary_addition_optimum(T, late=0):
    r"""Return the best accuracy on `binary_addition` of any model that answers so many steps late.

    Such a model has read the steps up to t + k when it says bit t. With j bits still unread, two numbers of j bits
    carry over with probability :math:`p_j`; the bits just read say y but for that carry, and nothing before them helps.
    Of the k bits read ahead each lets a carry through with probability 1/2, and else decides it. Guessing "no carry" is
    right but for

    .. math:: 2^{-k} p_j, \qquad p_j = \tfrac14 + \tfrac12 p_{j-1} = \tfrac12 (1 - 2^{-j}),

    and the mean over the steps, of which the last k have nothing unread, is with M = T - k

    .. math:: 1 - \frac{2^{-k}}{T} \left( \frac M2 - 1 + 2^{-M} \right).

    Parameters
    ----------
    T : int
        Bits.
    late : int
        k, from 0, a model that answers at once, to T.

    Returns
    -------
    float

    Examples
    --------
    >>> print(f"{binary_addition_optimum(12):.4f}")
    0.5833
    >>> [round(binary_addition_optimum(40, late=k), 4) for k in (0, 1, 2, 5, 10)]
    [0.525, 0.7687, 0.8875, 0.9871, 0.9997]
    """
    checks.positive(T=T)
    if late not in range(T + 1):
        raise ValueError(f"late is {late}, expected a whole number from 0 to T = {T}")
    M = T - late
    return 1 - (M / 2 - 1 + 0.5**M) / (T * 2**late)


def anbn(counts):
    """Return one string of n letters a and then n letters b for each n of `counts`: a language that needs a counter.

    Notes
    -----
    Best next-character loss, with an end marker after each string: nothing but n is uncertain, so a string costs the
    entropy of n. For n uniform on 1..N that is log(N) nats a string, and nothing after the first b.

    Source: Gers and Schmidhuber, "LSTM recurrent networks learn simple context-free and context-sensitive languages",
    2001.

    Examples
    --------
    >>> anbn([1, 3])
    ['ab', 'aaabbb']
    """
    return ["a" * n + "b" * n for n in checks.all_positive("counts", counts)]


def copying(lengths, rng):
    """Return one pair (source, target) for each length: a random string over `LETTERS`, and the same string again.

    A letter holds log(8) nats, which nobody can guess: all of it must pass from the encoder to the decoder.

    Examples
    --------
    >>> copying([3, 5], np.random.default_rng(0))
    [('gfe', 'gfe'), ('ccaaa', 'ccaaa')]
    """
    lengths = checks.all_positive("lengths", lengths)
    checks.generator(rng)
    sources = ["".join(LETTERS[k] for k in rng.integers(len(LETTERS), size=n)) for n in lengths]
    return [(source, source) for source in sources]


def reversing(lengths, rng):
    """Return one pair (source, target) for each length: a random string over `LETTERS`, and its mirror image.

    Here the last letter read is the first to write, so that their near ends meet.

    Examples
    --------
    >>> reversing([3, 5], np.random.default_rng(0))
    [('gfe', 'efg'), ('ccaaa', 'aaacc')]
    """
    return [(source, target[::-1]) for source, target in copying(lengths, rng)]
