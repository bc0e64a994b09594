"""What is said of one notebook, in the forms that other places want: JSON, Markdown, Gradescope's, GitHub Classroom's.

The seed of the hidden cases is in none of them.
"""

import base64
import json
import re
from dataclasses import asdict

from course_rnn.grading.out.overview import state
from course_rnn.grading.tables import shown

SAID = "student", "assignment", "version", "sha256", "status", "score", "max_score", "questions", "messages", "look"
MARKED = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")  # what Markdown takes for more than text
LONGEST = 1 << 19  # characters of a summary: GitHub takes 1 MiB


def as_json(verdict):
    """A verdict as JSON."""
    found = asdict(verdict)
    return json.dumps({name: found[name] for name in SAID} | {"seconds": verdict.seconds}, indent=2, allow_nan=False)


def as_text(verdict):
    """A verdict as lines for a terminal."""
    lines = [_headline(verdict)]
    for name, answer in verdict.questions.items():
        lines += [
            f"{name}: {_points(answer)}. {state(answer)}",
            *(f"  {each}" for each in answer["message"].split("\n")),
        ]
    return "\n".join([*lines, *verdict.messages])


def as_markdown(verdict):
    """A verdict in Markdown, in which nothing of the student's is more than text; for ``$GITHUB_STEP_SUMMARY``.

    Source: GitHub Docs, "Workflow commands for GitHub Actions", adding a job summary: GitHub flavored Markdown, 1 MiB.
    """
    lines = [f"## {_plain(_headline(verdict))}", "", "| question | points | |", "|---|--:|---|"]
    for name, answer in verdict.questions.items():
        message = "<br>".join(map(_plain, answer["message"].splitlines()))
        lines.append(f"| {_plain(name)} | {_points(answer)} | {message} |")
    lines += ["", *(f"- {_plain(message)}" for message in verdict.messages)]
    return "\n".join(lines)[:LONGEST] + "\n"


def as_gradescope(verdict):
    """A verdict as Gradescope reads it in results.json.

    Source: gradescope/autograder_samples, docs/specs.md.

    Raises
    ------
    ValueError
        It is ungraded, through a fault of ours: Gradescope is to say that the autograder failed, and nobody gets a 0.
    """
    if verdict.status == "ungraded":
        raise ValueError(" ".join(["Ungraded.", *verdict.messages]))
    tests = [
        {"name": name, "score": answer["points"], "max_score": answer["max"], "output": answer["message"]}
        for name, answer in verdict.questions.items()
    ]
    found = {"output": "\n".join([_headline(verdict), *verdict.messages]), "execution_time": round(verdict.seconds)}
    found |= {"score": verdict.score or 0, "tests": tests, "stdout_visibility": "hidden", "visibility": "visible"}
    return json.dumps(found, allow_nan=False)


def as_classroom(verdict):
    """A verdict as GitHub Classroom's reporter reads it, in base64.

    Source: github-education-resources/autograding-grading-reporter, src/main.js and src/notify-classroom.js.
    """
    tests = [
        {
            "name": name,
            "status": "pass" if state(answer) == "passed" else "fail",
            "score": answer["points"],
            "message": answer["message"],
        }
        for name, answer in verdict.questions.items()
    ]
    status = "pass" if verdict.score == verdict.max_score else "fail" if verdict.status == "graded" else "error"
    found = {"version": 1, "status": status, "max_score": verdict.max_score, "tests": tests}
    return base64.b64encode(json.dumps(found, allow_nan=False).encode()).decode()


def _headline(verdict):
    if verdict.status != "graded":
        return f"{verdict.assignment or 'The notebook'} was not graded."
    return f"{verdict.assignment}: {shown(verdict.score)} of {shown(verdict.max_score)} points"


def _points(answer):
    return f"{shown(answer['points'])} of {shown(answer['max'])}"


def _plain(text):
    """A text that Markdown shows as it is."""
    return MARKED.sub(r"\\\1", " ".join(text.split()))
