"""Changes of an answer in one place: what a slip of the pen makes of it.

They serve twice. A check asks whether what a learner's function does is one of them, and says where to look. And the
cases of a question are good if they tell every one of them from the answer.

The mutator is our own, some lines over `ast`: mutmut and cosmic-ray, the libraries that are kept, change a file and run
a test command for each mutant; mutatest and MutPy are no longer kept. Here a mutant is one call of `compile` and some
calls of a tiny function, about a millisecond.
"""

import ast
import warnings
from dataclasses import dataclass

ROUNDS = 1000  # of a while loop: a mutant may loop for ever

ALLOCATE = ("zeros", "ones", "full", "empty", "eye", "arange", "new_zeros")

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


@dataclass(frozen=True)
class Mutant:
    """An answer that is changed in one place.

    Attributes
    ----------
    source : str
        All of it.
    was, now : str
        What stood in that place, and what stands there.
    line : int
        Of the answer, counted from 1.
    function : callable
    """

    source: str
    was: str
    now: str
    line: int
    function: callable


def expression(text):
    """A piece of code as a syntax tree."""
    return ast.parse(text, mode="eval").body


def instead_of(node, parameters):
    """What may stand in the place of a node: each a mistake of the pen."""
    match node:
        case ast.BinOp(left, op, right):
            for other in BINARY.get(type(op), []):
                yield ast.BinOp(left, other(), right)
            if not isinstance(op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
                yield ast.BinOp(right, op, left)
            if isinstance(op, ast.MatMult):
                for k, side in enumerate((left, right)):
                    turned = ast.Attribute(side, "T", ast.Load())
                    yield ast.BinOp(turned if k == 0 else left, op, turned if k else right)
            if isinstance(left, ast.BinOp) and binds_less(left.op, op):  # the parentheses are forgotten
                yield ast.BinOp(left.left, left.op, ast.BinOp(left.right, op, right))
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
            if len(arguments) == 1 and isinstance(arguments[0], ast.BinOp):  # the parenthesis closes too early
                inner = arguments[0]
                yield ast.BinOp(ast.Call(function, [inner.left], keywords), inner.op, inner.right)
            if isinstance(function, ast.Attribute) and not arguments:
                yield function.value  # as x.copy()
            yield from other_calls(function, arguments)
        case ast.Subscript(value, index):
            yield value
            if isinstance(index, ast.Name):
                for op in (ast.Add(), ast.Sub()):
                    yield ast.Subscript(value, ast.BinOp(index, op, ast.Constant(1)), node.ctx)
        case ast.Slice(lower, upper, step):
            parts = {"lower": lower, "upper": upper, "step": step}
            for part, there in parts.items():
                if there is None:
                    continue
                yield ast.Slice(**(parts | {part: None}))
                if part != "step" and not isinstance(there, ast.Constant):
                    for op in (ast.Add(), ast.Sub()):
                        yield ast.Slice(**(parts | {part: ast.BinOp(there, op, ast.Constant(1))}))
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


def further(node, local):
    """More that may stand in the place of a node, for a diagnosis: too many for the cases to be judged by."""
    match node:
        case ast.Return(ast.Name() | ast.Tuple() as value):  # another of its own names is returned
            returned = value.elts if isinstance(value, ast.Tuple) else [value]
            for k, each in enumerate(returned):
                for other in local if isinstance(each, ast.Name) else ():
                    if other != each.id:
                        elements = [*returned[:k], ast.Name(other, ast.Load()), *returned[k + 1 :]]
                        yield ast.Return(ast.Tuple(elements, ast.Load()) if len(elements) > 1 else elements[0])
        case ast.Call(function, [ast.BinOp() as inner], keywords):
            for first, rest in prefixes(inner):  # the parenthesis closes much too early
                call = ast.Call(function, [first], keywords)
                for op, term in rest:
                    call = ast.BinOp(call, op, term)
                yield call
            if isinstance(inner.op, ast.Add | ast.Sub):  # each term by itself
                yield ast.BinOp(
                    ast.Call(function, [inner.left], keywords), inner.op, ast.Call(function, [inner.right], keywords)
                )
        case ast.BinOp(op=ast.Add()):
            for first, rest in prefixes(node):  # a minus before several terms
                tail = rest[0][1]
                for op, term in rest[1:]:
                    tail = ast.BinOp(tail, op, term)
                yield ast.BinOp(first, ast.Sub(), tail)


def prefixes(chain):
    """A sum, cut after each of its terms but the last two: what stands before, and the rest as (operation, term)."""
    rest = []
    while isinstance(chain, ast.BinOp) and isinstance(chain.op, ast.Add | ast.Sub):
        rest.insert(0, (chain.op, chain.right))
        chain = chain.left
        if len(rest) > 1:
            yield chain, list(rest)


def binds_less(op, other):
    """Whether one operation needs parentheses to come before another."""
    return isinstance(op, ast.Add | ast.Sub) and isinstance(other, ast.Mult | ast.Div | ast.FloorDiv | ast.Pow)


def other_calls(function, arguments):
    """Another function in the place of one, where that takes more than another name."""
    name = getattr(function, "attr", getattr(function, "id", ""))
    library = ast.unparse(function.value) if isinstance(function, ast.Attribute) else "np"
    if name == "tanh" and arguments:
        yield expression(f"1 / (1 + {library}.exp(-({ast.unparse(arguments[0])})))")
        yield expression(f"({ast.unparse(arguments[0])}).clip(0)")
    if name == "sigmoid" and arguments and library != "torch":
        yield expression(f"np.tanh({ast.unparse(arguments[0])})")
    if name == "range" and len(arguments) == 1:
        yield expression(f"range(1, {ast.unparse(arguments[0])})")
        yield expression(f"range({ast.unparse(arguments[0])} - 1)")


def swapped(items, k):
    """A list with two neighbours in the other order."""
    return [*items[:k], items[k + 1], items[k], *items[k + 2 :]]


def put(parent, field, k, node):
    """Put a node where another stands."""
    value = getattr(parent, field)
    if isinstance(value, list):
        value[k] = node
    else:
        setattr(parent, field, node)


def names_of_sizes(function):
    """The names that say how large a new array is: another array there would ask for any amount of memory."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and node.args]
    new = [call for call in calls if getattr(call.func, "attr", "") in ALLOCATE]
    return {id(node) for call in new for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)}


def changes(tree, more=False):
    """Change a tree in one place after the other; yields what stood there and what does, as nodes, and the line.

    The tree is changed where it is, and changed back before the next one. With `more`, the `further` changes.
    """
    function = tree.body[0]
    parameters = [argument.arg for argument in function.args.args]
    stored = (node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    local = list(dict.fromkeys(node.id for node in stored))
    line, sizes = 0, names_of_sizes(function)
    for parent in list(ast.walk(function)):
        if isinstance(parent, ast.arguments | ast.arg):
            continue
        for field, value in ast.iter_fields(parent):
            for k, child in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(child, ast.AST) or id(child) in sizes:
                    continue
                line = getattr(child, "lineno", line)
                for other in list(further(child, local) if more else instead_of(child, parameters)):
                    put(parent, field, k, other)
                    yield child, other, line
                put(parent, field, k, child)


def mutants(source, names, most=None, more=False):
    """Every way to change a function in one place, each once, compiled with the names that the function sees.

    Parameters
    ----------
    source : str
        One function.
    names : dict
        What it sees beside its arguments.
    most : int, optional
        Not more than these.
    more : bool
        Other changes, which a diagnosis asks for and no case is judged by.
    """
    tree = ast.parse(source)
    written = {ast.unparse(tree)}
    for was, now, line in changes(tree, more):
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text in written:
            continue
        written.add(text)
        function = made(text, names)
        if function is not None:
            yield Mutant(text, ast.unparse(was), ast.unparse(now), line, function)
        if most and len(written) > most:
            return


def made(source, names):
    """The function that some code defines, in which no while loop runs for ever; None where Python refuses it."""
    names = dict(names) | {"_round": Rounds}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node is tree.body[0]:
                    guard(node)
            exec(compile(ast.fix_missing_locations(tree), "<mutant>", "exec"), names)
        except (SyntaxError, ValueError, TypeError):  # no learner's notebook would run it either
            return None
    return names[tree.body[0].name]


def guard(function):
    """Let every while loop of a function count its rounds."""
    loops = [node for node in ast.walk(function) if isinstance(node, ast.While)]
    for node in loops:
        node.body.insert(0, ast.parse("_rounds()").body[0])
    if loops:
        function.body.insert(0, ast.parse("_rounds = _round()").body[0])


class Rounds:
    """Counts the rounds of a loop, and stops one that does not end."""

    def __init__(self):
        self.left = ROUNDS

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise TimeoutError("this loop does not end")
