"""Attention: weights that are weights, padding that does not exist, gradients equal to torch's and to differences."""

import numpy as np
import pytest
import torch
from test_numpy_nn import check_by_differences, check_by_torch, load
from torch.nn import functional as F

from course_rnn.numpy.attention import AdditiveAttention, DotAttention

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
T, B, S, H, M, A = 5, 3, 4, 2, 6, 7  # all different
LENGTHS = np.array([4, 1, 3])
MASK = np.arange(S)[:, None] < LENGTHS  # (S, B)
KINDS = ["dot", "additive"]


class TorchAdditive(torch.nn.Module):
    """The paper's equations, one source step after the other."""

    def __init__(self):
        super().__init__()
        self.query_proj = torch.nn.Linear(H, A, bias=False, dtype=torch.float64)
        self.memory_proj = torch.nn.Linear(M, A, bias=False, dtype=torch.float64)
        self.score = torch.nn.Linear(A, 1, bias=False, dtype=torch.float64)

    def forward(self, query, memory):
        scores = [self.score(torch.tanh(self.query_proj(query) + self.memory_proj(m))) for m in memory]  # (T, B, 1)
        alpha = torch.cat(scores, dim=-1).masked_fill(~torch.tensor(MASK.T), -torch.inf).softmax(dim=-1)
        return sum(alpha[:, :, s, None] * m for s, m in enumerate(memory)), alpha


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def case(kind, rng, dtype=np.float64):
    """An attention, queries and a memory that fit it."""
    size = M if kind == "dot" else H
    attention = DotAttention() if kind == "dot" else AdditiveAttention(H, M, A, rng=rng, dtype=dtype)
    return attention, rng.standard_normal((T, B, size)).astype(dtype), rng.standard_normal((S, B, M)).astype(dtype)


# the weights


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_of_the_real_steps_sum_to_one_and_padding_has_none(rng, kind, dtype):
    attention, query, memory = case(kind, rng, dtype)
    context, alpha = attention.forward(query, memory, MASK)
    assert alpha.shape == (T, B, S) and context.shape == (T, B, M)
    assert alpha.dtype == context.dtype == dtype
    np.testing.assert_allclose(alpha.sum(axis=-1), 1, rtol=10 * np.finfo(dtype).eps)
    assert np.array_equal(alpha > 0, np.broadcast_to(MASK.T, alpha.shape))
    assert attention.alpha is alpha
    assert all(g.dtype == dtype for g in (*attention.backward(context), *attention.grads.values()))


