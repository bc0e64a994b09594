"""What others' tools make of our layers, against what torch.nn's layers compute without the tool.

The matrix: every tool, every layer, a sequence of 5 steps (torch.nn's own code runs) and one of 64 (where it is left to
choose, the layer takes its own backward), training and evaluating, with and without grad mode. An entry is "equal", or
the sentence in which the layer says what to do instead. It is printed at the end of the module, and by

    python tests/test_torch_drop_in.py
"""

import copy
import io
import itertools
import pickle
import warnings

import onnxruntime
import pytest
import torch
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import course_rnn.torch as rt

B, D, H, STEPS = 2, 3, 4, (5, 64)
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11, torch.int64: 0}
LAYERS = {
    "RNN": ("RNN", torch.float32),
    "LSTM": ("LSTM", torch.float32),
    "GRU": ("GRU", torch.float32),
    "LSTM, float64": ("LSTM", torch.float64),
}
MODES = list(itertools.product(("train", "eval"), ("grad", "no grad")))


class Model(torch.nn.Module):
    """A layer with something before it and something after it."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(2 * H, 2)

    def forward(self, x):
        y, _ = self.layer(torch.tanh(x))
        return self.head(y)


def pair(name):
    """The same model around our layer and around torch's."""
    layer, dtype = LAYERS[name]
    models = []
    for module in (rt, torch.nn):
        torch.manual_seed(0)
        models.append(Model(getattr(module, layer)(D, H, bidirectional=True)).to(dtype))
    return models


def outputs(model, x):
    """What the model computes, and with grad mode the gradients of a weighted sum of it."""
    x = x.clone().requires_grad_(torch.is_grad_enabled())
    y = model(x)
    if not torch.is_grad_enabled():
        return [y]
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *model.parameters()])]


TOOLS = {}


def tool(name, directly=outputs, modes=MODES):
    """Enter a function ``(model, x) -> tensors`` that goes through a tool; ``directly`` computes it without."""

    def enter(through):
        TOOLS[name] = through, directly or through, modes
        return through

    return enter


GRAD = [mode for mode in MODES if mode[1] == "grad"]


# Traced, exported, compiled


@tool("jit.trace, save and load")
def traced(model, x):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(model, x), file)
    file.seek(0)
    return outputs(torch.jit.load(file), x)


@tool("jit.script")
def scripted(model, x):
    return outputs(torch.jit.script(model), x)


def only_the_output(model, x):
    with torch.no_grad():
        return [model(x)]


def run_onnx(model, x, **how):
    file = io.BytesIO()
    torch.onnx.export(model, (x,), file, input_names=["x"], **how)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return [torch.from_numpy(y) for y in session.run(None, {"x": x.numpy()})]


@tool("onnx.export, old", only_the_output)
def onnx_old(model, x):
    return run_onnx(model, x, dynamo=False)


@tool("onnx.export, new", only_the_output, [MODES[0], MODES[-1]])  # ten seconds each
def onnx_new(model, x):
    return run_onnx(model, x, dynamo=True, verbose=False)


def run_exported(model, x, strict):
    file = io.BytesIO()
    torch.export.save(torch.export.export(model, (x,), strict=strict), file)
    file.seek(0)
    return outputs(torch.export.load(file).module(), x)


@tool("export, strict")
def export_strict(model, x):
    return run_exported(model, x, strict=True)


@tool("export, not strict")
def export_not_strict(model, x):
    return run_exported(model, x, strict=False)


@tool("fx.symbolic_trace")
def fx(model, x):
    return outputs(torch.fx.symbolic_trace(model), x)


def run_compiled(model, x, backend):
    torch.compiler.reset()
    compiled = torch.compile(model, backend=backend)
    outputs(compiled, x)
    return outputs(compiled, x)  # once more, with what was compiled


@tool("compile, eager")
def compile_eager(model, x):
    return run_compiled(model, x, "eager")


@tool("compile, aot_eager")
def compile_aot_eager(model, x):
    return run_compiled(model, x, "aot_eager")


@tool("compile, inductor")
def compile_inductor(model, x):
    return run_compiled(model, x, "inductor")


# Differentiated


def end(model, x):
    """The last output as a function of the last inputs, as all of a Jacobian would take minutes, and these inputs."""
    return lambda last: model(torch.cat((x[:-3], last)))[-1], x[-3:].clone()


def jacobian(model, x):
    return [torch.autograd.functional.jacobian(*end(model, x))]


@tool("jacobian(vectorize=True)", jacobian, GRAD)
def jacobian_vectorized(model, x):
    return [torch.autograd.functional.jacobian(*end(model, x), vectorize=True)]


@tool("jacobian, forward-mode", jacobian, GRAD)
def jacobian_forward_mode(model, x):
    return [torch.autograd.functional.jacobian(*end(model, x), vectorize=True, strategy="forward-mode")]


@tool("func.jacrev", jacobian, GRAD)
def jacrev(model, x):
    f, last = end(model, x)
    return [torch.func.jacrev(f)(last)]


