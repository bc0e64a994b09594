"""One slip of the pen: the results are those of the worked answer with one place of it changed."""

from difflib import SequenceMatcher

from course_rnn.checking.diagnose.evidence import Cause

LONGEST = 60  # characters of code that are quoted


def of_the_answer(evidence):
    """Where the one change stands that does in everything what the answer did, as a question."""
    if not evidence.ran:
        return None
    fits = [mutant for mutant in evidence.question.slips if evidence.does(mutant.function)]
    if not fits or len({mutant.line for mutant in fits}) > 1:
        return None
    slip = min(fits, key=lambda mutant: len(mutant.was) + len(mutant.now))
    said = asked(slip.was, slip.now)
    return Cause("slip", said) if said else None


def asked(was, now):
    """The question that leads to a slip: it names what the learner seems to have, not what is right.

    "" where that is too long to be read.
    """
    if len(now) > LONGEST:
        now = shortened(was, now)
    if len(now) > LONGEST:
        return ""
    if now == "pass":
        return f"your results are what comes of leaving out one line, the one that starts {start(was)}. Is it there?"
    if now in was:
        return f"your results are what comes of writing only `{now}` in one place. What is missing there?"
    if was in now:
        return f"your results are what comes of writing `{now}` in one place. What is too much there?"
    return f"your results are what comes of writing `{now}` in one place. What belongs there instead?"


def shortened(was, now):
    """A long piece of code with what it shares with another one left out."""
    match = SequenceMatcher(None, now, was, autojunk=False).find_longest_match()
    return f"{now[: match.a]}…{now[match.a + match.size :]}"


def start(line):
    """What a line begins with: the name that it sets."""
    return f"`{line.split()[0]} …`"
