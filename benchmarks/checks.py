"""How good the checks are: a battery of wrong and right answers that the questions do not know of, and its rates.

    python benchmarks/checks.py [NAME ...]        all questions, or those named; prints a table and the rates
    python benchmarks/outside.py                  the answers of strangers alone, a minute

Mutants come from operators that the search of the visible seeds does not use: an axis of size one that is squeezed
away, results in another order, a size of one that broadcasts, two slips at once. Whether a mutant is wrong at all is
decided by cases from outside: many, of the question's own generator with seeds that nothing else uses, and small ones.
The mistakes of `OFF_THE_LIST` were written by hand from what learners write; no question registers them.

- caught: of the mutants that these cases tell from the answer, those that the visible cases catch
- refused: right answers, written differently, that do not pass
- cause right: of the mistakes off the list, those whose "Likely cause" names what is wrong (a pattern each)
- generic: those with no cause; misleading: those with a cause that names something else
- of two registered mistakes at once, those where one of the two is named
- answers of strangers, whole functions that were written before the rules were read: see outside.py
"""

import argparse
import ast
import json
import linecache
import random
import re
import time
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import outside
from off_the_list import OFF_THE_LIST

from course_rnn import machine
from course_rnn.checking.cases import Exhausted, Small
from course_rnn.checking.certify import changed, hidden_cases, honest
from course_rnn.checking.compare import as_tuple
from course_rnn.checking.diagnose.pair import edited
from course_rnn.checking.mistake import code_of, compiled, quietly
from course_rnn.checking.mutate import made, mutants
from course_rnn.questions import chapters

OUT = Path(__file__).parent / "results" / "checks.json"
OUTSIDE = range(500_000, 500_060)
PAIRS = 30  # of slips, and of registered mistakes, for each question


def main():
    """Print a row for each question and the rates of all; write them down where all questions were asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args().names
    questions = {q.name: q for chapter in chapters().values() for q in chapter.questions.values()}
    rows = {}
    for name, question in questions.items():
        if asked and name not in asked:
            continue
        began = time.process_time()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            rows[name] = row(question)
        for missed in rows[name]["missed"]:
            print(f"    missed: {missed}")
        print(f"{name:20} {time.process_time() - began:6.1f} s  {in_short(rows[name])}", flush=True)
    total = {key: sum(each[key] for each in rows.values()) for key in next(iter(rows.values())) if key != "missed"}
    print(f"\n{'all':20}           {in_short(total)}")
    if not asked:
        strangers = outside.measured()
        print("\n".join(outside.in_words(strangers)))
        found = {"hardware": machine.hardware(), "all": total, "strangers": strangers, "questions": rows}
        OUT.write_text(json.dumps(found, indent=1) + "\n")


def in_short(n):
    """A row in words."""
    return (
        f"caught {n['caught']} of {n['mutants']}, hidden {n['hidden']}; right refused {n['refused']} of {n['right']}; "
        f"registered named {n['named']} of {n['registered']}; two at once {n['of_two']} of {n['two']}; "
        f"off the list {n['listed']}: right {n['cause_right']}, generic {n['generic']}, misleading {n['misleading']}"
    )


def row(question):
    """The counts of one question."""
    outside = cases_from_outside(question)
    hidden = hidden_cases(question, 77, 8)
    visible = [question.draw(seed) for seed in question.seeds]
    counts = {"mutants": 0, "caught": 0, "hidden": 0, "missed": []}
    for name, function in wrong_ones(question):
        if not fails(question, function, outside):
            continue
        counts["mutants"] += 1
        seen, in_hidden = fails(question, function, visible), fails(question, function, hidden)
        counts["caught"] += seen
        counts["hidden"] += in_hidden
        if not (seen and in_hidden):
            counts["missed"].append(f"{name}{'' if seen else ', visible'}{'' if in_hidden else ', hidden'}")
    right = list(dressed_up(question))
    counts |= {"right": len(right), "refused": sum(fails(question, each, outside[:30] + visible) for each in right)}
    return counts | causes(question)


def cases_from_outside(question):
    """Cases that no search has seen: of the question's generator, large and small."""
    cases = [question.draw(seed) for seed in OUTSIDE]
    for seed in range(900, 930):
        try:
            cases.append(question.cases(Small(seed, 1 + seed % 3)))
        except (Exhausted, ValueError, IndexError):
            continue
    return [case for case in cases if question.expected(case) is not None]


def fails(question, function, cases):
    """Whether any of the cases shows an answer to be wrong."""
    return any(question.finding(quietly(function, case, question.library, len(question.returns))) for case in cases)


# ---------------------------------------------------------------------- wrong answers


def wrong_ones(question):
    """Mutants by operators of their own, with a name each."""
    for k, name in enumerate(question.returns):
        yield f"{name}.squeeze()", changed(question, np.squeeze, k)
        yield f"{name} in float16", changed(question, lambda a: a.astype(np.float16) if a.dtype.kind == "f" else a, k)
        yield f"{name} + 1e-3", changed(question, lambda a: a + 1e-3 if a.dtype.kind == "f" else a, k)
        yield f"{name} of the first of the batch", changed(question, first_of_the_batch, k)
    for a, b in combinations(range(len(question.returns)), 2):
        yield f"{question.returns[a]} and {question.returns[b]} exchanged", exchanged(question, a, b)
    yield from squeezed_arguments(question)
    yield from two_slips(question)


