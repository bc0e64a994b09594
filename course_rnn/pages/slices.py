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
    wanted, chosen = wanted - made - vars(builtins).keys(), []
    for statement in reversed(above):
        names = (statement.makes & wanted) - statement.taken
        if names or (statement.setting and statement.uses <= wanted and not statement.taken):
            chosen.append(statement.code(names))
            statement.taken |= names if statement.imports else {*statement.makes, "taken"}
            wanted |= statement.uses - made - vars(builtins).keys()
        if statement.anew:
            wanted -= statement.makes - statement.uses
    return "\n".join(reversed(chosen))


class Statement:
    """A statement at the top of a cell.

    Attributes
    ----------
    makes, uses : set of str
        The names that it gives a value, and those that it reads or calls.
    anew : bool
        Whether what its names meant before no longer counts.
    setting : bool
        Whether it is a call in the first cell, such as ``np.set_printoptions(...)``.
    taken : set of str
        Its names for which it stands in a slice already.
    """

    def __init__(self, node, source, first):
        self.node, self.source, self.taken = node, source, set()
        self.imports = isinstance(node, ast.Import | ast.ImportFrom)
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        defines = isinstance(node, ast.FunctionDef | ast.ClassDef)
        self.anew = self.imports or defines or isinstance(node, ast.Assign)
        self.setting = first and isinstance(node, ast.Expr)
        self.uses = {name.id for name in names if isinstance(name.ctx, ast.Load)}
        self.makes = {name.id for name in names if isinstance(name.ctx, ast.Store) and not defines}
        if self.imports:
            self.makes = {_bound(alias) for alias in node.names}
        elif defines:
            self.makes = {node.name}

    def code(self, names):
        """The statement as code; of an import only what is wanted."""
        if not self.imports:
            return ast.get_source_segment(self.source, self.node)
        kept = [alias for alias in self.node.names if _bound(alias) in names]
        return ast.unparse(type(self.node)(**{**vars(self.node), "names": kept}))


def _bound(alias):
    return alias.asname or alias.name.partition(".")[0]
