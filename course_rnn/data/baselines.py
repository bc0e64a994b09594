"""Simple models without a network: what an RNN has to beat."""

import math
from collections import Counter, defaultdict

import numpy as np

from course_rnn.data import checks


def linear_forecast(past, future, order):
    r"""Predict every step of `future` from the true `order` steps before it, by least squares on `past`.

    .. math:: \hat x_t = b + \sum_{k=1}^{p} A_k x_{t-k}

    Parameters
    ----------
    past, future : ndarray (n, D) or (n,), (m, D) or (m,) of float
        Consecutive parts of one series.
    order : int
        p, less than n.

    Returns
    -------
    ndarray of the shape of `future`

    Examples
    --------
    >>> fibonacci = np.array([1.0, 1, 2, 3, 5, 8, 13, 21])
    >>> linear_forecast(fibonacci[:6], fibonacci[6:], order=2).round(6)
    array([13., 21.])
    """
    checks.positive(order=order)
    if order >= len(past):
        raise ValueError(f"order {order} needs more than the {len(past)} steps of the past")
    series = np.concatenate([past, future]).reshape(len(past) + len(future), -1)  # (n + m, D)
    lags = [series[order - k : len(series) - k] for k in range(1, order + 1)]
    x = np.concatenate([*lags, np.ones((len(lags[0]), 1))], axis=1)  # (n + m - p, pD + 1)
    n = len(past) - order
    weights = np.linalg.lstsq(x[:n], series[order : len(past)])[0]
    return (x[n:] @ weights).reshape(future.shape)


def majority(train_keys, train_labels, test_keys):
    """Predict for each key of the test part the label that it most often has in the training part.

    A key never seen gets the label most frequent of all, as does every key when all keys are the same.

    Returns
    -------
    list of labels, one for each test key

    Examples
    --------
    >>> majority(["i", "b", "b", "a"], ["an", "a", "a", "an"], ["a", "b", "e"])
    ['an', 'a', 'an']
    """
    votes = defaultdict(Counter)
    for key, label in zip(train_keys, train_labels, strict=True):
        votes[key][label] += 1
    overall = Counter(train_labels).most_common(1)[0][0]
    return [votes[key].most_common(1)[0][0] if key in votes else overall for key in test_keys]


def ngram_losses(train, test, order, discount=None):
    r"""Return the cross-entropy, in nats, of each token of a text under an n-gram model.

    The n - 1 tokens before vote, smoothed by those of one token fewer, down to the uniform distribution over all tokens
    of the training text and one more for anything new. By default how much the shorter context counts follows from how
    many different tokens were seen after the longer one (Witten and Bell, 1991):

    .. math:: p(x \mid c) = \frac{N(c\,x) + K(c)\, p(x \mid c')}{N(c) + K(c)}

    with N(·) a count in the training text, K(c) the number of different tokens seen after the context c, and c' the
    context without its first token. With a discount D between 0 and 1, interpolated Kneser-Ney smoothing (Kneser and
    Ney, 1995; Chen and Goodman, 1999):

    .. math:: p(x \mid c) = \frac{\max(N(c\,x) - D, 0) + D\,K(c)\, p(x \mid c')}{N(c)}

    where for contexts shorter than n - 1 tokens N(c x) is not how often c x was seen, but after how many different
    tokens.

    Parameters
    ----------
    train, test : str or list of str
        Characters of a text, or words. The first n - 1 tokens of the test text have a shorter context.
    order : int
        n: 1 counts tokens, 2 pairs, and so on.
    discount : float, optional
        D.

    Returns
    -------
    ndarray (n,) of float64
        One number for each token of `test`.

    Examples
    --------
    >>> ngram_losses("abababab", "abab", order=2).round(3)
    array([0.762, 0.113, 0.143, 0.113])
    >>> ngram_losses("abababab", "abab", order=2, discount=0.5).round(3)
    array([0.875, 0.076, 0.102, 0.076])
    """
    checks.positive(order=order)
    if len(train) == 0 or len(test) == 0:
        raise ValueError("the training text and the test text must hold at least one token")
    if discount is not None and not 0 < discount < 1:
        raise ValueError(f"a discount lies between 0 and 1, got {discount}")
    # the slices of a string are keys as good as tuples, and quicker
    train, test = (text if isinstance(text, str) else tuple(text) for text in (train, test))
    seen = [
        {context: (votes, votes.total(), len(votes)) for context, votes in table.items()}
        for table in _successors(train, order, continuations=discount is not None)
    ]
    losses, uniform = np.empty(len(test)), 1 / (len(set(train)) + 1)
    for t, token in enumerate(test):
        probability = uniform
        for length in range(min(order, t + 1)):
            entry = seen[length].get(test[t - length : t])
            if entry is None:
                break  # nor is any longer context known
            votes, total, kinds = entry
            if discount is None:
                probability = (votes[token] + kinds * probability) / (total + kinds)
            else:
                probability = (max(votes[token] - discount, 0) + discount * kinds * probability) / total
        losses[t] = -math.log(probability)
    return losses


def _successors(train, order, continuations):
    """What follows each context, by its length: how often, or for the shorter ones after how many different tokens."""
    successors = [defaultdict(Counter) for _ in range(order)]
    for t, token in enumerate(train):
        for length in range(min(order, t + 1)):
            successors[length][train[t - length : t]][token] += 1
    if continuations:
        for length in range(order - 1):  # upwards: the table of one token more still holds how often
            successors[length] = defaultdict(Counter)
            for context, votes in successors[length + 1].items():
                for token in votes:
                    successors[length][context[1:]][token] += 1
    return successors


def ngram_loss(train, test, order, discount=None):
    """Return the mean of `ngram_losses`, in nats a token.

    Returns
    -------
    float
        Its exponential is the perplexity.

    Examples
    --------
    >>> print(f"{ngram_loss('abababab', 'abab', order=2):.3f}")
    0.283
    """
    return float(ngram_losses(train, test, order, discount).mean())


def naive_bayes(train_texts, train_labels, test_texts, order):
    r"""Classify texts by the letter sequences of length 1 to `order` in them, as if these were independent.

    .. math:: \arg\max_y\; \log p(y) + \sum_{g} \log \frac{N_y(g) + 1}{N_y + G}

    where g runs over the letter sequences of the text, with a mark at both its ends; N_y(g) counts them in the training
    texts of class y, and G is the number of different ones.

    Returns
    -------
    list of labels, one for each test text

    Examples
    --------
    >>> naive_bayes(["rossi", "bianchi", "smith", "jones"], ["it", "it", "en", "en"], ["russi", "jonson"], order=2)
    ['it', 'en']
    """
    checks.positive(order=order)

    def grams(text):
        marked = f"^{text}$"
        return [marked[i : i + n] for n in range(1, order + 1) for i in range(len(marked) - n + 1)]

    prior, counts = Counter(train_labels), defaultdict(Counter)
    for text, label in zip(train_texts, train_labels, strict=True):
        counts[label].update(grams(text))
    kinds = len(set().union(*counts.values()))

    def score(text, label):
        votes = counts[label]
        scale = math.log(votes.total() + kinds)
        return math.log(prior[label]) + sum(math.log(votes[gram] + 1) - scale for gram in grams(text))

    return [max(prior, key=lambda label: score(text, label)) for text in test_texts]
