"""Two mistakes at once: two edits of the answer, or an edit and an argument that is taken for something else."""

from itertools import combinations

from course_rnn.checking.diagnose import as_if
from course_rnn.checking.diagnose.evidence import Cause
from course_rnn.checking.diagnose.registered import named
from course_rnn.checking.mistake import code_of, compiled


def of_mistakes(evidence):
    """The one pair of known mistakes that does in everything what the answer did."""
    question = evidence.question
    fits = [pair for pair, function in question.pairs if evidence.does(function)]
    if fits:
        shared = set.intersection(*({mistake.name for mistake in pair} for pair in fits))
        if len(fits) > 1 and not shared:
            return None
        first, second = fits[0] if len(fits) == 1 else (next(m for m in fits[0] if m.name in shared), None)
        cause = named(question, first)
        if second is None:
            return Cause(cause.name, f"one of two mistakes: {first.message}", cause.address)
        return Cause(cause.name, f"two things at once. One: {first.message} The other: {second.message}", cause.address)
    return None


def with_an_argument(evidence):
    """The one known mistake together with the one argument taken for something else that do what the answer did."""
    if not evidence.ran or evidence.question.library != "numpy":  # in torch each try takes ten times as long
        return None
    fits = {}
    for words, names, change in as_if.substitutions(evidence.trials[evidence.failing[0]].arguments):
        for mistake in evidence.question.mistakes.values():
            if evidence.does(as_if.answering(mistake.function, change)):
                fits.setdefault(mistake.name, []).append((mistake, words.format(*names)))
    if len(fits) != 1:
        return None
    (mistake, sentence), *more = next(iter(fits.values()))
    cause = named(evidence.question, mistake)
    other = "" if more else f" The other: your results are those {sentence}"
    return Cause(cause.name, f"two things at once. One: {mistake.message}{other}", cause.address)


def compose(question):
    """Each two mistakes that are edits of different places of the answer, with the function that makes both."""
    source, found = code_of(question.reference), []
    edits = [mistake for mistake in question.mistakes.values() if mistake.edit]
    for pair in combinations(edits, 2):
        one, other = (mistake.edit for mistake in pair)
        both = edited(edited(source, *one), *other) or edited(edited(source, *other), *one)
        if both:
            try:
                found.append((pair, compiled(both, question.reference, "two mistakes")))
            except SyntaxError:
                continue
    return found


def edited(source, right, wrong):
    """The code with one part replaced; "" where it does not stand there once."""
    return source.replace(right, wrong) if source and source.count(right) == 1 else ""
