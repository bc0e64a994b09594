"""What an answer does beyond its values: how many operations it takes, and whether gradients go through it.

A check asks it where it runs, and a grader in the room with a stranger's code, so this file knows no question and no
answer. What it says there is a stranger's word for how they came to values that are right: not more.
"""

import numpy as np

from course_rnn.checking.compare import as_array, as_tuple

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


def operations(answer, arguments, library="numpy", counted="all"):
    """How many operations on arrays an answer takes.

    Parameters
    ----------
    answer : callable
    arguments : dict
        Its arguments in their order, with arrays also where the library is torch.
    library : str
        "numpy" or "torch".
    counted : str
        "all"; "products" for matrix products alone; "graph" for what autograd records.

    Returns
    -------
    int or None
        None where they cannot be counted.
    """
    count = in_numpy if library == "numpy" else recorded if counted == "graph" else in_torch
    try:
        return count(answer, arguments, counted)
    except KeyboardInterrupt:
        raise
    except BaseException:  # it ran on plain arrays: something in it does not take an array of another class
        return None


def in_numpy(answer, arguments, counted):
    """The operations on arrays: ufuncs and functions of NumPy, as often as they are called."""
    counter = {}
    answer(*(_counting(v.copy(), counter) if isinstance(v, np.ndarray) else v for v in arguments.values()))
    kinds = PRODUCTS if counted == "products" else counter.keys() - VIEWS
    return sum(count for name, count in counter.items() if name in kinds)


def in_torch(answer, arguments, counted):
    """The operations that torch carries out, views aside."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            self.count += not operation.is_view
            return operation(*args, **(kwargs or {}))

    given = tensors(arguments)
    with Counter() as counter:
        answer(*given)
    return counter.count


def recorded(answer, arguments, counted):
    """How many operations autograd has recorded on the way to the first value."""
    found, ahead = set(), [as_tuple(answer(*tensors(arguments)))[0].grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in found:
            found.add(node)
            ahead += [before for before, _ in node.next_functions]
    return len(found)


# ---------------------------------------------------------------------- gradients


def gradients(answer, arguments, names):
    """The gradients of one sum over all values of an answer in torch, with weights that differ.

    Parameters
    ----------
    answer : callable
    arguments : dict of array_like
        Its arguments in their order.
    names : sequence of str
        Of its values.

    Returns
    -------
    found : list of (ndarray or None)
        By the arguments; None for what has no gradient.
    problem : str
        Why there are none, as a sentence; "" where there are.
    """
    given = tensors(arguments, tracked=True)
    try:
        values = as_tuple(answer(*given), len(names))
    except Exception as error:  # a change in place of an argument is one
        return [], f"With gradients it stops: {' '.join(str(error).split())[:200]}"
    for name, value in zip(names, values, strict=False):
        if not hasattr(value, "requires_grad"):
            return [], f"{name} has the right numbers but is no tensor: gradients can only go through tensors."
        if not value.requires_grad:
            return [], f"{name} has the right numbers but no gradient goes through it: was it detached, or made anew?"
    try:
        return backward(values, given), ""
    except RuntimeError as error:
        if "inplace operation" in str(error):
            return [], "The values are right, but no gradient can be taken: on its way a tensor is changed in place."
        return [], f"The values are right, but no gradient can be taken: {' '.join(str(error).split())[:200]}"


def backward(values, given):
    """The gradients of the weighted sum, by the arguments; None for what has none."""
    import torch

    asked = [each for each in given if isinstance(each, torch.Tensor) and each.requires_grad]
    total = sum((value * torch.arange(1.0, value.numel() + 1).view(value.shape).cos()).sum() for value in values)
    made = iter(torch.autograd.grad(total, asked, allow_unused=True))
    found = []
    for each in given:
        gradient = next(made) if isinstance(each, torch.Tensor) and each.requires_grad else None
        found.append(None if gradient is None else as_array(gradient))
    return found


def tensors(arguments, tracked=False):
    """The arguments with tensors for arrays; where they are tracked, those of decimals ask for a gradient."""
    import torch

    given = [torch.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for v in arguments.values()]
    for each in given if tracked else ():
        if isinstance(each, torch.Tensor) and each.is_floating_point():
            each.requires_grad_()
    return given
