"""An exception about shapes in words: which two arrays met, and which sizes had to agree."""

import ast
import linecache
import re
import traceback

#: What NumPy and torch say where two shapes do not fit.
ABOUT_SHAPES = re.compile(
    r"mismatch in its core dimension|not aligned|could not be broadcast|cannot be multiplied|must match the size"
    r"|size mismatch|must match exactly|same number of dimensions",
)
#: What an operand may be made of, so that looking at it again changes nothing.
HARMLESS = (ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp)
#: How the two sizes are told of which a product needs that they agree: by matmul, by dot, and by torch.
SIZES = (r"size (\d+) is different from (\d+)", r"(\d+) \(dim \d+\) != (\d+) \(dim", r"\d+x(\d+) and (\d+)x\d+")
PRODUCTS = ("dot", "matmul", "mm")


def met(error, text):
    """The sentence on the two operands whose shapes did not fit, or "" where it is something else.

    Parameters
    ----------
    error : BaseException
        With its traceback: the operands are looked at in the frame that it came from.
    text : str
        What it says.
    """
    if not isinstance(error, (ValueError, RuntimeError)) or not ABOUT_SHAPES.search(text):
        return ""
    found = list(traceback.walk_tb(error.__traceback__))[1:]  # the first is our own call
    summaries = traceback.extract_tb(error.__traceback__)[1:]
    own = [pair for pair in zip(found, summaries, strict=True) if pair[1].filename == summaries[0].filename]
    if not own:
        return ""
    (frame, _), summary = own[-1]
    operation = failing(summary)
    if operation is None:
        return ""
    sides = [described(node, frame) for node in operands(operation)]
    return in_words(operation, *sides) if len(sides) == 2 and all(sides) else ""


def failing(summary):
    """The operation that failed, as a syntax tree: Python knows its columns."""
    lines = [linecache.getline(summary.filename, n) for n in range(summary.lineno, (summary.end_lineno or 0) + 1)]
    if not all(lines) or summary.colno is None:
        return None
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][: summary.end_colno]
    encoded[0] = encoded[0][summary.colno :]
    text = b"".join(encoded).decode(errors="replace").strip()
    for attempt in (text, f"({text})"):
        try:
            node = ast.parse(attempt).body[0]
        except (SyntaxError, IndexError):
            continue
        return ast.BinOp(node.target, node.op, node.value) if isinstance(node, ast.AugAssign) else node.value
    return None


def operands(node):
    """The two operands of an operation."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PRODUCTS:
        return node.args if len(node.args) == 2 else [node.func.value, *node.args]
    return []


def described(node, frame):
    """An operand as the learner wrote it, and its shape; None where it cannot be looked at without running code."""
    text = ast.unparse(node)
    inside = [each for each in ast.walk(node) if isinstance(each, ast.expr)]
    if not all(isinstance(each, HARMLESS) for each in inside):
        return None
    try:
        shape = tuple(eval(compile(ast.Expression(node), "", "eval"), frame.f_globals, frame.f_locals).shape)
    except Exception:  # whatever the learner's names hold
        return None
    return text, shape


def in_words(operation, left, right):
    """What met, and what had to agree."""
    said = f"{left[0]} is {left[1]} and {right[0]} is {right[1]}"
    product = isinstance(operation, ast.Call) or isinstance(operation.op, ast.MatMult)
    if product and left[1] and right[1]:
        inner = left[1][-1], right[1][max(len(right[1]) - 2, 0)]
        if inner[0] != inner[1]:
            return f"{said}: in a product the inner sizes must agree, and {inner[0]} is not {inner[1]}."
    return f"{said}: counted from the last axis, sizes must agree or be 1."


def fingerprint(raised):
    """What tells one exception about shapes from another, however it was written: its type and the sizes that met."""
    text = raised.partition(": ")[2]
    if not ABOUT_SHAPES.search(text):
        return raised
    for pattern in SIZES:
        sizes = re.search(pattern, text)
        if sizes:
            return f"product {sorted(map(int, sizes.groups()))}"
    return raised