@tool("func.jacfwd", jacobian, GRAD)
def jacfwd(model, x):
    f, last = end(model, x)
    return [torch.func.jacfwd(f)(last)]


def gradients_one_by_one(model, x):
    x, parameters = x.clone().requires_grad_(), list(model.parameters())
    y = model(x)
    each = [torch.autograd.grad(y, [x, *parameters], dy, retain_graph=True) for dy in (y.detach(), torch.ones_like(y))]
    return [torch.stack(grads) for grads in zip(*each, strict=True)]


@tool("is_grads_batched", gradients_one_by_one, GRAD)
def batched_gradients(model, x):
    x, parameters = x.clone().requires_grad_(), list(model.parameters())
    y = model(x)
    dy = torch.stack((y.detach(), torch.ones_like(y)))
    return torch.autograd.grad(y, [x, *parameters], dy, is_grads_batched=True)


def holds(model, x):
    return [torch.tensor(1)]


@tool("gradcheck(check_batched_grad)", holds, GRAD)
def gradcheck(model, x):
    f, last = end(copy.deepcopy(model).double(), x.double())
    return [torch.tensor(int(torch.autograd.gradcheck(f, last.requires_grad_(), check_batched_grad=True)))]


def gradients(model, x):
    return torch.autograd.grad(model(x).square().sum(), list(model.parameters()))


def functional_loss(model):
    return lambda parameters, x: torch.func.functional_call(model, parameters, (x,)).square().sum()


@tool("func.grad and functional_call", gradients, GRAD)
def func_grad(model, x):
    return list(torch.func.grad(functional_loss(model))(dict(model.named_parameters()), x).values())


def gradients_of_each(model, x):
    each = [gradients(model, x[:, k : k + 1]) for k in range(B)]
    return [torch.stack(grads) for grads in zip(*each, strict=True)]


@tool("func.vmap of func.grad", gradients_of_each, GRAD)
def per_example_gradients(model, x):
    each = torch.func.vmap(torch.func.grad(functional_loss(model)), (None, 0))
    return list(each(dict(model.named_parameters()), x.transpose(0, 1)[:, :, None]).values())


def vjp_directly(model, x):
    x = x.clone().requires_grad_()
    y = model(x)
    return torch.autograd.grad(y, x, y.detach())


@tool("func.vjp", vjp_directly, GRAD)
def func_vjp(model, x):
    y, pull = torch.func.vjp(model, x)
    return list(pull(y))


def jvp_directly(model, x):
    with torch.backends.mkldnn.flags(enabled=False):  # oneDNN's LSTM has no second derivative
        return list(torch.autograd.functional.jvp(model, x, x.cos()))


@tool("func.jvp", jvp_directly)
def func_jvp(model, x):
    return list(torch.func.jvp(model, (x,), (x.cos(),)))


def each_of_three(model, x):
    return [torch.stack([model(x * k) for k in (1, 2, 3)])]


@tool("func.vmap", each_of_three)
def func_vmap(model, x):
    return [torch.func.vmap(model)(torch.stack([x * k for k in (1, 2, 3)]))]


@tool("checkpoint", modes=GRAD)
def checkpointed(model, x):
    def again(x):
        return checkpoint(model, x, use_reentrant=False)

    again.parameters = model.parameters
    return outputs(again, x)


# Copied, saved, loaded


@tool("deepcopy")
def deepcopied(model, x):
    return outputs(copy.deepcopy(model), x)


@tool("pickle")
def pickled(model, x):
    return outputs(pickle.loads(pickle.dumps(model)), x)


def saved(thing, **how):
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return torch.load(file, **how)


@tool("torch.save of the model, weights_only")
def saved_model(model, x):
    known = [Model, torch.nn.Linear, type(model.layer)]
    with torch.serialization.safe_globals(known):
        return outputs(saved(model, weights_only=True), x)


@tool("torch.save of the state_dict, weights_only")
def saved_state(model, x):
    other = Model(type(model.layer)(D, H, bidirectional=True)).to(x.dtype)
    other.load_state_dict(saved(model.state_dict(), weights_only=True))
    return outputs(other, x)


@tool("state_dict into torch.nn")
def state_into_torch(model, x):
    plain = getattr(torch.nn, model.layer.__class__.__name__)
    other = Model(plain(D, H, bidirectional=True)).to(x.dtype)
    other.load_state_dict(saved(model.state_dict(), weights_only=True))
    return outputs(other, x)


@tool("a pickle of torch.nn's, the class replaced")
def pickled_by_torch(model, x):
    name = type(model.layer).__name__
    plain, module = rt.to_torch(model), torch.nn.modules.rnn
    theirs, data = getattr(module, name), pickle.dumps(plain)
    try:
        setattr(module, name, type(model.layer))
        replaced = pickle.loads(data)
    finally:
        setattr(module, name, theirs)
    assert type(replaced.layer) is type(model.layer)
    return outputs(replaced, x)


# Changed


@tool("prune every weight", None)
def pruned(model, x):
    for name in [name for name, _ in model.layer.named_parameters()]:
        prune.l1_unstructured(model.layer, name, amount=0.3)
    return outputs(model, x)


