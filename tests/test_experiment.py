"""Experiments: one tuning rule, budgets that are kept, and a run that goes on where it was stopped."""

import itertools
import json
import math
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from distributed import LocalCluster

from course_rnn import cli, data
from course_rnn.experiment import Clock, Experiment, Metric, Model, load, run
from course_rnn.experiment.nets import train
from course_rnn.experiment.plan import Trial

ROOT = Path(__file__).parent.parent
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.py"))

#: A model that is a third better on the test part than where it was chosen, the better the nearer to 0.4 its share is,
#: and the longer it may run; what it is asked for is written to a file.
TOY = """
    from pathlib import Path
    import numpy as np
    from course_rnn.experiment import Experiment, Metric, Model

    def fit(task, clock, rng, share):
        with (Path(__file__).parent / "asked").open("a") as file:
            file.write(f"{task} {clock.budget} {share}\\n")
        noise = rng.normal(size=100) / 1000
        error = abs(share - 0.4) + 1 / clock.budget + len(task)
        return lambda part: {"validation": error + noise, "test": TEST * error + noise}[part]

    def constant(task, clock, rng):
        return lambda part: 0.3

    EXPERIMENT = Experiment(
        question="?",
        data="none",
        metric=Metric("error"),
        models={"net": Model(fit, ({"share": 0.1}, {"share": 0.5})), "level": Model(constant, baseline=True)},
        rungs={1: 3, 4: 2, 16: 1},
        tasks=("a", "ab"),
        tuned=2,
        tuned_to=4,
    )
"""


@pytest.fixture
def toy(tmp_path):
    """The path of the experiment and of its record."""
    path = tmp_path / "toy.py"
    path.write_text(
        textwrap.dedent(TOY).replace("TEST", "0.7").replace("Path(__file__).parent", f"Path({str(tmp_path)!r})")
    )
    return path, tmp_path / "toy.json"


def asked(toy):
    """The trainings that were asked for, without the rehearsals."""
    path = toy[0].parent / "asked"
    return [line for line in path.read_text().splitlines() if " 1e-09 " not in line]


# --------------------------------------------------------------------------------------------------- the rule


def test_every_rung_is_tuned_up_to_one_and_has_its_seeds(toy):
    record = run(*toy, progress=False)
    rows = [row for row in record["trials"] if row["model"] == "net" and row["task"] == "a"]
    tried = {(row["rung"], row["setting"]["share"], row["seed"]) for row in rows}
    tuning = set(itertools.product((1, 4), (0.1, 0.5), (0, 1)))
    assert tried == tuning | {(1, 0.5, 2), (16, 0.5, 0)}
    assert len(record["trials"]) == 2 * (len(tried) + 1) == len(asked(toy)) + 2
    assert all(row["setting"] == {"share": 0.5} for row in record["chosen"] if row["model"] == "net")


def test_the_test_part_enters_no_choice(toy):
    chosen = run(*toy, progress=False)["chosen"]
    path, out = toy
    path.write_text(path.read_text().replace("0.7 * error", "-error"))  # what was best is now worst
    out.unlink()
    again = run(path, out, progress=False)
    assert again["chosen"] == chosen
    assert min(row["test"] for row in again["trials"]) < 0