def first_of_the_batch(array):
    """The first column everywhere: what a size of one that broadcasts makes of it."""
    return np.broadcast_to(array[:, :1], array.shape).copy() if array.ndim > 1 else array


def exchanged(question, a, b):
    """The answer with two of its values exchanged."""

    def answer(*arguments):
        values = list(as_tuple(question.reference(*arguments)))
        values[a], values[b] = values[b], values[a]
        return tuple(values)

    return answer


def squeezed_arguments(question):
    """The answer that squeezes an argument before it begins."""
    case = question.draw(question.seeds[0])
    for k, (name, value) in enumerate(case.items()):
        if isinstance(value, np.ndarray):

            def answer(*arguments, k=k):
                return question.reference(*arguments[:k], arguments[k].squeeze(), *arguments[k + 1 :])

            yield f"{name} squeezed", answer


def two_slips(question):
    """A sample of answers with two slips of the pen."""
    draw = random.Random(question.name)
    names = question.reference.__globals__
    first = list(question.slips)
    for slip in draw.sample(first, min(PAIRS, len(first))):
        others = list(mutants(slip.source, names, 40))
        if others:
            second = draw.choice(others)
            yield f"{slip.was} → {slip.now} and {second.was} → {second.now}", second.function


# ---------------------------------------------------------------------- right answers


def dressed_up(question):
    """The right answer in other dresses."""
    yield from (function for _, function in honest(question))
    yield from renamed(question)


def renamed(question):
    """The right answer with the two sides of its sums exchanged: another order of operations."""
    tree = ast.parse(code_of(question.reference))
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and "@" in ast.unparse(node):
            node.left, node.right = node.right, node.left
    function = made(ast.unparse(tree), question.reference.__globals__)
    if function is not None and "@" in code_of(question.reference):
        yield function


# ---------------------------------------------------------------------- causes


def causes(question):
    """How often the cause that a check names is the right one."""
    found = dict.fromkeys(("registered", "named", "two", "of_two", "listed", "cause_right", "generic", "misleading"), 0)
    for name, mistake in question.mistakes.items():
        found["registered"] += 1
        found["named"] += question.check(mistake.function).cause == name
    for pair, function in two_mistakes(question):
        said = cause_of(question.check(function))
        found["two"] += 1
        found["of_two"] += any(m.message in said or about(question, m, said) for m in pair)
    for right, wrong, pattern in OFF_THE_LIST.get(question.name, ()):
        source = code_of(question.reference)
        if source.count(right) != 1:
            raise ValueError(f"{question.name}: {right!r} stands {source.count(right)} times in the answer.")
        result = question.check(as_cell(source.replace(right, wrong), question.reference))
        said = cause_of(result) + " " + "\n".join(result.lines[:2]) * ("Shapes" in result.message)
        found["listed"] += 1
        named = bool(re.search(pattern, said))
        found["cause_right"] += named
        found["generic"] += not said.strip()
        found["misleading"] += bool(said.strip()) and not named
        if not named:
            print(f"    {question.name}: {right!r} → {wrong!r}: {result.message.splitlines()[0][:90]} | {said[:150]}")
    return found


def as_cell(source, reference):
    """A function as a notebook would have it: Python knows its lines."""
    linecache.cache["<off the list>"] = (len(source), None, source.splitlines(keepends=True), "<off the list>")
    return compiled(source, reference, "off the list")


def cause_of(result):
    """The cause that a result names, "" where it names none."""
    return result.message.partition("Likely cause: ")[2].partition("\n")[0]


def about(question, mistake, said):
    """Whether what is said speaks of what a mistake changes: an argument it leaves out, or the code it writes."""
    lost = (
        {n for n in question.draw(0) if words(mistake.edit[0], n) > words(mistake.edit[1], n)} if mistake.edit else ()
    )
    return any(re.search(rf"\b{re.escape(name)}\b", said) for name in lost)


def words(code, name):
    """How often a name stands in some code."""
    return len(re.findall(rf"\b{re.escape(name)}\b", code))


def two_mistakes(question):
    """A sample of answers with two registered mistakes, that the cases tell from either of them and from the answer."""
    draw = random.Random(question.name)
    edits = [mistake for mistake in question.mistakes.values() if mistake.edit]
    pairs = list(combinations(edits, 2))
    draw.shuffle(pairs)
    visible = [question.draw(seed) for seed in question.seeds]
    for pair in pairs[:PAIRS]:
        source = edited(edited(code_of(question.reference), *pair[0].edit), *pair[1].edit)
        source = source or edited(edited(code_of(question.reference), *pair[1].edit), *pair[0].edit)
        if not source:
            continue
        function = made(source, question.reference.__globals__)
        if (
            function
            and fails(question, function, visible)
            and not any(same(question, function, m.function) for m in pair)
        ):
            yield pair, function


def same(question, one, other):
    """Whether two wrong answers do the same in every visible case."""
    trials = [[question.run(function, seed) for seed in question.seeds] for function in (one, other)]
    return all(a.does_as(b, question.tolerance) for a, b in zip(*trials, strict=True))


if __name__ == "__main__":
    main()
