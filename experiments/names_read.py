"""From which list is a family name: counts of letters or a network?"""

from functools import cache

import numpy as np
import torch

import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Experiment, Metric, Model
from course_rnn.experiment.nets import train

B, EMBEDDING, H, DROPOUT = 64, 32, 96, 0.4
GRID = ({"lr": 3e-3}, {"lr": 8e-3})
ORDERS = tuple({"order": order} for order in (1, 2, 3, 4))


@cache
def parts():
    """Names and lists of the three parts, that of the chapter on deep networks."""
    dealt = data.split(data.names(), np.random.default_rng(0))
    return {
        part: list(zip(*pairs, strict=True)) for part, pairs in zip(("train", "validation", "test"), dealt, strict=True)
    }


@cache
def encoded(part):
    """Letters (T, B), lengths (B,) and lists (B,)."""
    names, lists = parts()[part]
    letters = data.Vocabulary("".join(parts()["train"][0]))
    ids, lengths, _ = data.pad([letters.encode(name, bos=True, eos=True) for name in names])
    return [torch.from_numpy(np.asarray(each)) for each in (ids, lengths, [data.NAME_LOCALES.index(x) for x in lists])]


def network(cell):
    def fit(task, clock, rng, lr):
        torch.manual_seed(int(rng.integers(2**31)))
        ids, lengths, lists = encoded("train")
        head = torch.nn.Sequential(torch.nn.Dropout(DROPOUT), torch.nn.Linear(H, len(data.NAME_LOCALES)))
        size = int(max(encoded(part)[0].max() for part in ("train", "validation", "test"))) + 1
        embedding = torch.nn.Embedding(size, EMBEDDING)
        model = rt.ManyToOne(getattr(rt, cell)(EMBEDDING, H), head, embedding)
        order = iter(())

        def batch():
            nonlocal order
            chosen = next(order, None)
            if chosen is None:
                order = iter(data.batches(lengths.numpy(), B, rng))
                chosen = next(order)
            T = int(lengths[chosen].max())
            return ids[:T, chosen], lengths[chosen], lists[chosen]

        @torch.no_grad()
        def right(part):
            x, lengths, lists = encoded(part)
            return (model(x, lengths).argmax(dim=1) == lists).numpy()

        wrong = lambda _: 1 - float(right("validation").mean())  # noqa: E731
        train(model, batch, rt.cross_entropy, clock, lr=lr, validate=wrong)
        return right

    return Model(fit, GRID)


def naive_bayes(task, clock, rng, order):
    def right(part):
        names, lists = parts()[part]
        guesses = data.naive_bayes(*parts()["train"], names, order)
        return np.array([guess == true for guess, true in zip(guesses, lists, strict=True)])

    return right


EXPERIMENT = Experiment(
    question="Does a network tell from which list a family name is better than naive Bayes on letter n-grams does?",
    data="data.names(), 3,125 names of eight lists, 70/15/15 %, the split of the chapter on deep networks",
    metric=Metric("share right", lower_is_better=False),
    models={
        "naive Bayes": Model(naive_bayes, ORDERS, baseline=True),
        "RNN": network("RNN"),
        "GRU": network("GRU"),
    },
    rungs={2: 10, 8: 10},
)
