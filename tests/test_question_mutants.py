"""No wrong answer passes: reference answers, broken one place at a time, are caught by the visible cases.

A mutant that six visible cases let through must behave as the reference on `MANY` further ones too; a mutant that these
tell apart is a survivor, and there may be no more than 1 % of them. Those there are stand in `SURVIVORS`, each with the
reason why no learner will meet it.

The mutator is our own, some lines over `ast`: mutmut and cosmic-ray, the libraries that are kept, change a file and run
a test command for each mutant; mutatest and MutPy are no longer kept. Here a mutant is one call of `compile` and some
calls of a tiny function, about a millisecond.
"""

import ast
import functools
import signal
import warnings

import pytest
import torch  # noqa: F401 - loaded before a clock runs: an import cannot be broken off and begun again

from course_rnn import questions
from course_rnn.checking import question
from course_rnn.checking.question import code_of

QUESTIONS = {f"{c.name}.{name}": q for c in questions.chapters().values() for name, q in c.questions.items()}
MANY = range(1000, 1060)
SECONDS = 0.5  # for one call: a mutant may loop for ever

#: question -> the changed line of a mutant that only further cases catch -> why that does no harm
SURVIVORS = {}

BINARY = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult, ast.FloorDiv],
    ast.FloorDiv: [ast.Div, ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
}
COMPARED = {
    ast.Lt: [ast.LtE, ast.Gt, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
}
NAMES = {  # functions and methods that are taken for one another
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "maximum": "minimum",
    "minimum": "maximum",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "stack": "concatenate",
    "cat": "stack",
    "tanh": "sin",
    "exp": "expm1",
    "log": "log1p",
    "sqrt": "abs",
    "floor": "ceil",
    "ceil": "floor",
    "argsort": "sort",
    "cumsum": "cumprod",
    "cumprod": "cumsum",
    "softmax": "log_softmax",
    "sigmoid": "tanh",
}


def instead_of(node, parameters):
    """What may stand in the place of a node: each a mistake of the pen."""
    match node:
        case ast.BinOp(left, op, right):
            for other in BINARY.get(type(op), []):
                yield ast.BinOp(left, other(), right)
            if not isinstance(op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
                yield ast.BinOp(right, op, left)
            yield left  # a term or a factor is dropped
            yield right
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            for other in COMPARED.get(type(op), []):
                yield ast.Compare(left, [other()], [right])
            yield ast.UnaryOp(ast.Not(), node)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from values
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            for other in (value + 1, value - 1, -value):
                yield ast.Constant(other)
        case ast.Attribute(value, "T"):
            yield value
        case ast.Attribute(value, name) if name in NAMES:
            yield ast.Attribute(value, NAMES[name], node.ctx)
        case ast.Name(name, ast.Load()) if name in parameters:
            for other in parameters:
                if other != name:
                    yield ast.Name(other, ast.Load())
        case ast.Call(function, arguments, keywords):
            for k in range(len(keywords)):
                yield ast.Call(function, arguments, keywords[:k] + keywords[k + 1 :])
            if arguments:
                yield arguments[0]  # the function is forgotten
            for k in range(len(arguments) - 1):
                yield ast.Call(function, swapped(arguments, k), keywords)
                yield ast.Call(function, arguments[:k] + arguments[k + 1 :], keywords)
            if isinstance(function, ast.Attribute) and not arguments:
                yield function.value  # as x.copy()
        case ast.Subscript(value):
            yield value
        case ast.Slice(lower, upper, step):
            for part in ("lower", "upper", "step"):
                if getattr(node, part) is not None:
                    yield ast.Slice(**({"lower": lower, "upper": upper, "step": step} | {part: None}))
        case ast.Tuple(elements, context):
            for k in range(len(elements) - 1):
                yield ast.Tuple(swapped(elements, k), context)  # gates in another order
        case ast.List(elements, context):
            for k in range(len(elements) - 1):
                yield ast.List(swapped(elements, k), context)
        case ast.IfExp(test, body, orelse):
            yield body
            yield orelse
            yield ast.IfExp(test, orelse, body)
        case ast.AugAssign(target, op, value):
            yield ast.Assign([target], value)
            for other in BINARY.get(type(op), []):
                yield ast.AugAssign(target, other(), value)
            yield ast.Pass()
        case ast.Assign() | ast.Expr():
            yield ast.Pass()
        case ast.If(test, body, orelse):
            yield ast.If(test, orelse or [ast.Pass()], body)
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)


def swapped(items, k):
    return [*items[:k], items[k + 1], items[k], *items[k + 2 :]]


def mutants(source):
    """Every way to change a function in one place, as source code."""
    tree = ast.parse(source)
    parameters = [argument.arg for argument in tree.body[0].args.args]
    found = {}  # in order, each once
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for k, child in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(child, ast.AST):
                    continue
                for other in instead_of(child, parameters):
                    put(parent, field, k, other)
                    found[ast.unparse(ast.fix_missing_locations(tree))] = None
                put(parent, field, k, child)
    found.pop(ast.unparse(tree), None)
    return list(found)


def put(parent, field, k, node):
    """Put a node where another stands."""
    value = getattr(parent, field)
    if isinstance(value, list):
        value[k] = node
    else:
        setattr(parent, field, node)


# ------------------------------------------------------------- catching them


def too_long(*_):
    raise TimeoutError("this mutant does not end")


def caught(key, function, seeds):
    """Whether a case of these tells a function from the reference; the first one that does ends the search."""
    q = QUESTIONS[key]
    for seed in seeds:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            trial = q.run(function, seed)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if q.finding(trial):
            return True
    return False


@functools.cache
def outcome(key):
    """How many mutants of a question are caught by the visible cases, and the lines of those only others catch."""
    reference = QUESTIONS[key].reference
    source = code_of(reference)
    written = ast.unparse(ast.parse(source)).splitlines()
    count, survivors = 0, []
    before = signal.signal(signal.SIGALRM, too_long)
    try:
        for mutant in mutants(source):
            names = dict(reference.__globals__)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Python about the code, of NumPy about the numbers
                try:
                    exec(compile(mutant, f"<mutant of {key}>", "exec"), names)
                except (SyntaxError, ValueError):  # no learner's notebook would run it either
                    continue
                function = names[reference.__name__]
                if caught(key, function, question.SEEDS):
                    count += 1
                elif caught(key, function, MANY):
                    changed = [line for line in mutant.splitlines() if line not in written]
                    survivors.append(changed[0].strip())
    finally:
        signal.signal(signal.SIGALRM, before)
    return count, survivors


@pytest.mark.parametrize("key", QUESTIONS)
def test_the_visible_cases_catch_every_mutant_that_more_cases_catch(key):
    count, survivors = outcome(key)
    assert count >= 5
    assert sorted(survivors) == sorted(SURVIVORS.get(key, {}))


def test_ninety_nine_in_a_hundred_mutants_are_caught():
    outcomes = [outcome(key) for key in QUESTIONS]
    survived = sum(len(survivors) for _, survivors in outcomes)
    assert survived <= 0.01 * (survived + sum(count for count, _ in outcomes))


def test_a_survivor_is_explained_and_exists():
    assert set(SURVIVORS) <= set(QUESTIONS)
    assert all(len(reason) > 20 for reasons in SURVIVORS.values() for reason in reasons.values())


# ------------------------------------------------------------- the mutator


def test_the_mutator_changes_one_thing_at_a_time():
    made = mutants("def f(a, b):\n    i, f = a[0:], b.T\n    return np.sum(i - 2 * f, axis=0) <= True\n")
    for expected in [
        "f, i = (a[0:], b.T)",  # an order
        "i, f = (b.T, a[0:])",
        "i, f = (a[:], b.T)",  # a slice
        "i, f = (a[0:], b)",  # a transpose
        "i, f = (b[0:], b.T)",  # an argument
        "i + 2 * f",  # a sign
        "np.sum(i,",  # a term
        "3 * f",  # a constant
        "axis=1",
        "np.sum(i - 2 * f)",
        "np.mean(",
        "< True",  # a comparison
        "<= False",
    ]:
        assert any(expected in mutant for mutant in made), expected
    assert len(made) == len(set(made))


def test_too_few_cases_would_be_found_out(monkeypatch):
    monkeypatch.setattr(question, "SEEDS", range(1))
    count, survivors = outcome.__wrapped__("01_sequential_data.pad_names")
    assert count > 20
    assert "return (x, lengths, np.arange(len(x))[:, None] <= lengths)" in survivors
