"""PyTorch's own inputs for its recurrent modules, the wrong ones too, put to ours.

torch.testing describes each module of torch.nn by a ModuleInfo: what to construct it with, what to call it with, what
must come out, what must be refused and in which words. All of RNN, LSTM (with projections), GRU and their cells is
taken, also the packed sequences that it makes on request.
"""

import functools
import io
import pickle

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import course_rnn.torch as rt

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
INFOS = {
    info.module_cls.__name__: info for info in module_db if info.module_cls in [getattr(torch.nn, n) for n in NAMES]
}
WAYS = ("auto", "loop", "fused", "library")
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13}


@functools.cache
def inputs(name, dtype, training=True, requires_grad=False):
    """All samples of a module, made from the same numbers each time."""
    torch.manual_seed(0)
    info = INFOS[name]
    return list(info.module_inputs_func(info, "cpu", dtype, requires_grad, training, with_packed_sequence=True))


def count(name):
    return len(inputs(name, torch.float32))


CASES = [(name, k) for name in NAMES for k in range(count(name))]
WITH_WAYS = [
    (name, k, {} if way == "auto" else {"implementation": way})
    for name, k in CASES
    for way in (("auto",) if name.endswith("Cell") else WAYS)
    if way in ("auto", "library") or not inputs(name, torch.float32)[k].constructor_input.kwargs.get("proj_size")
]
KINDS = [  # dtype and mode; the ways other than auto are the same code in each
    (name, k, way, dtype, training)
    for name, k, way in WITH_WAYS
    for dtype in (torch.float32, torch.float64)
    for training in (True, False)
    if not way or (dtype, training) == (torch.float64, True)
]


def make(module, name, sample, dtype, training=True, **more):
    """The module of a sample, with the same weights whoever makes it."""
    torch.manual_seed(1)
    arguments = sample.constructor_input
    return getattr(module, name)(*arguments.args, **arguments.kwargs, dtype=dtype, **more).train(training)


def call(module, sample):
    return module(*sample.forward_input.args, **sample.forward_input.kwargs)


def tensors(thing):
    if isinstance(thing, PackedSequence):
        return [thing.data]
    return [thing] if isinstance(thing, torch.Tensor) else [t for part in thing for t in tensors(part)]


def assert_close(ours, theirs):
    for a, b in zip(tensors(ours), tensors(theirs), strict=True):
        limit = TOLERANCE[b.dtype] * max(1, float(b.detach().abs().max()))
        torch.testing.assert_close(a, b, rtol=0, atol=limit)


def test_the_samples_are_all_there():
    """A release of torch that describes its modules otherwise shall not make these tests empty."""
    assert list(INFOS) != [] and set(INFOS) == set(NAMES)
    assert {name: count(name) for name in NAMES} == {
        "RNN": 64, "LSTM": 32, "GRU": 32, "RNNCell": 3, "LSTMCell": 2, "GRUCell": 2,
    }  # fmt: skip
    assert sum(s.constructor_input.kwargs["proj_size"] > 0 for s in inputs("LSTM", torch.float32)) == 16


@pytest.mark.parametrize(("name", "k", "way", "dtype", "training"), KINDS)
def test_forward_backward_and_what_pytorch_expects(name, k, way, dtype, training):
    results = []
    for module, more in ((rt, way), (torch.nn, {})):
        sample = inputs(name, dtype, training, requires_grad=True)[k]
        layer = make(module, name, sample, dtype, training, **more)
        output = call(layer, sample)
        leaves = [*(t for a in sample.forward_input.args for t in tensors(a)), *layer.parameters()]
        grads = torch.autograd.grad([t.sum() for t in tensors(output)], leaves)
        results.append([output, grads])
        assert repr(layer) == repr(layer.to_torch() if module is rt else layer)
        if sample.reference_fn and not isinstance(sample.forward_input.args[0], PackedSequence):
            inside = sample.forward_input
            assert_close(output, sample.reference_fn(layer, *inside.args, **inside.kwargs))
    assert_close(*results)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_first_and_second_derivatives(name, k):
    sample = inputs(name, torch.float64, requires_grad=True)[k]
    layer = make(rt, name, sample, torch.float64)
    names, args = [n for n, _ in layer.named_parameters()], sample.forward_input.args
    leaves = [t for a in args for t in tensors(a)]

    def f(*values):
        rest = iter(values)
        fresh = [_like(a, rest) for a in args]
        return tuple(tensors(torch.func.functional_call(layer, dict(zip(names, rest, strict=True)), tuple(fresh))))

    values = (*leaves, *(p.detach().clone().requires_grad_() for p in layer.parameters()))
    assert torch.autograd.gradcheck(f, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(f, values, fast_mode=True)


def _like(argument, rest):
    """The argument with the next of the given tensors in it."""
    if isinstance(argument, PackedSequence):
        return argument._replace(data=next(rest))
    return next(rest) if isinstance(argument, torch.Tensor) else tuple(next(rest) for _ in argument)


@pytest.mark.parametrize(("name", "k", "way"), WITH_WAYS)
def test_inputs_that_are_not_contiguous(name, k, way):
    sample = inputs(name, torch.float64)[k]
    layer = make(rt, name, sample, torch.float64, **way)

    def spread(argument):
        if isinstance(argument, torch.Tensor):
            return torch.stack((argument, argument), dim=-1)[..., 0]
        if isinstance(argument, PackedSequence):
            return argument._replace(data=spread(argument.data))
        return tuple(map(spread, argument))

    assert_close(layer(*map(spread, sample.forward_input.args)), call(layer, sample))


@pytest.mark.parametrize(("name", "k"), CASES)
def test_pickles_dtypes_devices_and_saved_states(name, k):
    sample = inputs(name, torch.float64)[k]
    layer = make(rt, name, sample, torch.float64)
    expected = call(layer, sample)
    assert_close(call(pickle.loads(pickle.dumps(layer)), sample), expected)
    assert_close(call(layer.float().double().to("cpu"), sample), call(layer, sample))
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    empty = make(rt, name, sample, torch.float64, device="meta").to_empty(device="cpu")
    assert list(empty.state_dict()) == list(getattr(torch.nn, name).state_dict(layer))
    empty.load_state_dict(torch.load(file, weights_only=True))
    assert_close(call(empty, sample), call(layer, sample))


def wrong_inputs(name):
    where = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": True}
    return INFOS[name].module_error_inputs_func(INFOS[name], **where)


ERRORS = [pytest.param(name, error, id=f"{name}-{k}") for name in NAMES for k, error in enumerate(wrong_inputs(name))]


@pytest.mark.parametrize(("name", "error"), ERRORS)
def test_what_pytorch_refuses_is_refused_in_its_classes_and_words(name, error):
    sample, cls = error.module_error_input, getattr(rt, name)
    construct = sample.constructor_input
    if error.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
        with pytest.raises(error.error_type, match=error.error_regex):
            cls(*construct.args, **construct.kwargs)
        return
    layer = cls(*construct.args, **construct.kwargs)
    with pytest.raises(error.error_type, match=error.error_regex) as caught:
        call(layer, sample)
    assert isinstance(caught.value, rt.InputError)
