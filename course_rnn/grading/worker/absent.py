"""What a stranger's notebook may import though it is not in the room, and what it may not use though it is."""

import ctypes
import dis
import functools
import importlib.abc
import importlib.machinery
import re
import sys
import types

#: Importing these, and using them, does nothing.
ABSENT = {"course_rnn", "matplotlib", "mpl_toolkits", "ipywidgets", "IPython", "tqdm"}


#: Of the kernels that torch has for an operator, those that a processor without anything else can run.
KEYS = "CompositeImplicitAutograd", "CompositeExplicitAutograd", "CPU", "QuantizedCPU", "Autograd"


class Absent:
    """Stands in for everything of an absent module: each attribute, item and call of it is another of its kind."""

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()

    def __call__(self, *args, **kwargs):
        return Absent()

    def __iter__(self):
        """As many as the caller unpacks, as in ``fig, ax = plt.subplots()``; none for a loop."""
        frame = sys._getframe(1)
        code, at = frame.f_code.co_code, frame.f_lasti
        unpacks = dis.opname[code[at]] in ("UNPACK_SEQUENCE", "UNPACK_EX")
        return iter([Absent() for _ in range(code[at + 1] if unpacks else 0)])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __len__(self):
        return 0

    def __bool__(self):
        return True

    def __float__(self):
        return 0.0

    def __int__(self):
        return 0

    def __contains__(self, item):
        return False

    def __format__(self, form):
        return ""

    def __setitem__(self, key, value):
        pass

    def __delitem__(self, key):
        pass


OPERATORS = (
    "getitem neg pos abs invert lt le gt ge add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv "
    "mod rmod pow rpow matmul rmatmul and rand or ror xor rxor lshift rshift"
)
for _operator in OPERATORS.split():
    setattr(Absent, f"__{_operator}__", Absent.__call__)


class AbsentModule(types.ModuleType):
    """A module that is not there; what is taken from it does nothing."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()


class AbsentFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the absent modules."""

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return AbsentModule(spec.name)

    def exec_module(self, module):
        if module.__name__.startswith("tqdm"):  # a loop is to run, with or without its bar
            module.tqdm = lambda iterable=(), *args, **kwargs: iterable
            module.trange = lambda count, *args, **kwargs: range(count)


def add(name):
    """Let a module that was not found be absent from here on; whether that is new."""
    name = name.partition(".")[0]
    new = name not in ABSENT and name not in sys.modules
    ABSENT.add(name)
    return new


def take_away():
    """From here on the absent modules are absent, and the worker's own cannot be imported either."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ABSENT]:
        del sys.modules[name]
    sys.meta_path.insert(0, AbsentFinder())


def forbid_cells():
    """Make torch's own recurrent layers raise: to build one is the question.

    The operators themselves are replaced, so that every way to them is closed, and no object is left in Python that
    could bring the old ones back.
    """
    import torch

    def forbidden(*args, **kwargs):
        raise RuntimeError("torch's own recurrent layers cannot be used here: to build one is the question.")

    for name in torch._C._dispatch_get_all_op_names():
        if re.search("lstm|gru|rnn", name):
            for key in KEYS:
                if torch._C._dispatch_has_kernel_for_dispatch_key(name, key):
                    _replace(name, key, forbidden)


def forbid_derivatives():
    """Take torch's derivatives away, forward and backward: the questions ask for them.

    Every operator does without the part that records or differentiates it, so whatever asks finds nothing recorded.
    """
    import torch

    for name in torch._C._dispatch_get_registrations_for_dispatch_key("Autograd"):
        _replace(name, "Autograd", torch.library.fallthrough_kernel)


@functools.cache
def library_of(space):
    """What registers operators; it lasts, though nobody can reach it."""
    import torch

    library = torch._C._dispatch_library("IMPL", space, "", __file__, 0)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    return library


def _replace(name, key, kernel):
    """Put another kernel in the place of an operator's."""
    space, _, operator = name.partition("::")
    library_of(space).impl(operator, key, kernel, False)