@pytest.mark.parametrize("junk", [1e300, np.inf, np.nan])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_the_padding_is_seen(rng, kind, junk):
    attention, query, memory = case(kind, rng)
    dcontext = rng.standard_normal((T, B, M))

    def run(memory):
        attention.zero_grad()
        return [*attention.forward(query, memory, MASK), *attention.backward(dcontext), *attention.grads.values()]

    before = run(memory)
    after = run(np.where(MASK[..., None], memory, junk))
    for b, a in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not after[3][~MASK].any()  # dmemory


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_of_one_step_gets_all_the_weight(rng, kind):
    attention, query, memory = case(kind, rng)
    context, alpha = attention.forward(query, memory, MASK)
    only = np.flatnonzero(LENGTHS == 1)[0]
    assert np.array_equal(alpha[:, only, 0], np.ones(T))
    np.testing.assert_array_equal(context[:, only], np.broadcast_to(memory[0, only], (T, M)))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_mask_every_step_is_real(rng, kind):
    attention, query, memory = case(kind, rng)
    _, alpha = attention.forward(query, memory)
    np.testing.assert_array_equal(alpha, attention.forward(query, memory, np.ones((S, B), bool))[1])
    assert (alpha > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_source_is_not_seen(rng, kind):
    """Shuffled states are found where they went: what order there is, the encoder must have put into them."""
    attention, query, memory = case(kind, rng)
    order = rng.permutation(S)
    context, alpha = attention.forward(query, memory, MASK)
    shuffled_context, shuffled_alpha = attention.forward(query, memory[order], MASK[order])
    np.testing.assert_allclose(shuffled_context, context, **TO_TORCH)
    np.testing.assert_allclose(shuffled_alpha, alpha[..., order], **TO_TORCH)


def test_large_scores_choose_one_step_and_do_not_overflow(rng):
    attention, query, memory = case("dot", rng)
    context, alpha = attention.forward(1e12 * query, memory, MASK)
    winner = np.where(MASK.T, np.einsum("tbm,sbm->tbs", query, memory), -np.inf).argmax(axis=-1)
    np.testing.assert_array_equal(alpha, np.eye(S)[winner])
    assert all(np.isfinite(g).all() for g in attention.backward(context))


# the gradients


def test_dot_attention_matches_torch(rng):
    attention, query, memory = case("dot", rng)
    dcontext = rng.standard_normal((T, B, M))
    context, _ = attention.forward(query, memory, MASK)
    dquery, dmemory = attention.backward(dcontext)

    q, m = (torch.tensor(a, requires_grad=True) for a in (query, memory))
    theirs = F.scaled_dot_product_attention(
        q.transpose(0, 1), m.transpose(0, 1), m.transpose(0, 1), torch.tensor(MASK.T)[:, None], scale=1.0
    ).transpose(0, 1)
    theirs.backward(torch.tensor(dcontext))
    np.testing.assert_allclose(context, theirs.detach(), **TO_TORCH)
    np.testing.assert_allclose(dquery, q.grad, **TO_TORCH)
    np.testing.assert_allclose(dmemory, m.grad, **TO_TORCH)


def test_additive_attention_matches_torch(rng):
    attention, query, memory = case("additive", rng)
    dcontext = rng.standard_normal((T, B, M))
    context, alpha = attention.forward(query, memory, MASK)
    dquery, dmemory = attention.backward(dcontext)

    twin = load(TorchAdditive(), attention)
    q, m = (torch.tensor(a, requires_grad=True) for a in (query, memory))
    their_context, their_alpha = twin(q, m)
    their_context.backward(torch.tensor(dcontext))
    np.testing.assert_allclose(context, their_context.detach(), **TO_TORCH)
    np.testing.assert_allclose(alpha, their_alpha.detach(), **TO_TORCH)
    np.testing.assert_allclose(dquery, q.grad, **TO_TORCH)
    np.testing.assert_allclose(dmemory, m.grad, **TO_TORCH)
    check_by_torch(attention, twin)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_matches_finite_differences(rng, kind):
    attention, query, memory = case(kind, rng)
    dcontext = rng.standard_normal((T, B, M))
    attention.forward(query, memory, MASK)
    dquery, dmemory = attention.backward(dcontext)
    check_by_differences(
        attention,
        lambda: attention.forward(query, memory, MASK)[0],
        dcontext,
        query=(query, dquery),
        memory=(memory, dmemory),
    )


# bad input


@pytest.mark.parametrize(
    ("query", "memory", "mask", "error", "message"),
    [
        ((T, B, M), (S, B + 1, M), None, ValueError, r"query \(5, 3, 6\) and memory \(4, 4, 6\) are not \(T, B, H\)"),
        ((B, M), (S, B, M), None, ValueError, r"query \(3, 6\) and memory \(4, 3, 6\) are not"),
        ((T, B, H), (S, B, M), None, ValueError, "query has 2 features, this memory expects 6"),
        ((T, B, M), (S, B, M), np.ones((B, S), bool), ValueError, r"mask has shape \(3, 4\), expected \(4, 3\)"),
        ((T, B, M), (S, B, M), np.ones((S, B)), TypeError, "mask is float64, expected bool"),
        ((T, B, M), (S, B, M), np.arange(B) != np.ones((S, 1)), ValueError, "sequence 1 has no real source step"),
        ((T, B, M), (0, B, M), None, ValueError, "sequence 0 has no real source step"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(query, memory, mask, error, message):
    with pytest.raises(error, match=message):
        DotAttention().forward(np.ones(query), np.ones(memory), mask)


def test_two_dtypes_do_not_meet():
    with pytest.raises(TypeError, match="query is float32, memory is float64"):
        DotAttention().forward(np.ones((T, B, M), np.float32), np.ones((S, B, M)))


def test_additive_attention_names_the_features_it_expects():
    attention = AdditiveAttention(H, M, A)
    with pytest.raises(ValueError, match="x has 3 features, this layer expects 2"):
        attention.forward(np.ones((T, B, 3)), np.ones((S, B, M)))
