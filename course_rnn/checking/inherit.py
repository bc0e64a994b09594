"""Mistakes of one question that can be made in another: the same slip in the same formula, wherever it stands.

A registered mistake is an edit. What it changes is found as a part of the syntax tree, and that part is looked for in
another answer, where names may end otherwise: `h @ weight_hh.T` of a step is `h_1 @ weight_hh_l0.T` in a stack.
"""

import ast
import copy
import re
from dataclasses import dataclass

from course_rnn.checking.mistake import Mistake, code_of
from course_rnn.checking.mutate import put

ENDING = re.compile(r"_(?:l?\d+|t|next|reverse|p|all)$")


@dataclass(frozen=True)
class Inherited(Mistake):
    """A mistake of another question, made in this one."""

    code: str = ""
    address: str = ""

    @property
    def source(self):
        """The wrong answer as code."""
        return self.code


def inherited(question, others):
    """The mistakes of other questions that can be made in the answer of this one, by name.

    Parameters
    ----------
    question : Question
    others : iterable of Question
        Those whose formulas the answer contains.
    """
    source = code_of(question.reference)
    own = {ast.unparse(ast.parse(m.source)) for m in question.mistakes.values() if m.edit}
    found = {}
    for other in others:
        for mistake in other.mistakes.values():
            for k, code in enumerate(carried_over(mistake, source)):
                if code not in own:
                    found[f"{mistake.name}{f'_{k + 1}' if k else ''}"] = Inherited(
                        mistake.name,
                        mistake.message,
                        question.reference,
                        code=code,
                        address=other.address(mistake.name),
                    )
                    own.add(code)
    return found


def carried_over(mistake, source):
    """The code of another answer with the slip of a mistake, once for each place where it can be made."""
    if not mistake.edit:
        return
    right, wrong = ast.parse(code_of(mistake.reference)), ast.parse(mistake.source)
    parts = differing(right.body[0], wrong.body[0])
    if parts is None or not isinstance(parts[0], ast.expr) or isinstance(parts[0], (ast.Name, ast.Constant)):
        return
    tree = ast.parse(source)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for parent in ast.walk(tree.body[0]):
        for field, value in ast.iter_fields(parent):
            for k, child in enumerate(value if isinstance(value, list) else [value]):
                bound = {}
                if not isinstance(child, ast.expr) or not matches(parts[0], child, bound):
                    continue
                other = renamed(parts[1], bound)
                if not {n.id for n in ast.walk(other) if isinstance(n, ast.Name)} <= names:
                    continue
                put(parent, field, k, other)
                yield ast.unparse(ast.fix_missing_locations(tree))
                put(parent, field, k, child)


def differing(a, b):
    """The smallest part in which two trees differ, as it is in both; None where they differ in several parts."""
    if type(a) is not type(b):
        return (a, b) if isinstance(a, ast.expr) and isinstance(b, ast.expr) else None
    found = []
    for field in a._fields:
        left, right = getattr(a, field, None), getattr(b, field, None)
        left, right = (each if isinstance(each, list) else [each] for each in (left, right))
        if len(left) != len(right):
            return (a, b)
        for one, other in zip(left, right, strict=True):
            if isinstance(one, ast.AST) and isinstance(other, ast.AST):
                if ast.dump(one) != ast.dump(other):
                    found.append(differing(one, other) or (a, b))
            elif one != other:
                found.append((a, b))
    if len(found) == 1:
        return found[0]
    return (a, b) if found and isinstance(a, ast.expr) else None


def matches(pattern, node, bound):
    """Whether a part is the same formula, with names that differ in their ending at most; fills in which is which."""
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.Name):
        return bound.setdefault(pattern.id, node.id) == node.id and stem(pattern.id) == stem(node.id)
    for field in pattern._fields:
        left, right = getattr(pattern, field, None), getattr(node, field, None)
        if isinstance(left, list):
            if len(left) != len(right) or not all(map(lambda a, b: matches(a, b, bound), left, right)):
                return False
        elif isinstance(left, ast.AST):
            if not isinstance(right, ast.AST) or not matches(left, right, bound):
                return False
        elif left != right and field not in ("ctx", "kind"):
            return False
    return True


def stem(name):
    """A name without what tells a layer, a step or a direction."""
    shorter = ENDING.sub("", name)
    return shorter if shorter == name else stem(shorter)


def renamed(tree, bound):
    """A part of a tree with other names."""
    other = copy.deepcopy(tree)
    for node in ast.walk(other):
        if isinstance(node, ast.Name):
            node.id = bound.get(node.id, node.id)
    return other
