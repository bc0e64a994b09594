"""The fused layer as an operator of torch: it stands in a graph as one node, and has every rule that torch checks."""

import pytest
import torch
from test_torch_drop_in import B, D, H, Model, compare, each_of_three, flops, func_vmap, outputs, run_exported

import course_rnn.torch as rt
from course_rnn.torch.operator import operator

CELLS = ["RNN_TANH", "RNN_RELU", "LSTM", "GRU", "GRU_RESET_BEFORE"]
LAYERS = ["RNN", "LSTM", "GRU"]


def arguments(cell, bias=True, lengths=None, T=5):
    """What the operator takes, for two directions."""
    generator = torch.Generator().manual_seed(0)
    G = 1 if cell.startswith("RNN") else 4 if cell == "LSTM" else 3

    def random(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    one = [random(G * H, D), random(G * H, H)] + ([random(G * H), random(G * H)] if bias else [])
    two = [weight.detach().flip(0).requires_grad_() for weight in one]
    c_0 = random(2, B, H) if cell == "LSTM" else None
    return cell, lengths, random(T, B, D), random(2, B, H), c_0, [*one, *two]


def both(name, implementation="fused", dtype=torch.float32):
    """The same model around our layer and around torch's."""
    models = []
    for module, more in ((rt, {"implementation": implementation}), (torch.nn, {})):
        torch.manual_seed(0)
        models.append(Model(getattr(module, name)(D, H, bidirectional=True, **more)).to(dtype))
    return models


def batch(T=40):
    return torch.randn(T, B, D, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("lengths", [None, [5, 3]])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_schema_shapes_gradients_and_dynamic_sizes_are_what_torch_asks_for(cell, bias, lengths):
    lengths = None if lengths is None else torch.tensor(lengths)
    torch.library.opcheck(operator, arguments(cell, bias, lengths))


@pytest.mark.parametrize("cell", CELLS)
def test_first_and_second_derivatives(cell):
    cell, lengths, x, h_0, c_0, weights = arguments(cell, T=3)
    states = [h_0] if c_0 is None else [h_0, c_0]

    def f(x, *rest):
        h_0, c_0 = rest[0], None if c is None else rest[1]
        y, h_n, c_n, *_ = operator(cell, lengths, x, h_0, c_0, list(rest[len(states) :]))
        return (y, h_n) if c is None else (y, h_n, c_n)

    c = c_0
    assert torch.autograd.gradcheck(f, (x, *states, *weights), fast_mode=True)
    assert torch.autograd.gradgradcheck(f, (x, *states, *weights), fast_mode=True)


@pytest.fixture
def whole_graphs():
    """torch's own switch: without it torch.compile goes around all of torch.nn's recurrent layers, and ours."""
    import torch._dynamo

    torch.compiler.reset()
    with torch._dynamo.config.patch(allow_rnn=True):
        yield
    torch.compiler.reset()


def compiled(model, nodes=None, **how):
    """The model as one graph; `nodes` collects what is in it."""

    def backend(graph, _):
        nodes.extend(str(node.target) for node in graph.graph.nodes if node.op.startswith("call"))
        return graph.forward

    return torch.compile(model, fullgraph=True, **({"backend": backend} if nodes is not None else how))


@pytest.mark.parametrize("implementation", ["auto", "fused"])
@pytest.mark.parametrize("T", [5, 40])
@pytest.mark.parametrize("name", LAYERS)
def test_a_compiled_model_is_one_graph_with_the_layer_as_one_node(name, T, implementation, whole_graphs):
    (ours, theirs), x, nodes = both(name, implementation), batch(T), []
    assert compare(outputs(compiled(ours, nodes), x), outputs(theirs, x)) == "equal"
    assert sum("course_rnn.layer" in node for node in nodes) == 1 and len(nodes) < 30


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("how", [{"backend": "inductor"}, {"backend": "aot_eager", "dynamic": True}])
def test_a_compiled_model_trains(name, how, whole_graphs):
    if how["backend"] == "inductor" and " " in torch.__file__:
        pytest.xfail("torch's inductor does not quote its own path, and the linker cuts it at the blank")
    (ours, theirs), x = both(name), batch()
    model = compiled(ours, **how)
    for steps in (40, 33):
        assert compare(outputs(model, x[:steps]), outputs(theirs, x[:steps])) == "equal"


@pytest.mark.parametrize("name", LAYERS)
def test_mixed_precision_goes_through_the_compiled_operator(name, whole_graphs):
    (ours, theirs), x = both(name), batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model = compiled(ours, backend="aot_eager")
        y = model(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), theirs(x), rtol=0, atol=2e-2)
    assert all(p.grad.dtype == torch.float32 for p in ours.parameters())


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_an_exported_program_holds_the_operator_when_it_is_asked_for(name, strict):
    (ours, theirs), x = both(name), batch()
    program = torch.export.export(ours, (x,), strict=strict)
    assert sum("course_rnn.layer" in str(node.target) for node in program.graph.nodes) == 1
    assert compare(run_exported(ours, x, strict), outputs(theirs, x)) == "equal"


@pytest.mark.parametrize("name", LAYERS)
def test_vmap_and_tracing_go_through_it(name):
    (ours, theirs), x = both(name), batch()
    assert compare(func_vmap(ours, x), each_of_three(theirs, x)) == "equal"
    assert compare(outputs(torch.jit.trace(ours, x), x), outputs(theirs, x)) == "equal"


@pytest.mark.parametrize("name", LAYERS)
def test_its_floating_point_operations_are_counted(name):
    """Forward they are those of torch.nn; backward the operator also computes the gradients of x and h_0."""
    (ours, theirs), x = both(name, dtype=torch.float64), batch().double()  # of oneDNN's LSTM torch counts nothing
    with torch.no_grad():
        assert flops(ours, x) == flops(theirs, x)
    assert flops(ours, x)[0] >= flops(theirs, x)[0]


def test_what_cannot_go_through_it_is_refused_with_the_way_out():
    layer, x = rt.GRU(D, H, implementation="fused"), batch()
    for f in (torch.func.jacrev, torch.func.jacfwd):
        with pytest.raises(ValueError, match=r"take implementation='auto', or layer\.to_torch"):
            f(lambda x: layer(x)[0].sum())(x)