def test_a_tie_goes_to_the_simpler_setting_and_a_missing_score_to_nobody():
    model = Model(None, ({"h": 8}, {"h": 16}))
    plan = Experiment("?", "", Metric("share right", lower_is_better=False), {"net": model}, {1: 1})
    keys = [Trial("", "net", 1, setting, 0).key() for setting in model.grid]
    assert plan.choice("", "net", 1, dict.fromkeys(keys, 0.5)) == {"h": 8}
    assert plan.choice("", "net", 1, dict(zip(keys, (0.5, 0.6), strict=True))) == {"h": 16}
    with pytest.raises(KeyError):
        plan.choice("", "net", 1, {keys[0]: 0.5})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rungs": {}}, r"no rung of \[\]"),
        ({"rungs": {9: 1}, "tuned_to": 3}, "at or below tuned_to = 3"),
        ({"models": {"net": Model(None, ())}}, "net has no setting to try"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(change, message):
    plan = {"question": "?", "data": "", "metric": Metric("m"), "models": {"net": Model(None)}, "rungs": {1: 1}}
    with pytest.raises(ValueError, match=message):
        Experiment(**plan | change)


# --------------------------------------------------------------------------------------------------- running


def test_a_run_goes_on_where_it_was_stopped(toy):
    path, out = toy
    whole = run(path, out, progress=False)
    count, kept = len(asked(toy)), json.loads(out.read_text())
    assert kept == json.loads(json.dumps(whole))
    kept["trials"] = [row for row in kept["trials"] if row["seed"] == 0]
    out.write_text(json.dumps(kept))
    again = run(path, out, progress=False)
    missing = sum(row["seed"] > 0 for row in whole["trials"])
    assert len(asked(toy)) == count + missing
    assert {k: v for k, v in again.items() if k != "trials"} == {k: v for k, v in whole.items() if k != "trials"}

    def values(record):
        return [{k: v for k, v in row.items() if k != "seconds"} for row in record["trials"]]

    assert values(again) == values(whole)


def test_what_is_no_longer_asked_for_is_left_out(toy):
    path, out = toy
    run(path, out, progress=False)
    path.write_text(path.read_text().replace('tasks=("a", "ab")', 'tasks=("a",)'))
    count = len(asked(toy))
    assert {row["task"] for row in run(path, out, progress=False)["trials"]} == {"a"}
    assert len(asked(toy)) == count


@pytest.mark.parametrize("where", ["processes", "a cluster"])
def test_where_it_runs_does_not_change_the_scores(toy, where):
    path, out = toy
    alone, other = run(path, out, progress=False), out.with_name("other.json")
    if where == "processes":
        beside = run(path, other, jobs=2, progress=False)
    else:
        with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
            beside = run(path, other, scheduler=cluster.scheduler_address, progress=False)

    def values(record):
        return [(row["task"], row["model"], row["rung"], row["seed"], row["blocks"]) for row in record["trials"]]

    assert values(alone) == values(beside)


def test_each_training_is_rehearsed_once_before_its_clock_starts(toy):
    run(*toy, progress=False)
    lines = (toy[0].parent / "asked").read_text().splitlines()
    for task, share in itertools.product(("a", "ab"), (0.1, 0.5)):
        mine = [line for line in lines if line.startswith(f"{task} ") and line.endswith(f" {share}")]
        assert mine.index(f"{task} 1e-09 {share}") == 0 and sum(" 1e-09 " in line for line in mine) == 1


def test_what_is_kept_of_a_training(toy):
    row = next(row for row in run(*toy, progress=False)["trials"] if row["model"] == "net")
    assert (
        len(row["blocks"]) == 40
        and row["items"] == 100
        and np.mean(row["blocks"]) == pytest.approx(row["test"], abs=0.01)
    )
    assert row["seconds"] >= 0 and row["updates"] == 0


def test_the_command_writes_the_record(toy, monkeypatch):
    path, out = toy
    monkeypatch.chdir(path.parent)
    (path.parent / "experiments").mkdir()
    path.rename(path.parent / "experiments" / "toy.py")
    found = CliRunner().invoke(cli.main, ["experiment", "toy", "--out", "."])
    assert found.exit_code == 0 and "trainings are in toy.json" in found.output
    assert json.loads(out.read_text())["experiment"] == "toy"
    found = CliRunner().invoke(cli.main, ["experiment", "tea"])
    assert found.exit_code == 1 and "There are: toy" in found.output


def test_a_file_without_an_experiment_is_refused(tmp_path):
    (tmp_path / "tea.py").write_text("")
    with pytest.raises(ValueError, match="has no EXPERIMENT"):
        load(tmp_path / "tea.py")


# --------------------------------------------------------------------------------------------------- training


def clock(updates):
    """A clock that allows so many updates, whatever the machine does."""
    ticks = itertools.count()
    return Clock(updates + 1, now=lambda: next(ticks))


def regression(seed):
    torch.manual_seed(seed)
    x = torch.randn(64, 3)
    return torch.nn.Linear(3, 1), lambda: (x, x.sum(dim=1, keepdim=True))


def test_training_stops_when_the_budget_is_spent():
    model, batch = regression(0)
    time = clock(50)
    train(model, batch, torch.nn.functional.mse_loss, time, lr=0.1)
    assert time.updates == 50
    x, y = batch()
    assert torch.nn.functional.mse_loss(model(x), y) < 0.01


def test_training_leaves_torch_as_it_was():
    model, batch = regression(0)
    seen = []

    def loss(y, target):
        tiny = torch.tensor([1e-30]) * 1e-10  # below the smallest normal number
        seen.append((torch.get_num_threads(), bool(tiny)))
        return torch.nn.functional.mse_loss(y, target)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    train(model, batch, loss, clock(2), lr=0.1)
    assert set(seen) == {(1, False)}
    assert torch.get_num_threads() == 2 and bool(torch.tensor([1e-30]) * 1e-10)
    torch.set_num_threads(before)


def test_the_best_of_the_looks_is_kept():
    model, batch = regression(0)
    seen = []

    def validate(model):
        seen.append((len(seen), [p.clone() for p in model.parameters()]))
        return {2: 0.0}.get(len(seen) - 1, 1.0)

    train(model, batch, torch.nn.functional.mse_loss, clock(40), lr=0.1, validate=validate, looks=4)
    assert len(seen) == 4
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), seen[2][1], strict=True))


def test_the_rate_rises_and_falls_to_zero():
    model, batch = regression(0)
    rates = []
    step = torch.optim.Adam.step

    class Watched(torch.optim.Adam):
        def step(self):
            rates.append(self.param_groups[0]["lr"])
            return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Watched)
        train(model, batch, torch.nn.functional.mse_loss, clock(200), lr=1.0)
    top = int(np.argmax(rates))
    assert 5 <= top <= 15 and max(rates) <= 1
    assert np.all(np.diff(rates[top:]) <= 0) and rates[-1] < 1e-3


# --------------------------------------------------------------------------------------------------- ours


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_an_experiment_can_be_loaded_and_has_a_baseline(path):
    plan = load(path)
    assert plan.question.endswith("?") and plan.data
    assert any(model.baseline for model in plan.models.values())
    assert any(not model.baseline for model in plan.models.values())


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_a_record_was_made_with_the_settings_of_its_experiment(path):
    plan, record = load(path), data.results(path.stem)
    asked = {"question": plan.question, "data": plan.data, "metric": vars(plan.metric)}
    asked |= {"rungs": {str(rung): seeds for rung, seeds in plan.rungs.items()}}
    asked |= {"models": {name: {"grid": model.grid, "baseline": model.baseline} for name, model in plan.models.items()}}
    assert {key: record[key] for key in asked} == json.loads(json.dumps(asked))
    scores = {}
    for row in record["trials"]:
        trial = Trial(*(row[name] for name in ("task", "model", "rung", "setting", "seed")))
        assert trial.key() not in scores, f"{trial} is there twice"
        scores[trial.key()] = row["validation"]
        assert row["rung"] == "baseline" or row["seconds"] < 1.5 * row["rung"] + 1
        assert all(map(math.isfinite, (row["validation"], row["test"])))
    for row in record["chosen"]:
        assert row["setting"] == plan.choice(row["task"], row["model"], row["rung"], scores)
