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
#: The order of the counts of a list, that of the counts of all lists, and how much the list has to say.
MIXED = tuple({"own": own, "all": 5, "share": share} for own in (2, 3, 4) for share in (1.0, 0.75, 0.5))


@cache
def parts():
    """The names of each list in the three parts, that of the chapter on deep networks: {part: {list: names}}."""
    dealt = data.split(data.names(), np.random.default_rng(0))
    return {
        part: {own: [name for name, other in pairs if other == own] for own in data.NAME_LOCALES}
        for part, pairs in zip(("train", "validation", "test"), dealt, strict=True)
    }


def padded(names, order):
    """Names one after the other, each behind so many ends that nothing of the name before it is seen."""
    return "".join(END * (order - 1) + name + END for name in names)


def losses(train_names, names, order):
    """The loss of each letter and of each end, by Kneser and Ney's counts."""
    found = data.ngram_losses(padded(train_names, order), padded(names, order), order, discount=0.8)
    asked = np.array([k >= order - 1 for name in names for k in range(order + len(name))], dtype=bool)
    return found[asked]


def mixed(task, clock, rng, own, all, share):
    def score(part):
        everyone = [name for names in parts()["train"].values() for name in names]
        found = []
        for name, names in parts()[part].items():
            p_own = np.exp(-losses(parts()["train"][name], names, own))
            p_all = np.exp(-losses(everyone, names, all)) if share < 1 else 0
            found.append(-np.log(share * p_own + (1 - share) * p_all))
        return np.concatenate(found)

    return score


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
        "counts": Model(mixed, MIXED, baseline=True),
        "RNN": network("RNN"),
        "LSTM": network("LSTM"),
    },
    rungs={3: 10, 12: 10},
)
