"""Writing family names letter by letter: counts that share between the lists, or a network that does?"""

from functools import cache

import numpy as np
import torch

import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Experiment, Metric, Model
from course_rnn.experiment.nets import train

B, EMBEDDING, H, DROPOUT, END = 64, 32, 128, 0.3, "\n"
GRID = ({"lr": 3e-3}, {"lr": 8e-3})
ORDERS = (2, 3, 4, 5)  # of the counts of a list, and of those of all lists
SMOOTHED = ({"discount": None}, {"discount": 0.8})  # as Witten and Bell do, and Kneser and Ney


@cache
def parts():
    """The names of each list in the three parts, that of the chapter on deep networks: {part: {list: names}}."""
    dealt = data.split(data.names(), np.random.default_rng(0))
    return {
        part: {own: [name for name, other in pairs if other == own] for own in data.NAME_LOCALES}
        for part, pairs in zip(("train", "validation", "test"), dealt, strict=True)
    }


def padded(names, order):
    """Names one after the other, each behind marks that tell how soon it begins: nothing is seen of the name before."""
    marks = "".join(map(chr, range(1, order)))[::-1]
    return "".join(marks + name + END for name in names)


def probabilities(train_names, names, order, discount):
    """The probability of each letter and of each end."""
    losses = data.ngram_losses(padded(train_names, order), padded(names, order), order, discount)
    asked = np.array([k >= order - 1 for name in names for k in range(order + len(name))], dtype=bool)
    return np.exp(-losses[asked])


@cache
def voices(part, discount):
    """What each of eight models says, four of the list and four of all lists: (8, letters)."""
    everyone = [name for names in parts()["train"].values() for name in names]
    said = []
    for own, names in parts()[part].items():
        taught = [parts()["train"][own], everyone]
        said.append([probabilities(each, names, order, discount) for each in taught for order in ORDERS])
    return np.concatenate(said, axis=1)


def mixed(task, clock, rng, discount):
    """A mixture of the eight; expectation maximisation finds its weights on the validation part."""
    p = voices("validation", discount)
    weights = np.full(len(p), 1 / len(p))
    for _ in range(200):
        shares = weights[:, None] * p
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return lambda part: -np.log(weights @ voices(part, discount))


@cache
def encoded(part):
    """Lists (B,), what was written before (T, B), lengths (B,) and what comes next (T, B)."""
    letters = data.Vocabulary("abcdefghijklmnopqrstuvwxyz")
    names = [(k, name) for k, own in enumerate(parts()[part].values()) for name in own]
    before, lengths, _ = data.pad([letters.encode(name, bos=True) for _, name in names])
    after, _, _ = data.pad([letters.encode(name, eos=True) for _, name in names])
    lists = np.eye(len(data.NAME_LOCALES), dtype=np.float32)[[k for k, _ in names]]
    return [torch.from_numpy(np.asarray(each)) for each in (lists, before, lengths, after)]


class Writer(torch.nn.Module):
    """The list stands beside every letter; dropout before the head."""

    def __init__(self, cell):
        super().__init__()
        lists, drop = len(data.NAME_LOCALES), torch.nn.Dropout(DROPOUT)
        head = torch.nn.Sequential(drop, torch.nn.Linear(H, 30))
        rnn = getattr(rt, cell)(EMBEDDING + lists, H)
        self.inner = rt.VectorToSequence(rnn, head, torch.nn.Embedding(30, EMBEDDING))

    def forward(self, lists, before, lengths):
        return self.inner(lists, before, lengths)


def network(cell):
    def fit(task, clock, rng, lr):
        torch.manual_seed(int(rng.integers(2**31)))
        lists, before, lengths, after = encoded("train")
        model, order = Writer(cell), iter(())

        def batch():
            nonlocal order
            chosen = next(order, None)
            if chosen is None:
                order = iter(data.batches(lengths.numpy(), B, rng))
                chosen = next(order)
            T = int(lengths[chosen].max())
            return lists[chosen], before[:T, chosen], lengths[chosen], after[:T, chosen]

        def loss(logits, target):
            return rt.cross_entropy(logits, target, ignore_index=data.PAD)

        @torch.no_grad()
        def score(part):
            lists, before, lengths, after = encoded(part)
            logits = model(lists, before, lengths)
            each = torch.nn.functional.cross_entropy(logits.movedim(-1, 1), after, reduction="none")
            return each.T[after.T != data.PAD].numpy()  # name after name, as the counts have them

        train(model, batch, loss, clock, lr=lr, validate=lambda _: float(score("validation").mean()))
        return score

    return Model(fit, GRID)


EXPERIMENT = Experiment(
    question="Does a network write family names better than counts that are shared between the lists as well?",
    data="data.names(), 3,125 names of eight lists, 70/15/15 %; letters and the end of a name, the list is given",
    metric=Metric("nats a letter"),
    models={
        "mixed counts": Model(mixed, SMOOTHED, baseline=True),
        "RNN": network("RNN"),
        "LSTM": network("LSTM"),
    },
    rungs={3: 10, 12: 10},
)
