"""Tomorrow's share price, and tomorrow's range: is there anything for a network to learn?"""

from functools import cache

import numpy as np
import torch

import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Experiment, Metric, Model
from course_rnn.experiment.nets import train

T, B, H = 20, 32, 16
GRID = ({"lr": 1e-3}, {"lr": 5e-3})
DAYS = tuple({"days": days} for days in (1, 2, 5, 10, 20))


@cache
def parts(task):
    """The series in three parts in time: the closing price, or the logarithm of the day's log(high / low)."""
    prices = data.google_prices()
    series = {"price": prices["close"], "range": np.log(np.log(prices["high"] / prices["low"]))}[task]
    return data.split_in_time(series)


@cache
def unit(task, part):
    """The mean squared error of "tomorrow = today"."""
    return float(np.mean(of_part(task, part, np.diff(np.concatenate(parts(task))) ** 2)))


def of_part(task, part, values):
    """Of values for every day but the first of all, those of one part."""
    train, validation, test = map(len, parts(task))
    stop = train + validation + (part == "test") * test - 1
    return values[stop - (test if part == "test" else validation) : stop]


def against_today(task, part, squared):
    return of_part(task, part, squared) / unit(task, part)


def network(cell):
    def fit(task, clock, rng, lr):
        torch.manual_seed(int(rng.integers(2**31)))
        past, *_ = parts(task)
        whole = np.concatenate(parts(task))
        change = np.diff(whole)
        scale = change[: len(past) - 1].std()
        level = (whole[:-1] - past.mean()) / past.std()
        # what is read on a day: where the series stands, and the change that led there
        x = np.stack([level, np.concatenate([[0], change[:-1]]) / scale], axis=1)
        x = torch.tensor(x, dtype=torch.float32)[:, None]  # (n - 1, 1, 2)
        y = torch.tensor(change / scale, dtype=torch.float32)[:, None, None]
        model = rt.ManyToMany(getattr(rt, cell)(2, H), torch.nn.Linear(H, 1))

        def batch():
            starts = rng.integers(len(past) - 1 - T, size=B)
            return [torch.stack([each[start : start + T, 0] for start in starts], dim=1) for each in (x, y)]

        def errors(part):
            with torch.no_grad():
                wrong = (model(x) - y)[:, 0, 0].numpy() * scale
            return against_today(task, part, wrong**2)

        train(model, batch, rt.mse, clock, lr=lr, validate=lambda _: float(errors("validation").mean()))
        return errors

    return Model(fit, GRID)


def linear(task, clock, rng, days):
    past, *future = parts(task)
    future = np.concatenate(future)
    squared = (data.linear_forecast(past, future, days) - future) ** 2
    return lambda part: against_today(task, part, np.concatenate([np.full(len(past) - 1, np.nan), squared]))


def mean_of(task, clock, rng, days):
    whole = np.concatenate(parts(task))
    sums = np.concatenate([[0], whole.cumsum()])
    means = np.full(len(whole) - 1, np.nan)  # of the days up to day t, for day t + 1
    means[days - 1 :] = ((sums[days:] - sums[:-days]) / days)[:-1]
    return lambda part: against_today(task, part, (means - whole[1:]) ** 2)


EXPERIMENT = Experiment(
    question="Does a network predict tomorrow's price or range better than today's value, a mean or a linear model?",
    data="data.google_prices(), 1,047 days, 70/15/15 % in time: the closing price; log(log(high / low)) of the day",
    metric=Metric("squared error, in units of that of tomorrow = today"),
    models={
        "mean of the last days": Model(mean_of, DAYS, baseline=True),
        "linear": Model(linear, DAYS, baseline=True),
        "RNN": network("RNN"),
        "GRU": network("GRU"),
    },
    rungs={0.5: 10, 2: 10},
    tasks=("price", "range"),
)
