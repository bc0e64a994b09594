"""Which statements of a notebook a cell needs to run on its own."""

import ast
import builtins

LIVE = "live"  # the tag of a cell of a chapter that a reader may run and change


def live_cells(cells):
    """The cells of a chapter with the tag ``live``, each with what it needs from cells without it.

    Parameters
    ----------
    cells : list of notebook cells

    Returns
    -------
    list of (cell, str)
        The code to run before each: the statements above that make its names, and those that these need. A name that
        an earlier live cell makes is that cell's, and what was run before an earlier one is not run again.
    """
    found, above, made = [], [], set()
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for cell in code:
        statements = [Statement(node, cell["source"], first=cell is code[0]) for node in _parsed(cell["source"])]
        if LIVE in cell["metadata"].get("tags", ()):
            found.append((cell, _slice(above, _all(statement.uses for statement in statements), made)))
            made |= _all(statement.makes for statement in statements)
        else:
            above += statements
    return found


def _parsed(source):
    try:
        return ast.parse(source).body
    except SyntaxError:  # a line for IPython alone
        return []


def _all(sets):
    return set().union(*sets)


def _slice(above, wanted, made):
    """The code of the statements that make the wanted names, where no live cell has made them and none has run them."""
    known, chosen = made | vars(builtins).keys(), {}  # place -> the names for which it is chosen
    waiting = [(name, len(above)) for name in wanted - known]
    while waiting:
        name, end = waiting.pop()
        for place in reversed(range(end)):
            statement = above[place]
            if name not in statement.makes:
                continue
            if name not in chosen.setdefault(place, set()):
                chosen[place].add(name)
                seen = len(above) if statement.defines else place  # a function may call what is made after it
                waiting += [(used, seen) for used in statement.uses - known]
            if statement.defines or (statement.anew and name not in statement.uses):
                break
    names = _all(chosen.values())
    chosen |= {place: set() for place, statement in enumerate(above) if statement.setting and statement.uses <= names}
    parts = [above[place].code(chosen[place]) for place in sorted(chosen)]
    return "\n".join(part for part in parts if part)


class Statement:
    """A statement at the top of a cell.

    Attributes
    ----------
    makes, uses : set of str
        The names that it gives a value, and those that it reads or calls.
    anew, defines : bool
        Whether what its names meant before no longer counts; whether it makes a function or a class.
    setting : bool
        Whether it is a call in the first cell, such as ``np.set_printoptions(...)``.
    """

    def __init__(self, node, source, first):
        self.node, self.source = node, source
        self.taken = None  # the names for which it stands in a slice already
        self.imports = isinstance(node, ast.Import | ast.ImportFrom)
        self.defines = isinstance(node, ast.FunctionDef | ast.ClassDef)
        self.anew = self.imports or self.defines or isinstance(node, ast.Assign)
        self.setting = first and isinstance(node, ast.Expr)
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        self.uses = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        self.makes = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        if self.imports:
            self.makes = {_bound(alias) for alias in node.names}
        elif self.defines:
            self.makes = {node.name}

    def code(self, names):
        """The statement as code, of an import only what is wanted; "" where it was taken before."""
        if not self.imports:
            code = ast.get_source_segment(self.source, self.node) if self.taken is None else ""
            self.taken = names
            return code
        new = names - (self.taken or set())
        self.taken = names | (self.taken or set())
        kept = [alias for alias in self.node.names if _bound(alias) in new]
        return ast.unparse(type(self.node)(**{**vars(self.node), "names": kept})) if kept else ""


def _bound(alias):
    return alias.asname or alias.name.partition(".")[0]
