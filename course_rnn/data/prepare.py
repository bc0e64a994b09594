"""From raw sequences to arrays: vocabulary, windows, padding, batches, and splits that do not leak."""

from collections import Counter
from itertools import pairwise

import numpy as np

from course_rnn.data import checks

PAD, BOS, EOS, UNK = range(4)


class Vocabulary:
    """A numbering of tokens, after the four specials PAD = 0, BOS = 1, EOS = 2 and UNK = 3.

    Parameters
    ----------
    tokens : iterable of str
        A text (its tokens are characters) or words. Repeats count once; ids follow the sorted order, so that the
        same tokens get the same ids whatever the order they came in.

    Attributes
    ----------
    tokens : list of str
        The token of each id, the specials first. ``len(vocabulary)`` counts them all.

    Raises
    ------
    TypeError
        If a token is not a string.

    Examples
    --------
    >>> letters = Vocabulary("hello")
    >>> letters.encode("hello!", eos=True)
    array([5, 4, 6, 6, 7, 3, 2])
    >>> "".join(letters.decode([1, 5, 4, 6, 6, 7, 2, 0, 0]))
    'hello'
    """

    def __init__(self, tokens):
        distinct = set(tokens)
        for token in distinct:
            if not isinstance(token, str):
                raise TypeError(f"a token must be a string, got {token!r}; chain sequences of words before")
        self.tokens = ["<pad>", "<bos>", "<eos>", "<unk>", *sorted(distinct)]
        self._ids = {token: i for i, token in enumerate(self.tokens) if i > UNK}  # a text may hold "<eos>" as a word

    def __len__(self):
        return len(self.tokens)

    def encode(self, sequence, bos=False, eos=False):
        """Return the ids of a sequence of tokens, UNK for a token never seen: ndarray (T,) of int64.

        `bos` and `eos` ask for BOS before and EOS after it.
        """
        ids = [self._ids.get(token, UNK) for token in sequence]
        return np.array([BOS] * bos + ids + [EOS] * eos, dtype=np.int64)

    def decode(self, ids):
        """Return the tokens of ids (T,) as a list, up to the first EOS, without PAD and BOS.

        ``decode(encode(sequence, bos, eos))`` is ``list(sequence)`` for every sequence of known tokens.
        Raises ValueError for an id outside the vocabulary, TypeError for ids that are not whole numbers.
        """
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"decode takes one sequence of ids, got an array of shape {ids.shape}")
        if ids.size and ids.dtype.kind not in "iu":
            raise TypeError(f"ids must be whole numbers, got {ids.dtype}")
        tokens = []
        for i in ids:
            if not 0 <= i < len(self):
                raise ValueError(f"id {i} is outside this vocabulary of {len(self)}")
            if i == EOS:
                break
            if i not in (PAD, BOS):
                tokens.append(self.tokens[i])
        return tokens


def windows(sequence, W, stride=None):
    r"""Cut a sequence of n elements into windows of W, side by side or overlapping.

    .. math:: \lfloor n/W \rfloor \text{ windows with stride } W, \qquad \lfloor (n-W)/s \rfloor + 1
              \text{ with stride } s

    What is left over at the end is in no window. Every window of a labelled sequence inherits its label.

    Parameters
    ----------
    sequence : str, list, tuple or ndarray (n, ...)
    W : int
        Length of a window.
    stride : int, optional
        Steps from one window to the next; by default W: no overlap.

    Returns
    -------
    list, or ndarray (count, W, ...) for an array
        The windows, of the sequence's own type.

    Raises
    ------
    ValueError
        If W or stride is less than 1, or W is longer than the sequence.

    Examples
    --------
    >>> windows(["This", "is", "a", "great", "movie"], W=2, stride=1)
    [['This', 'is'], ['is', 'a'], ['a', 'great'], ['great', 'movie']]
    >>> windows("sequences", W=4)
    ['sequ', 'ence']
    """
    stride = W if stride is None else stride
    checks.positive(W=W, stride=stride)
    n = len(sequence)
    if n < W:
        raise ValueError(f"a window of {W} does not fit into a sequence of {n}")
    cut = [sequence[start : start + W] for start in range(0, n - W + 1, stride)]
    return np.stack(cut) if isinstance(sequence, np.ndarray) else cut


