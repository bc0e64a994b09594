"""One slip of the pen: the results are those of the worked answer with one place of it changed."""

import ast
from difflib import SequenceMatcher

from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.mistake import code_of

LONGEST = 60  # characters of code that are quoted
SHORT = 8  # characters that say nothing without what stands beside them
BESIDE = 16


def of_the_answer(evidence):
    """Where the one change stands that does in everything what the answer did, as a question."""
    if not evidence.ran:
        return None
    slips = evidence.question.slips
    said = fitting(evidence, evidence.does, slips) or fitting(evidence, evidence.does, evidence.question.further_slips)
    return Cause("slip", f"your results are {said}") if said else None


def of_a_value(evidence):
    """Where the one change stands that makes one of several wrong values what it is."""
    if not evidence.ran or evidence.count < 2 or evidence.question.library != "numpy":
        return None
    for place in evidence.wrong:
        said = fitting(
            evidence, lambda function, place=place: evidence.does_in(function, place), evidence.question.slips
        )
        if said:
            return Cause("slip", f"{evidence.question.returns[place]} is {said}")
    return None


def fitting(evidence, does, slips):
    """What is said of the change that fits; "" where none does, or changes in several lines."""
    fits = [mutant for mutant in slips if does(mutant.function)]
    if not fits or len({mutant.line for mutant in fits}) > 1:
        return ""
    slip = min(fits, key=lambda mutant: len(mutant.was) + len(mutant.now))
    return asked(slip.was, slip.now, beside(slip, code_of(evidence.question.reference)))


def beside(slip, source):
    """What is quoted of a slip: where it is a few characters, with what stands beside them in their line."""
    old, new = ast.unparse(ast.parse(source)).splitlines(), slip.source.splitlines()
    lines = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    if len(slip.now) > SHORT or slip.now == "pass" or len(lines) != 1 or len(old) != len(new):
        return ""
    was, now = (line.strip() for line in lines[0])
    start, left = in_common(was, now), in_common(was[::-1], now[::-1])
    begin, end = max(start - BESIDE, 0), min(max(len(now) - left, start + 1) + BESIDE, len(now))
    while begin and (now[begin - 1].isalnum() or now[begin - 1] in "_."):
        begin -= 1
    while end < len(now) and (now[end].isalnum() or now[end] in "_."):
        end += 1
    return "…" * (begin > 0) + now[begin:end].strip() + "…" * (end < len(now))


def in_common(one, other):
    """How many characters two lines begin with that are the same."""
    return next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def asked(was, now, quoted=""):
    """The question that leads to a slip: it names what the learner seems to have, not what is right.

    "" where that is too long to be read.
    """
    if was in (f"{now}.copy()", f"{now}.clone()"):
        return f"what comes of changing `{now}` itself: a change stays there. Work on a copy of it."
    if quoted:
        ending = "What is missing there?" if now in was else "What belongs there instead?"
        return f"what comes of writing `{quoted}` in one place. {ending}"
    if len(now) > LONGEST:
        now = shortened(was, now)
    if len(now) > LONGEST:
        return ""
    if now == "pass":
        return f"what comes of leaving out one line, the one that starts {start(was)}. Is it there?"
    if now in was:
        return f"what comes of writing only `{now}` in one place. What is missing there?"
    if was in now:
        return f"what comes of writing `{now}` in one place. What is too much there?"
    return f"what comes of writing `{now}` in one place. What belongs there instead?"


def shortened(was, now):
    """A long piece of code with what it shares with another one left out."""
    match = SequenceMatcher(None, now, was, autojunk=False).find_longest_match()
    return f"{now[: match.a]}…{now[match.a + match.size :]}"


def start(line):
    """What a line begins with: the name that it sets."""
    return f"`{line.split()[0]} …`"