def pruned_directly(model, x):
    for weight in model.layer.parameters():
        weight.data *= prune.L1Unstructured(0.3).compute_mask(weight, torch.ones_like(weight))
    return [model(x)]


@tool("prune and remove", pruned_directly)
def pruned_for_good(model, x):
    pruned(model, x)
    for name in list(model.layer._flat_weights_names):
        prune.remove(model.layer, name)
    return [model(x)]


class Tripled(torch.nn.Module):
    def forward(self, weight):
        return 3 * weight


def tripled_directly(model, x):
    with torch.no_grad():
        for weight in model.layer.parameters():
            weight *= 3
    return [model(x)]


@tool("parametrize every weight", tripled_directly)
def parametrized(model, x):
    for name in [name for name, _ in model.layer.named_parameters()]:
        parametrize.register_parametrization(model.layer, name, Tripled())
    return [model(x)]


@tool("weight_norm of every matrix", None)
def weight_normed(model, x):
    for name in [name for name, _ in model.layer.named_parameters() if "weight" in name]:
        parametrizations.weight_norm(model.layer, name)
    return outputs(model, x)


def quantized(model, x):
    torch.backends.quantized.engine = "fbgemm"
    kinds = {torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN}
    return [torch.ao.quantization.quantize_dynamic(model.float(), kinds)(x.float())]


@tool("quantize_dynamic", quantized)
def quantize(model, x):
    return quantized(model, x)


@tool("quantize_dynamic of to_torch(model)", quantized)
def quantize_plain(model, x):
    return quantized(rt.to_torch(model), x)


@tool("to_torch(model)")
def to_torch(model, x):
    return outputs(rt.to_torch(model), x)


# Counted


@tool("FlopCounter", None)
def flops(model, x):
    with FlopCounterMode(display=False) as counter:
        y = model(x)
        if torch.is_grad_enabled():
            y.sum().backward()
    return [torch.tensor(counter.get_total_flops())]


# The matrix


def entry(name, layer, T, mode):
    """What became of a tool on a layer: "equal", the sentence that says what to do instead, or what went wrong."""
    through, directly, _ = TOOLS[name]
    torch.manual_seed(1)
    x = torch.randn(T, B, D, dtype=LAYERS[layer][1])
    ours, theirs = (model.train(mode[0] == "train") for model in pair(layer))
    with torch.set_grad_enabled(mode[1] == "grad"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        expected = directly(theirs, x)
        try:
            found = through(ours, x)
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    sentences = [str(warning.message) for warning in said if "to_torch" in str(warning.message)]
    return sentences[0] if sentences else compare(found, expected)


def compare(found, expected):
    for a, b in zip((t.detach() for t in found), (t.detach() for t in expected), strict=True):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"different: {tuple(a.shape)} {a.dtype}, not {tuple(b.shape)} {b.dtype}"
        worst = float((a - b).abs().max() / b.abs().max().clamp(min=1))
        if not worst <= TOLERANCE[b.dtype]:
            return f"different: by {worst:.1e}"
    return "equal"


CASES = [
    (name, layer, T, mode) for name, (_, _, modes) in TOOLS.items() for layer in LAYERS for T in STEPS for mode in modes
]
SENTENCES = {"quantize_dynamic": "quantise course_rnn.torch.to_torch(model)"}
SENTENCES |= {  # onnxruntime's, of torch.nn's layer as well
    (name, "LSTM, float64"): "LSTM operator does not support double yet"
    for name in ("onnx.export, old", "onnx.export, new")
}


def table(entries):
    """The matrix as text: a row for each tool, a column for each layer and length; all modes have to agree."""
    columns = list(itertools.product(LAYERS, STEPS))
    width, sentences = max(map(len, TOOLS)), []
    rows = [" " * width + "".join(f"  {f'{layer}, T={T}':20}" for layer, T in columns)]
    for name in TOOLS:
        cells = []
        for column in columns:
            found = sorted({text for (*where, _), text in entries.items() if tuple(where) == (name, *column)})
            sentences += [text for text in found if text != "equal" and text not in sentences]
            cells.append(" / ".join(t if t == "equal" else f"see {sentences.index(t) + 1}" for t in found))
        rows.append(f"{name:{width}}" + "".join(f"  {cell:20}" for cell in cells))
    return "\n".join([*rows, *(f"{k}. {text}" for k, text in enumerate(sentences, 1))])


@pytest.fixture(scope="module")
def entries(request):
    found = {}
    yield found
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n" + table(found))


@pytest.mark.parametrize(("name", "layer", "T", "mode"), CASES)
def test_every_entry_is_equal_or_a_sentence(name, layer, T, mode, entries):
    text = entries[name, layer, T, mode] = entry(name, layer, T, mode)
    sentence = SENTENCES.get(name, SENTENCES.get((name, layer)))
    assert text.endswith(sentence) if sentence else text == "equal"


if __name__ == "__main__":
    print(table({case: entry(*case) for case in CASES}))
