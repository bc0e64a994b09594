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


def ngram_loss(train, test, order):
    r"""Return the mean cross-entropy, in nats a token, of an n-gram model of the next token.

    The n - 1 tokens before vote, smoothed by those of one token fewer, down to the uniform distribution over all tokens
    of the training text and one more for anything new (Witten and Bell, 1991):

    .. math:: p(x \mid c) = \frac{N(c\,x) + K(c)\, p(x \mid c')}{N(c) + K(c)}

    with N(·) a count in the training text, K(c) the number of different tokens seen after the context c, and c' the
    context without its first token.

    Parameters
    ----------
    train, test : str or list of str
        Characters of a text, or words. The first n - 1 tokens of the test text have a shorter context.
    order : int
        n: 1 counts tokens, 2 pairs, and so on.

    Returns
    -------
    float
        Its exponential is the perplexity.

    Examples
    --------
    >>> print(f"{ngram_loss('abababab', 'abab', order=2):.3f}")
    0.283
    """
    checks.positive(order=order)
    if len(train) == 0 or len(test) == 0:
        raise ValueError("the training text and the test text must hold at least one token")
    train, test = tuple(train), tuple(test)
    successors = [defaultdict(Counter) for _ in range(order)]  # by length of the context
    for t, token in enumerate(train):
        for length in range(min(order, t + 1)):
            successors[length][train[t - length : t]][token] += 1
    seen = [{context: (votes, votes.total(), len(votes)) for context, votes in table.items()} for table in successors]
    loss, uniform = 0.0, 1 / (len(set(train)) + 1)
    for t, token in enumerate(test):
        probability = uniform
        for length in range(min(order, t + 1)):
            entry = seen[length].get(test[t - length : t])
            if entry is None:
                break  # nor is any longer context known
            votes, total, kinds = entry
            probability = (votes[token] + kinds * probability) / (total + kinds)
        loss -= math.log(probability)
    return loss / len(test)


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
