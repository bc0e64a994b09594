"""What a cell says of itself, on both sides: gates, states, and the shapes of its weights."""


class Cell:
    """The description of a recurrent cell, without its equations.

    A cell sees two sums, each of one block of H numbers a gate,

        a = W_ih x + b_ih   for all steps at once, before the loop,   u = W_hh h + b_hh   step by step

    and says how they and the states make the next states. What it adds to this class are attributes.

    Attributes
    ----------
    gates : tuple of str, or int
        The names of the blocks of H rows in weight_ih and weight_hh, in their order; a number if they have no names.
    states : tuple of str
        What is carried from step to step. The first, h, is what W_hh multiplies.
    shown : tuple of str
        Which of the states are the output, side by side.
    vectors : tuple of str
        Further weights of H numbers each, one for each unit, which are not multiplied by a matrix.
    keep, write : str or None
        The gate that says how much of the past is kept, and the one that says how much is written, if that is another:
        what `init` may bias.
    """

    gates = 1
    states = ("h",)
    shown = ("h",)
    vectors = ()
    keep = write = None

    @property
    def name(self):
        return type(self).__name__

    @property
    def gate_names(self):
        """The names of the gates, numbers where the cell gives none."""
        gates = self.gates
        return tuple(f"gate {k}" for k in range(gates)) if isinstance(gates, int) else tuple(gates)

    def sizes(self, H):
        """The size of each state, for a hidden size H."""
        return (H,) * len(self.states)

    def shown_size(self, H):
        """The size of what is shown at a step."""
        return sum(size for name, size in zip(self.states, self.sizes(H), strict=True) if name in self.shown)

    def maps(self, D, H):
        """The linear maps of the cell: name -> (rows, columns). Map "ih" is the one from the input."""
        G = len(self.gate_names)
        return {"ih": (G * H, D), "hh": (G * H, H)}

    def shapes(self, D, H, bias=True):
        """The shapes of all weights of one layer in one direction, in torch's order: name -> shape."""
        maps = self.maps(D, H)
        weights = {f"weight_{name}": shape for name, shape in maps.items()}
        biases = {f"bias_{name}": (rows,) for name, (rows, _) in maps.items()} if bias else {}
        return weights | biases | {name: (H,) for name in self.vectors}

    def bound(self, D, H):
        """Initial values are uniform in ± this, as in torch: 1/√H."""
        return H**-0.5

    def __repr__(self):
        own = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{self.name}({own})"


def check_alpha(alpha):
    """Refuse a share that is not from 0 to below 1."""
    if not 0 <= alpha < 1:
        raise ValueError(f"alpha is {alpha}, expected 0 ≤ alpha < 1")


def check_count(name, value, least):
    """Refuse what is no whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value}, expected a whole number of at least {least}")


def check_cell(cell, base, library):
    """Refuse what is no cell of this side: its class instead of an instance, or a cell of the other library."""
    if isinstance(cell, type) and issubclass(cell, Cell):
        raise TypeError(f"cell is the class {cell.__name__}, expected a cell: {cell.__name__}()")
    if isinstance(cell, Cell) and not isinstance(cell, base):
        raise TypeError(f"{cell.name} is written for the other library, this side needs its twin in {library}")
    if not isinstance(cell, base):
        raise TypeError(f"cell is a {type(cell).__name__}, expected a Cell of {library}")
