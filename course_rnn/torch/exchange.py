"""Back to torch.nn's own classes, around the same tensors.

Some tools look a module up by its exact class and pass over ours: quantize_dynamic, torch.jit.script, counters of
operations such as thop and ptflops, opacus. They get `layer.to_torch()` or `to_torch(model)`.
"""

import copy
import warnings

import torch
from torch.nn.utils.parametrize import is_parametrized

OURS = ("implementation", "reset_after")  # what our layers and cells know and torch's do not


class Exchangeable:
    """A subclass of one of torch.nn's recurrent layers or cells that can be turned back."""

    reset_after = True  # of the class, for what was pickled as torch.nn's

    def to_torch(self):
        """Return torch.nn's own module around the same tensors, for tools that know only the exact class.

        Training either trains both, as the parameters are the same objects. Hooks come along.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        ValueError
            If torch.nn has no such module: with reset_after=False, or with a parametrized weight.

        Examples
        --------
        >>> from course_rnn.torch import LSTM
        >>> ours = LSTM(3, 4)
        >>> theirs = ours.to_torch()
        >>> type(theirs), theirs.weight_hh_l0 is ours.weight_hh_l0
        (<class 'torch.nn.modules.rnn.LSTM'>, True)
        """
        if not self.reset_after:
            raise ValueError("torch.nn has no GRU with reset_after=False")
        if is_parametrized(self):
            raise ValueError(
                "a parametrized weight stays with its class, first call "
                "torch.nn.utils.parametrize.remove_parametrizations(layer, name)"
            )
        cls = next(cls for cls in type(self).__mro__ if cls.__module__.startswith("torch.nn."))
        twin = cls.__new__(cls)
        state = self.__getstate__() if hasattr(cls, "__getstate__") else self.__dict__
        twin.__setstate__({name: copy.copy(value) for name, value in state.items() if name not in OURS})
        return twin

    def _leaf(self, *args):
        """Write what torch.fx writes for a layer of torch.nn: one call, not looked into."""
        tracer = args[0].tracer
        return tracer.create_proxy("call_module", tracer.path_of_module(self), args, {})

    def __prepare_scriptable__(self):
        """torch.jit.script asks for what it is to compile."""
        return self.to_torch()

    def __setattr__(self, name, value):
        if name == "qconfig":  # torch's quantisation goes through a model, and would pass over this class in silence
            warnings.warn(
                f"torch's quantisation leaves {type(self).__module__}.{type(self).__name__} in floating point, "
                "as it looks for torch.nn's own class: quantise course_rnn.torch.to_torch(model)",
                stacklevel=2,
            )
        super().__setattr__(name, value)


def to_torch(model):
    """Return a copy of a model that has torch.nn's own classes in place of ours, around the same tensors.

    Parameters
    ----------
    model : torch.nn.Module
        It stays as it is.

    Returns
    -------
    torch.nn.Module
        Training either trains both, as the parameters are the same objects.

    Raises
    ------
    ValueError
        If torch.nn has no such module: with reset_after=False, or with a parametrized weight.

    Examples
    --------
    >>> from course_rnn.torch import GRU
    >>> model = torch.nn.Sequential(GRU(3, 4))
    >>> plain = to_torch(model)
    >>> type(plain[0]), plain[0].weight_ih_l0 is model[0].weight_ih_l0
    (<class 'torch.nn.modules.rnn.GRU'>, True)
    """
    memo = {id(m): m.to_torch() for m in model.modules() if isinstance(m, Exchangeable)}
    tensors = [t for m in model.modules() for part in (vars(m), m._parameters, m._buffers) for t in part.values()]
    memo |= {id(t): t for t in tensors if isinstance(t, torch.Tensor)}
    return copy.deepcopy(model, memo)