def next_windows(sequence, W, pad):
    """Pair every element of a sequence with the W elements before it; `pad` stands where there are none.

    Parameters
    ----------
    sequence : str, list, tuple or ndarray (n, ...)
    W : int
        Length of a window.
    pad : element
        Put W times before the sequence.

    Returns
    -------
    inputs : list of n windows, or ndarray (n, W, ...) for an array
    targets : the sequence itself: its element j is to be predicted from ``inputs[j]``

    Raises
    ------
    ValueError
        If W is less than 1, the sequence is empty, or `pad` is not a single character before a text.

    Examples
    --------
    >>> inputs, targets = next_windows("Hello world!", W=3, pad="#")
    >>> list(zip(inputs, targets))[:5]
    [('###', 'H'), ('##H', 'e'), ('#He', 'l'), ('Hel', 'l'), ('ell', 'o')]
    """
    checks.positive(W=W)
    if len(sequence) == 0:
        raise ValueError("an empty sequence has nothing to predict")
    if isinstance(sequence, np.ndarray):
        front = np.full((W, *sequence.shape[1:]), pad, dtype=sequence.dtype)
        return windows(np.concatenate([front, sequence[:-1]]), W, stride=1), sequence
    if isinstance(sequence, str) and len(pad) != 1:
        raise ValueError(f"pad stands for one character, got {pad!r}")
    front = pad * W if isinstance(sequence, str) else type(sequence)([pad] * W)
    return windows(front + sequence[:-1], W, stride=1), sequence


