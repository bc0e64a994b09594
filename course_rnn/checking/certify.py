"""Cases that are certain to tell wrong answers from right ones: the visible seeds, and hidden cases for marks.

A set of cases is certified when it catches every fault of a fixed list: each known mistake, each other convention of
a family, each slip of the pen that `mutate` knows, results that are rounded to float16, and an axis of size one that
is squeezed away. Of several returned values each must be found wrong that is wrong, in an ordinary case where one can
show it, so that partial credit is the same for every seed.

    python -m course_rnn.checking.certify        searches the visible seeds, and writes course_rnn/questions/seeds.py
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from zlib import crc32

import numpy as np

from course_rnn.checking.cases import ordinary
from course_rnn.checking.compare import as_array, as_tuple
from course_rnn.checking.diagnose.evidence import Evidence
from course_rnn.checking.mistake import quietly

VISIBLE = 8  # cases of a check
STANDARD = range(10_000, 10_064)  # the cases that decide whether a fault can be seen at all
LOOKED_AT = 6  # of them, from the first in which a fault shows: which of its values are wrong
MOST_DRAWN = 400  # hidden cases, until a seed is given up
MOST_KEPT = 24


@dataclass(frozen=True)
class Fault:
    """A wrong answer that cases must catch.

    Attributes
    ----------
    kind : str
        "mistake", "slip", "float16" or "squeeze".
    name : str
    function : callable
    """

    kind: str
    name: str
    function: callable


class Uncertified(ValueError):
    """A seed whose cases do not catch every fault."""


# ---------------------------------------------------------------------- faults


def faults(question):
    """The wrong answers by which the cases of a question are judged."""
    yield from (Fault("mistake", name, mistake.function) for name, mistake in question.mistakes.items())
    yield from (Fault("slip", f"{slip.was} → {slip.now}", slip.function) for slip in question.slips)
    yield Fault("float16", "float16", changed(question, half))
    for place, name in enumerate(question.returns):
        yield Fault("squeeze", f"{name}.squeeze()", changed(question, lambda array: array.squeeze(), place))
    for place, (name, value) in enumerate(question.draw(STANDARD[0]).items()):
        if isinstance(value, np.ndarray) and value.ndim:
            yield Fault("squeeze", f"{name} squeezed", squeezing(question, place))


def changed(question, change, place=None):
    """The reference answer with its values changed, or the one in a place."""

    def answer(*arguments):
        values = as_tuple(question.reference(*arguments))
        values = tuple(change(as_array(v)) if place in (None, k) else v for k, v in enumerate(values))
        return values if len(question.returns) > 1 else values[0]

    return answer


def squeezing(question, place):
    """The reference answer that begins with squeezing an argument."""

    def answer(*arguments):
        return question.reference(*arguments[:place], arguments[place].squeeze(), *arguments[place + 1 :])

    return answer


def half(array):
    """Decimals as precise as float16 has them."""
    return array.astype(np.float16) if array.dtype.kind == "f" else array


def seen(question, fault, arguments):
    """Which values of a faulty answer one case shows to be wrong, by their place; all where it does not end well."""
    trial = quietly(fault.function, arguments, question.library, len(question.returns))
    if question.finding(trial) is None:
        return frozenset()
    wrong = Evidence(question, [trial]).wrong
    return frozenset(wrong) or frozenset(range(len(question.returns)))


@lru_cache(maxsize=256)
def targets(question):
    """What a set of cases has to catch: each fault that can be seen, with the values that it makes wrong.

    Returns
    -------
    list of (Fault, dict)
        By the place of a value: whether an ordinary case shows it to be wrong.
    """
    standard = [question.draw(seed) for seed in STANDARD]
    plain = [arguments for arguments in standard if ordinary(arguments)]
    found = []
    for fault in faults(question):
        places = seen_in(question, fault, standard)
        if places:
            found.append((fault, dict.fromkeys(places, False) | dict.fromkeys(seen_in(question, fault, plain), True)))
    return found


def seen_in(question, fault, cases):
    """Which values of a faulty answer some cases show to be wrong; no more than a few cases that fail are looked at."""
    places, more = set(), LOOKED_AT
    for arguments in cases:
        places |= seen(question, fault, arguments)
        more -= bool(places)
        if not more:
            break
    return places


# ---------------------------------------------------------------------- hidden cases


@lru_cache(maxsize=4096)
def certified(question, seed, count):
    """The hidden cases that a seed draws, enough of them to catch every fault.

    Raises
    ------
    Uncertified
        They do not, however many are drawn: the seed must not be used.
    """
    open_ones = {k: set(places) for k, (_, places) in enumerate(targets(question))}
    kept = []
    for k in range(MOST_DRAWN):
        if len(kept) >= count and not open_ones:
            return kept
        arguments = question.draw([seed, crc32(question.name.encode()), k])
        caught, plain = False, ordinary(arguments)
        for number in list(open_ones):
            fault, ways = targets(question)[number]
            places = {p for p in seen(question, fault, arguments) & open_ones[number] if plain or not ways[p]}
            caught = caught or bool(places)
            open_ones[number] -= places
            if not open_ones[number]:
                del open_ones[number]
        if caught or len(kept) < count:
            kept.append(arguments)
        if len(kept) > MOST_KEPT:
            break
    names = ", ".join(targets(question)[number][0].name for number in list(open_ones)[:3])
    raise Uncertified(f"The cases of seed {seed} for {question.name} do not catch: {names}. Take another seed.")


def hidden_cases(question, seed, count):
    """The arguments of the hidden cases of a question, at least `count`: the same for the same seed."""
    return list(certified(question, seed, count))


# ---------------------------------------------------------------------- right answers, and the table


def honest(question):
    """The right answer in other dresses, which no case may refuse: in float32, brought back to float64, and in memory.

    An answer in torch that is trained keeps its tensors.
    """

    def of(change, before=lambda value: value):
        def answer(*arguments):
            values = tuple(map(change, as_tuple(question.reference(*map(before, arguments)))))
            return values if len(question.returns) > 1 else values[0]

        return answer

    yield "float32", of(lambda value: value, single)
    yield "float32 and back", of(double, single)
    if not question.trained:
        yield "another order in memory", of(lambda value: np.array(as_array(value), order="F"))


def single(value):
    """Decimals in float32, an array or a tensor."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32) if value.dtype == np.float64 else value
    return value.float() if str(getattr(value, "dtype", "")) == "torch.float64" else value


