"""Known mistakes: those of the question itself, and those of the questions that its answer is built on."""

from course_rnn.checking.diagnose.evidence import Cause

AGREEING = 2  # cases that must say so


def of_everything(evidence):
    """The one known mistake that does in everything what the answer did; the question's own come first."""
    stopped = any(trial.raised for trial in evidence.trials)
    for loosely in (False, True)[: 1 + stopped]:
        for known in (evidence.question.mistakes, evidence.question.inherited):
            fits = [mistake for mistake in known.values() if evidence.does(mistake.function, loosely)]
            if len({mistake.message for mistake in fits}) == 1:
                return named(evidence.question, fits[0])
    return None


def where_there_are_numbers(evidence):
    """The one known mistake that makes what the answer made, but nan in some places: with -inf where -1e9 stands."""
    if not evidence.ran:
        return None
    fits = []
    for mistake in evidence.question.mistakes.values():
        agreed = [evidence.agrees(mistake.function, case) for case in evidence.failing]
        if agreed.count(True) >= AGREEING and False not in agreed:
            fits.append(mistake)
    return named(evidence.question, fits[0]) if len(fits) == 1 else None


def of_some_values(evidence):
    """For each value that is wrong the one known mistake that makes it so: two mistakes at once, in two values.

    A value of few numbers is no evidence: it fits by chance.
    """
    if not evidence.ran or evidence.count < 2:
        return None
    found = {}
    for place in evidence.wrong:
        fits = [m for m in evidence.question.mistakes.values() if evidence.does_in(m.function, place)]
        if len(fits) != 1:
            continue
        found.setdefault(fits[0].name, (fits[0], []))[1].append(evidence.question.returns[place])
    if not found:
        return None
    first = named(evidence.question, next(iter(found.values()))[0])
    said = " Also: ".join(f"{' and '.join(names)} {verb(names)} as if {m.message}" for m, names in found.values())
    return Cause(first.name, said, first.address)


def verb(names):
    """Is or are."""
    return "is" if len(names) == 1 else "are"


def named(question, mistake):
    """A known mistake as the cause."""
    own = question.mistakes.get(mistake.name) is mistake
    return Cause(mistake.name, mistake.message, question.address(mistake.name) if own else mistake.address)
