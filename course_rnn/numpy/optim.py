"""Optimisers and gradient clipping, number for number as in torch.

An optimiser changes the arrays of ``model.params`` in place, from the gradients of ``model.grads``.
"""

import math

import numpy as np


class SGD:
    """Follow the gradient downhill, with momentum if asked.

    v ← μ v + g,   p ← p − η v

    Parameters
    ----------
    params : dict of str to ndarray
        Changed in place.
    lr : float
        The learning rate η; the attribute of that name may be changed between steps.
    momentum : float
        μ.

    Raises
    ------
    TypeError
        If `params` is not a dict.
    ValueError
        If a setting is outside its range.

    Examples
    --------
    >>> p = np.array([1.0])
    >>> SGD({"p": p}, lr=0.1).step({"p": np.array([2.0])})
    >>> p
    array([0.8])
    """

    def __init__(self, params, lr, momentum=0.0):
        _check_params(params)
        _check_range("lr", lr, math.inf)
        _check_range("momentum", momentum, 1)
        self.params, self.lr, self.momentum = params, lr, momentum
        self.velocity = {name: np.zeros_like(p) for name, p in params.items()}

    def step(self, grads):
        """Change every parameter by one step; ValueError if one has no gradient."""
        _check_grads(grads, self.params)
        for name, p in self.params.items():
            v = self.velocity[name]
            v *= self.momentum
            v += grads[name]
            p -= self.lr * v


class Adam:
    """Divide a running mean of the gradient by the root of a running mean of its square.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   p ← p − η m̂ / (√v̂ + ε)

    with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ), which correct for the start at 0.

    Parameters
    ----------
    params : dict of str to ndarray
        Changed in place.
    lr : float
        The learning rate η; the attribute of that name may be changed between steps.
    betas : (float, float)
    eps : float

    Raises
    ------
    TypeError
        If `params` is not a dict.
    ValueError
        If a setting is outside its range.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    The first step has length lr, whatever the size of the gradient.

    >>> p = np.array([1.0, 1.0])
    >>> Adam({"p": p}, lr=0.1).step({"p": np.array([2.0, -2e-3])})
    >>> p.round(4)
    array([0.9, 1.1])
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        _check_params(params)
        _check_range("lr", lr, math.inf)
        _check_range("betas[0]", betas[0], 1)
        _check_range("betas[1]", betas[1], 1)
        _check_range("eps", eps, math.inf)
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.t = 0
        self.m = {name: np.zeros_like(p) for name, p in params.items()}
        self.v = {name: np.zeros_like(p) for name, p in params.items()}

    def step(self, grads):
        """Change every parameter by one step; ValueError if one has no gradient."""
        _check_grads(grads, self.params)
        beta1, beta2 = self.betas
        self.t += 1
        correction1, correction2 = 1 - beta1**self.t, 1 - beta2**self.t
        for name, p in self.params.items():
            g, m, v = grads[name], self.m[name], self.v[name]
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            p -= self.lr / correction1 * m / (np.sqrt(v) / math.sqrt(correction2) + self.eps)


def grad_norm(grads):
    """Measure the length of all gradients taken as one vector, √Σ g².

    Examples
    --------
    >>> grad_norm({"w": np.array([3.0]), "b": np.array([4.0])})
    5.0
    """
    return math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))


def clip_grad_norm(grads, max_norm):
    """Shorten the gradients, taken as one vector, to at most `max_norm`; the direction stays.

    g ← g · min(1, max_norm / (‖g‖ + 1e-6)),  where 1e-6 is torch's

    Parameters
    ----------
    grads : dict of str to ndarray
        Changed in place.
    max_norm : float

    Returns
    -------
    float
        The norm before clipping.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> grads = {"w": np.array([30.0, 40.0])}
    >>> clip_grad_norm(grads, 1.0), grads["w"].round(4)
    (50.0, array([0.6, 0.8]))
    """
    norm = grad_norm(grads)
    for g in grads.values():
        g *= min(max_norm / (norm + 1e-6), 1.0)
    return norm


def clip_grad_value(grads, clip_value):
    """Cut every element of the gradients to ±clip_value, in place; the direction may change.

    Examples
    --------
    >>> grads = {"w": np.array([30.0, -40.0, 0.5])}
    >>> clip_grad_value(grads, 1.0)
    >>> grads["w"]
    array([ 1. , -1. ,  0.5])
    """
    for g in grads.values():
        np.clip(g, -clip_value, clip_value, out=g)


def _check_params(params):
    if not isinstance(params, dict):
        raise TypeError(f"params is a {type(params).__name__}, expected a dict such as model.params")


def _check_range(name, value, end):
    if not 0 <= value < end:
        raise ValueError(f"{name} is {value}, expected 0 ≤ {name} < {end}")


def _check_grads(grads, params):
    missing = [name for name in params if name not in grads]
    if missing:
        raise ValueError(f"no gradient for {', '.join(missing)}: call model.backward first, and hand in model.grads")