def double(value):
    """Decimals in float64, an array or a tensor."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype == np.float32 else value
    return value.double() if str(getattr(value, "dtype", "")) == "torch.float32" else value


def table(chapters, seed):
    """A line for each question, as soon as it is known: how many faults its cases catch, and what is right and passes.

    Parameters
    ----------
    chapters : dict of Chapter
    seed : int
        Of the hidden cases.
    """
    yield f"{'':20} {'faults':>7} {'visible':>9} {'hidden':>9} {'cases':>6} {'honest':>7}"
    total = np.zeros(4, int)
    for chapter in chapters.values():
        for name, question in chapter.questions.items():
            aims, visible = targets(question), [question.draw(each) for each in question.seeds]
            try:
                hidden = hidden_cases(question, seed, VISIBLE)
            except Uncertified:
                hidden = []
            dresses = list(honest(question))
            right = len(missed(question, [Fault("honest", *dress) for dress in dresses], [*visible, *hidden]))
            found = len(aims), *(len(aims) - len(missed(question, [f for f, _ in aims], c)) for c in (visible, hidden))
            total += [*found, right == len(dresses)]
            passing = f"{right} of {len(dresses)}"
            yield f"{name:20} {found[0]:7} {found[1]:9} {found[2] or 'refused':>9} {len(hidden):6} {passing:>7}"
    yield f"{'all':20} {total[0]:7} {total[1]:9} {total[2]:9} {'':6} {total[3]:7}"


def missed(question, found, cases):
    """The faults that no case shows."""
    return [fault for fault in found if not any(seen(question, fault, case) for case in cases)]


# ---------------------------------------------------------------------- visible seeds


def visible_seeds(question, first=48, further=400, count=VISIBLE):
    """The seeds whose cases together catch the most faults, each as often as can be, and the names of those they miss.

    One after the other is taken that adds most, where a fault that was caught before counts a quarter each time.
    Faults that none of the first seeds shows are looked for in further ones; so are cases that tell two known mistakes
    apart.
    """
    aims = [(fault, place) for fault, places in targets(question) for place in places]
    shown = {seed: shows(question, question.draw(seed)) for seed in range(first)}
    hard = set(range(len(aims))) - set().union(*shown.values())
    for seed in range(first, further):
        if not hard:
            break
        arguments = question.draw(seed)
        if any(aims[k][1] in seen(question, aims[k][0], arguments) for k in hard):
            shown[seed] = shows(question, arguments)
            hard -= shown[seed]
    chosen, caught = [], np.zeros(len(aims))
    for _ in range(count):
        worth = {seed: sum(0.25 ** caught[k] for k in found) for seed, found in shown.items() if seed not in chosen}
        chosen.append(max(worth, key=worth.get))
        caught[sorted(shown[chosen[-1]])] += 1
    for one, other in confused(question, [question.draw(seed) for seed in chosen]):
        apart = (seed for seed in range(further) if not confused(question, [question.draw(seed)], [(one, other)]))
        chosen += [seed for seed in [next(apart, None)] if seed is not None and seed not in chosen]
    return tuple(sorted(chosen)), [aims[k][0].name for k in np.flatnonzero(caught == 0)]


def confused(question, cases, pairs=None):
    """Each two known mistakes that do the same in every case: none of them could be named."""
    pairs = pairs or list(combinations(question.mistakes.values(), 2))
    count = len(question.returns)
    named = {mistake.name: mistake for pair in pairs for mistake in pair}
    made = {name: [m.run(case, question.library, count) for case in cases] for name, m in named.items()}
    return [
        (one, other)
        for one, other in pairs
        if all(a.does_as(b, question.tolerance) for a, b in zip(made[one.name], made[other.name], strict=True))
    ]


def shows(question, arguments):
    """The numbers of the faults, each value by itself, that one case shows."""
    aims = [(fault, places, seen(question, fault, arguments)) for fault, places in targets(question)]
    every = [(place, found) for _, places, found in aims for place in places]
    return {k for k, (place, found) in enumerate(every) if place in found}


def write(path, chapters):
    """Search the visible seeds of every question, and write them down as a module."""
    lines = [
        '"""The seeds of the visible cases, found by `python -m course_rnn.checking.certify`: do not edit."""',
        "",
        "SEEDS = {",
    ]
    for chapter in chapters.values():
        for name, question in chapter.questions.items():
            chosen, missed = visible_seeds(question)
            print(f"{name}: {chosen}" + (f" miss {missed}" if missed else ""), flush=True)
            lines.append(f'    "{name}": {chosen},')
    path.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


if __name__ == "__main__":
    from course_rnn import questions

    write(Path(questions.__file__).with_name("seeds.py"), questions.chapters())
