"""What a right answer must also be: within a number of operations, and open to gradients where it is trained."""

from dataclasses import dataclass

import numpy as np

from course_rnn.checking.compare import alike, as_array, as_tuple


@dataclass(frozen=True)
class Budget:
    """How many operations on arrays an answer may take.

    Attributes
    ----------
    case : callable
        ``case()`` makes the arguments of the one case in which they are counted: a long sequence.
    most : int
    counted : str
        "all"; "products" for matrix products alone; "graph" for what autograd records.
    message : str
        What to say to an answer that takes more; {count} and {most} stand for the numbers.
    """

    case: callable
    most: int
    message: str
    counted: str = "all"


def finding(question, answer):
    """What is wrong with an answer whose values are right, as a sentence; None where nothing is."""
    if question.trained:
        found = without_gradient(question, answer)
        if found:
            return found
    if question.budget is None:
        return None
    count = operations(question, answer)
    if count is None or count <= question.budget.most:
        return None
    return question.budget.message.format(count=count, most=question.budget.most)


# ---------------------------------------------------------------------- operations


class Counted(np.ndarray):
    """An array that counts what is done with it; whatever comes of it counts on."""

    def __array_finalize__(self, other):
        self.counter = getattr(other, "counter", None)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **rest):
        return self._count(ufunc.__name__, getattr(ufunc, method), inputs, out, rest)

    def __array_function__(self, function, types, inputs, rest):
        return self._count(function.__name__, function, inputs, None, rest)

    def _count(self, name, function, inputs, out, rest):
        counter = self.counter
        counter[name] = counter.get(name, 0) + 1
        if out is not None:
            rest["out"] = tuple(map(_plain, out))
        made = function(*map(_plain, inputs), **{key: _plain(value) for key, value in rest.items()})
        return out[0] if out is not None else _counting(made, counter)


def _plain(value):
    if isinstance(value, Counted):
        return value.view(np.ndarray)
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _counting(value, counter):
    if isinstance(value, (tuple, list)):
        return type(value)(_counting(each, counter) for each in value)
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    counted = value.view(Counted)
    counted.counter = counter
    return counted


VIEWS = {"swapaxes", "transpose", "reshape", "moveaxis", "expand_dims", "squeeze", "ravel", "shape", "ndim", "size"}
PRODUCTS = {"matmul", "dot", "einsum", "tensordot", "inner", "vecdot", "matvec"}


def operations(question, answer):
    """How many operations an answer takes in the case of its budget; None where they cannot be counted."""
    count = in_numpy if question.library == "numpy" else recorded if question.budget.counted == "graph" else in_torch
    try:
        return count(question.budget, answer)
    except KeyboardInterrupt:
        raise
    except BaseException:  # it ran on plain arrays: something in it does not take an array of another class
        return None


def in_numpy(budget, answer):
    """The operations on arrays: ufuncs and functions of NumPy, as often as they are called."""
    counter = {}
    answer(*(_counting(v.copy(), counter) if isinstance(v, np.ndarray) else v for v in budget.case().values()))
    kinds = PRODUCTS if budget.counted == "products" else counter.keys() - VIEWS
    return sum(count for name, count in counter.items() if name in kinds)


def in_torch(budget, answer):
    """The operations that torch carries out, views aside."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            self.count += not operation.is_view
            return operation(*args, **(kwargs or {}))

    given = [torch.from_numpy(v) if isinstance(v, np.ndarray) else v for v in budget.case().values()]
    with Counter() as counter:
        answer(*given)
    return counter.count


def recorded(budget, answer):
    """How many operations autograd has recorded on the way to the first value."""
    import torch

    given = [torch.from_numpy(v) if isinstance(v, np.ndarray) else v for v in budget.case().values()]
    found, ahead = set(), [as_tuple(answer(*given))[0].grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in found:
            found.add(node)
            ahead += [before for before, _ in node.next_functions]
    return len(found)


# ---------------------------------------------------------------------- gradients


def without_gradient(question, answer):
    """Why an answer in torch could not be trained, as a sentence; None where it could."""
    import torch

    arguments = question.draw(question.seeds[0])
    results = []
    for function in (answer, question.reference):
        given = [tracked(value) for value in arguments.values()]
        try:
            values = as_tuple(function(*given), len(question.returns))
        except Exception as error:  # a change in place of an argument is one
            return f"With gradients it stops: {' '.join(str(error).split())[:200]}"
        for name, value in zip(question.returns, values, strict=False):
            if not isinstance(value, torch.Tensor):
                return f"{name} has the right numbers but is no tensor: gradients can only go through tensors."
            if not value.requires_grad:
                return f"{name} has the right numbers but no gradient goes through it: was it detached, or made anew?"
        try:
            results.append(gradients(values, given))
        except RuntimeError as error:
            if "inplace operation" not in str(error):
                raise
            return "The values are right, but no gradient can be taken: on its way a tensor is changed in place."
    for name, got, want in zip(arguments, *results, strict=True):
        if (got is None) != (want is None) or (got is not None and not alike(got, want, question.tolerance)):
            return f"The values are right, but not the gradient of {name}: something on its way is detached or changed."
    return None


def tracked(value):
    """An argument as a tensor that asks for a gradient, where it is an array of decimals."""
    import torch

    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.from_numpy(value.copy())
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def gradients(values, given):
    """The gradients of one sum over all values, with weights that differ, by the arguments; None for what has none."""
    import torch

    asked = [each for each in given if isinstance(each, torch.Tensor) and each.requires_grad]
    total = sum((value * torch.arange(1.0, value.numel() + 1).view(value.shape).cos()).sum() for value in values)
    made = iter(torch.autograd.grad(total, asked, allow_unused=True))
    found = []
    for each in given:
        gradient = next(made) if isinstance(each, torch.Tensor) and each.requires_grad else None
        found.append(None if gradient is None else as_array(gradient))
    return found
