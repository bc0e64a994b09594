"""What the checks say to answers of strangers: how many are caught, refused, explained rightly, and how fast.

    python benchmarks/outside.py                  a minute; writes results/strangers.json

The answers are those of `strangers`, in two halves: A was there to mend the rules of the diagnosis by, B to measure.
B was opened once, and what it measured then is in results/strangers_sealed.json: that is the outside number. Some rules
were mended by B afterwards, so what it says now is no better than A.
A pattern says whether a message names the true cause; where somebody has read that very message, their judgement counts
(strangers/read.json, by the answer: what was said, and whether it is right, generic or misleading).
A mistake that a question registers is known by its name; the rates without those tell how far the rules carry.
"""

import json
import re
import time
from collections import Counter
from pathlib import Path

import strangers

from course_rnn import machine

OUT = Path(__file__).parent / "results" / "strangers.json"
READ = Path(strangers.__file__).parent / "read.json"
#: A first line that only says where a value is off explains nothing.
ONLY_WHERE = re.compile(r" has wrong values| has shape .*[^?]$| contains ")


def measured():
    """The counts of each half, of all wrong answers and of those that no question registers, and the slowest checks."""
    judgements = json.loads(READ.read_text()) if READ.exists() else {}
    questions, found, slowest = strangers.questions(), {}, []
    for answer in strangers.answers():
        question, function = questions[answer.name], answer.function()
        began = time.process_time()
        result = question.check(function)
        slowest.append((round(time.process_time() - began, 2), answer.key))
        half = found.setdefault(
            answer.half, {"right": Counter(), "all": Counter(), "unregistered": Counter(), "two": Counter()}
        )
        if answer.kind == "right":
            half["right"].update({"answers": 1, "refused": not result.passed})
            continue
        verdict = judged(answer, result, judgements)
        if verdict in ("misleading", "passed"):
            print(f"    {verdict}: {answer.key}: {said(result)[:200]}")
        rows = ["two"] if answer.kind == "two" else ["all"] + ["unregistered"] * (not registered(question, result))
        for row in rows:
            half[row].update({"answers": 1, verdict: 1, "read": was_read(answer, result, judgements)})
    return {
        "halves": {half: {row: dict(counts) for row, counts in rows.items()} for half, rows in sorted(found.items())},
        "slowest_checks_in_cpu_seconds": sorted(slowest, reverse=True)[:5],
    }


def said(result):
    """What a result says of the cause: the likely cause, or a first line that is one itself; "" where nothing is."""
    lines = result.message.splitlines()
    cause = next((line for line in lines if line.startswith("Likely cause: ")), "").removeprefix("Likely cause: ")
    if cause or not lines or result.passed:
        return cause
    shapes = next((line for line in lines if line.startswith("Shapes: ")), "")
    return "" if ONLY_WHERE.search(lines[0]) and not shapes else f"{lines[0]} {shapes}".strip()


def judged(answer, result, judgements):
    """Whether what is said of an answer is right, generic or misleading; of two mistakes, whether one is named."""
    if result.passed:
        return "passed"
    if was_read(answer, result, judgements):
        return judgements[answer.key]["judgement"]
    text = said(result)
    hits = [bool(re.search(pattern, text)) for pattern in answer.says]
    return "generic" if not text else "right" if any(hits) else "misleading"


def was_read(answer, result, judgements):
    """Whether somebody has read what is said of an answer, word for word."""
    return judgements.get(answer.key, {}).get("said") == said(result)


def registered(question, result):
    """Whether a result speaks of one mistake that the question knows, and of nothing else."""
    known = question.mistakes | question.inherited
    return said(result) in {mistake.message for mistake in known.values()}


def in_words(found):
    """The rates, a line for each half and row."""
    for half, rows in found["halves"].items():
        for row, counts in rows.items():
            all_of = counts["answers"]
            rest = {
                key: f"{n} ({100 * n / all_of:.1f} %)" for key, n in counts.items() if key not in ("answers", "read")
            }
            yield f"strangers {half}, {row}: {all_of} answers, " + ", ".join(f"{key} {n}" for key, n in rest.items())
    yield f"slowest checks (CPU s): {found['slowest_checks_in_cpu_seconds']}"


if __name__ == "__main__":
    found = measured()
    print("\n".join(in_words(found)))
    OUT.write_text(json.dumps({"hardware": machine.hardware()} | found, indent=1) + "\n")