def pad(sequences, value=0):
    """Stack sequences of unequal length into one array, time first, filled up with `value`.

    Parameters
    ----------
    sequences : sequence of B arrays or lists (T_b,) or (T_b, D) of numbers
    value : number
        What stands after the end of a sequence; 0 is `PAD`.

    Returns
    -------
    x : ndarray (T, B) or (T, B, D), T the longest length
        In the dtype of the sequences.
    lengths : ndarray (B,) of int64
    mask : ndarray (T, B) of bool, True = a real step

    Raises
    ------
    ValueError
        If there is no sequence, an empty one, or they differ in more than length.
    TypeError
        If they do not hold numbers.

    Examples
    --------
    >>> x, lengths, mask = pad([[7, 8, 9], [4]])
    >>> x
    array([[7, 4],
           [8, 0],
           [9, 0]])
    >>> lengths, mask[:, 1]
    (array([3, 1]), array([ True, False, False]))
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise ValueError("there is no sequence to pad")
    for b, array in enumerate(arrays):
        if array.ndim == 0:
            raise ValueError(f"sequence {b} is a single number; a sequence is a list or an array")
        if len(array) == 0:
            raise ValueError(f"sequence {b} is empty; a sequence has at least one step")
        if array.dtype.kind not in "biuf":
            raise TypeError(f"sequence {b} holds {array.dtype}, not numbers; encode it first")
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(f"sequence {b} has steps of shape {array.shape[1:]}, sequence 0 of {arrays[0].shape[1:]}")
    lengths = np.array([len(array) for array in arrays])
    x = np.full(
        (lengths.max(), len(arrays), *arrays[0].shape[1:]),
        value,
        dtype=np.result_type(*{array.dtype for array in arrays}),
    )
    for b, array in enumerate(arrays):
        x[: len(array), b] = array
    return x, lengths, np.arange(len(x))[:, None] < lengths


def batches(lengths, batch_size, rng):
    """Deal the indices of one epoch into batches of sequences of similar length, in random order.

    Equal lengths are shuffled among themselves, then neighbours in length share a batch, then the batches are
    shuffled: little padding, and every sequence exactly once.

    Parameters
    ----------
    lengths : sequence of n ints
    batch_size : int
        One batch is smaller where n is no multiple of it.
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray (B,) of int64
        Indices into whatever was counted.

    Examples
    --------
    >>> words = [[5, 6, 7, 8], [4], [9, 9, 9], [3]]
    >>> for i in batches([len(w) for w in words], 2, np.random.default_rng(0)):
    ...     x, lengths, mask = pad([words[k] for k in i])
    ...     print(lengths, mask.mean())
    [3 4] 0.875
    [1 1] 1.0
    """
    checks.positive(batch_size=batch_size)
    checks.generator(rng)
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.size == 0:
        raise ValueError(f"lengths must be a list of one whole number for each sequence, got shape {lengths.shape}")
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    cut = np.split(order, range(batch_size, len(order), batch_size))
    return [cut[k] for k in rng.permutation(len(cut))]


def split(items, rng, fractions=(0.7, 0.15, 0.15), by=None):
    """Deal items at random into parts that have nothing in common: train, validation, test.

    Items with the same key always land in the same part: two copies of a name, all sentences of a topic.

    Parameters
    ----------
    items : sequence of n
    rng : numpy.random.Generator
    fractions : tuple of float
        Share of each part; they sum to 1. Exact but for rounding where every key occurs once.
    by : sequence of n hashable keys, optional
        The key of each item; by default the item itself.

    Returns
    -------
    list of lists
        The parts; inside a part the items keep the order in which they came.

    Raises
    ------
    ValueError
        If the fractions are not positive or do not sum to 1, the keys do not match the items, or a part would be empty.

    Examples
    --------
    >>> split([10, 20, 20, 30, 40, 50], np.random.default_rng(0), fractions=(0.5, 0.5))
    [[30, 40, 50], [10, 20, 20]]
    """
    checks.generator(rng)
    checks.fractions_of_one(fractions)
    keys = list(items if by is None else by)
    if len(keys) != len(items):
        raise ValueError(f"{len(items)} items need as many keys, got {len(keys)}")
    sizes = Counter(keys)
    names = list(sizes)
    groups = [names[k] for k in rng.permutation(len(names))]
    ends = np.cumsum([sizes[group] for group in groups])
    middles = ends - np.array([sizes[group] for group in groups]) / 2  # a group belongs where its middle falls
    part_of = dict(zip(groups, np.searchsorted(np.cumsum(fractions[:-1]) * len(keys), middles), strict=True))
    parts = [[] for _ in fractions]
    for key, item in zip(keys, items, strict=True):
        parts[part_of[key]].append(item)
    if not all(parts):
        raise ValueError(f"{len(sizes)} different keys, too few or too unequal, leave a part of {fractions} empty")
    return parts


def split_in_time(series, fractions=(0.7, 0.15, 0.15)):
    """Cut a series into consecutive parts, the past first, so that no part sees its future.

    Parameters
    ----------
    series : sequence of length n, time along its first axis
    fractions : tuple of float
        Share of each part; they sum to 1. Part k starts at step ``round(n * sum(fractions[:k]))``.

    Returns
    -------
    list
        The parts, in order; joined they are the series again.

    Raises
    ------
    ValueError
        If the fractions are not positive or do not sum to 1, or a part would be empty.

    Examples
    --------
    >>> [part.tolist() for part in split_in_time(np.arange(10), fractions=(0.5, 0.2, 0.3))]
    [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]
    """
    checks.fractions_of_one(fractions)
    borders = [round(len(series) * share) for share in np.cumsum((0.0, *fractions))]
    parts = [series[start:stop] for start, stop in pairwise(borders)]
    if not all(len(part) for part in parts):
        raise ValueError(f"{len(series)} steps are too few for parts of {fractions}")
    return parts


def standardise(train, *others):
    r"""Shift and scale each column by the mean and standard deviation of the training part alone.

    .. math:: z = (x - \mu_{\text{train}}) / \sigma_{\text{train}}

    Parameters
    ----------
    train, *others : ndarray (n, ...) of float
        Parts of one series, as `split_in_time` gives them. NaN marks a gap: it is not counted and stays NaN.

    Returns
    -------
    list of ndarray
        The parts, standardised, each in the dtype it came in.

    Raises
    ------
    ValueError
        If a column of the training part is constant, or all gap: it has no scale.

    Examples
    --------
    >>> standardise(np.array([1.0, 3.0]), np.array([5.0]))
    [array([-1.,  1.]), array([3.])]
    """
    if not np.all(np.fmax.reduce(train) > np.fmin.reduce(train)):
        raise ValueError("a column of the training part does not vary, so it cannot be standardised")
    mean, std = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    return [(part - mean) / std for part in (train, *others)]
