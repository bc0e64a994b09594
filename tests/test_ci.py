"""What runs on the hosting service: style before tests, every Python that we promise, and no action that may change."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
MAKEFILE = (ROOT / "Makefile").read_text()


def jobs(name):
    return yaml.safe_load(WORKFLOWS[name].read_text())["jobs"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_action_is_named_by_its_digest(name):
    """A tag can be moved to other code; the digest cannot. Its version stands beside it for us."""
    used = re.findall(r"uses: (.+)", WORKFLOWS[name].read_text())
    assert used or name == "preview"  # which asks the service itself
    for line in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_same_action_is_the_same_everywhere():
    used = set(re.findall(r"uses: (\S+)@(\S+)", "".join(path.read_text() for path in WORKFLOWS.values())))
    assert len({action for action, _ in used}) == len(used)


def test_every_promised_python_is_tested_after_the_style():
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    promised = [line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]
    assert jobs("ci")["test"]["strategy"]["matrix"]["python"] == promised
    assert jobs("ci")["test"]["needs"] == "lint"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_a_workflow_makes_is_there_to_be_made(name):
    steps = [step for job in jobs(name).values() for step in job["steps"]]
    matrix = [
        target for job in jobs(name).values() for target in job.get("strategy", {}).get("matrix", {}).get("target", [])
    ]
    made = re.findall(r"^make ([a-z]+)", "\n".join(step.get("run", "") for step in steps), re.MULTILINE)
    for target in made + [target.split()[0] for target in matrix]:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_the_site_is_put_together_from_artifacts_and_no_branch_of_pages_grows():
    text = WORKFLOWS["publish"].read_text()
    assert "actions/deploy-pages@" in text and "gh-pages" not in text
    assert jobs("publish")["site"]["needs"] == ["dev", "release"]
    assert jobs("publish")["site"]["permissions"]["pages"] == "write"


def test_what_a_stranger_proposes_holds_no_token_that_writes():
    """A pull request is built with read permission; what comments on it runs main's own file, and none of theirs."""
    ci, preview = (yaml.safe_load(WORKFLOWS[name].read_text()) for name in ("ci", "preview"))
    assert ci["permissions"] == {"contents": "read"} and "pull_request_target" not in ci[True]
    assert preview[True]["workflow_run"]["workflows"] == [ci["name"]]
    assert "checkout" not in WORKFLOWS["preview"].read_text()


def test_speed_and_accessibility_are_measured_on_every_change():
    runs = [step.get("run", "") for step in jobs("ci")["test"]["steps"]]
    assert any("benchmarks/lighthouse.py --check" in run for run in runs)


def test_other_processors_are_asked_weekly_and_on_demand():
    when = yaml.safe_load(WORKFLOWS["machines"].read_text())[True]  # YAML 1.1 reads "on" so
    assert "workflow_dispatch" in when and len(when["schedule"][0]["cron"].split()) == 5
