"""A small helper for box-and-arrow diagrams: what is drawn is also data.

A `Diagram` is a list of nodes and wires in units of half an inch.
Nothing is drawn before `Diagram.fig` is asked for; the canvas then takes the size that its content needs.
matplotlib is imported where something is measured or drawn, so that the module loads without it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from itertools import pairwise
from math import dist, hypot
from numbers import Integral
from typing import TYPE_CHECKING, NamedTuple

from course_rnn.colours import FILL, OUTLINE, ROLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.path import Path

UNIT = 36.0  # points in one unit of length
SIZE, SMALL = 14.0, 12.5  # points: labels of nodes; labels of arrows and remarks
MARGIN, GAP, CORNER, HEAD, HOP = 0.2, 0.12, 0.2, 0.2, 0.12  # units: canvas, label to line, bend, arrowhead, bridge
INK, FAINT = ROLE["neutral"], 0.22  # lines and letters; how strong a part is that the diagram does not speak of
STYLE = {"svg.hashsalt": "course_rnn", "svg.fonttype": "path", "mathtext.fontset": "cm", "path.simplify": False}

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]  # left, low, right, high


@contextmanager
def _house_style():
    """Matplotlib's defaults and ours, whatever the page has set; its settings return afterwards."""
    from matplotlib.style import context

    with context(["default", STYLE]):
        yield


@cache
def measure(text: str, size: float) -> tuple[float, float, float]:
    """Width, height above the baseline and depth below it of a line of text, in units.

    >>> narrow, wide = measure("$h_t$", 14), measure("$h_{t-1}$", 14)
    >>> bool(narrow[0] < wide[0])
    True
    """
    from matplotlib import cbook
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with _house_style():
        font = FontProperties(size=size)
        w, h, d = text_to_path.get_text_width_height_descent(text, font, cbook.is_math_text(text))
    return w / UNIT, (h - d) / UNIT, d / UNIT


class Node(NamedTuple):
    """Something an arrow can leave or reach, around its centre (x, y).

    ``shape`` is "box", "circle" (an operation, a unit), "units" (a layer or vector), "square" (a delay of one step),
    "dot" (a line splits) or "text" (a quantity without an outline).
    """

    name: str
    x: float
    y: float
    w: float
    h: float
    label: str
    role: str
    shape: str

    @property
    def rectangle(self) -> Rectangle:
        return self.x - self.w / 2, self.y - self.h / 2, self.x + self.w / 2, self.y + self.h / 2

    def spans_x(self, x: float) -> bool:
        return abs(x - self.x) < self.w / 2 - 1e-9

    def spans_y(self, y: float) -> bool:
        return abs(y - self.y) < self.h / 2 - 1e-9

    def border(self, point: Point) -> Point:
        """Where a line that comes from ``point`` meets the outline: at a right angle if it can."""
        dx, dy = point[0] - self.x, point[1] - self.y
        a, b = self.w / 2, self.h / 2
        if self.shape == "dot":
            return self.x, self.y
        if self.shape == "circle" and abs(dx) > 1e-9 and abs(dy) > 1e-9:
            r = hypot(dx, dy)
            return self.x + a * dx / r, self.y + a * dy / r
        if self.spans_x(point[0]):
            return point[0], self.y + (b if dy > 0 else -b)
        if self.spans_y(point[1]):
            return self.x + (a if dx > 0 else -a), point[1]
        scale = min(a / abs(dx), b / abs(dy))
        return self.x + scale * dx, self.y + scale * dy


class Edge(NamedTuple):
    """What the diagram says: ``source`` feeds ``target``, through ``label``."""

    source: str
    target: str
    label: str = ""
    role: str = "neutral"
    style: str = "-"


class Wire(NamedTuple):
    """What is drawn: one line through ``points``, with an arrowhead unless it ends in a branch dot."""

    edge: Edge
    points: tuple[Point, ...]
    head: bool


class Label(NamedTuple):
    """Text centred on (x, y), or beside it where ``ha`` is not "center"; ``of`` is the node or wire it belongs to."""

    x: float
    y: float
    text: str
    size: float
    ha: str
    colour: str
    of: object

    @property
    def baseline(self) -> float:
        """Labels in a row share a baseline: formulas by their axis, words by half the height of their letters."""
        return self.y - (0.25 if self.text.startswith("$") else 0.34) * self.size / UNIT

    @property
    def rectangle(self) -> Rectangle:
        w, up, down = measure(self.text, self.size)
        left = self.x - {"left": 0.0, "center": w / 2, "right": w}[self.ha]
        return left, self.baseline - down, left + w, self.baseline + up


class Diagram:
    """Nodes and edges that draw themselves.

    Parameters
    ----------
    alt : str
        What the diagram says, in one to three sentences, for somebody who cannot see it.

    Attributes
    ----------
    nodes : dict[str, Node]
    edges : list[Edge]
        Who feeds whom: branch dots are followed through, so that an edge joins two quantities.
    fig : matplotlib.figure.Figure
        Drawn once, when first asked for; it is not known to pyplot, so nothing needs closing.

    Examples
    --------
    >>> d = Diagram("x feeds h.")
    >>> _ = d.box("x", 0, 0, "$x$", "input"), d.box("h", 0, 2, "$h$", "state")
    >>> d.arrow("x", "h", "$U$")
    >>> d.edges[0][:3], d.svg()[:5]
    (('x', 'h', '$U$'), b'<?xml')
    """

    def __init__(self, alt: str):
        self.alt = alt
        self.nodes: dict[str, Node] = {}
        self.wires: list[Wire] = []
        self.labels: list[Label] = []
        self.panels: list[Rectangle] = []  # light grounds behind some nodes
        self.art: list[Patch] = []  # pictures inside nodes
        self.bright: set[str] | None = None  # the nodes of which the diagram speaks; the others are faint

    # ------------------------------------------------------------------ nodes
    def _node(self, name, x, y, w, h, label, role, shape, size=SIZE):
        if name in self.nodes:
            raise ValueError(f"the diagram already has a node {name!r}")
        node = self.nodes[name] = Node(name, x, y, w, h, label, role, shape)
        if label:
            self.labels.append(Label(x, y, label, size, "center", INK, name))
        return node

    def box(self, name, x, y, label, role="neutral", *, w=None, h=0.9, size=SIZE) -> Node:
        """A rounded box; it grows with its label unless ``w`` is given."""
        w = max(1.2, measure(label, size)[0] + 0.4) if w is None else w
        return self._node(name, x, y, w, h, label, role, "box", size)

    def circle(self, name, x, y, label, role="neutral", *, r=0.32, size=SIZE) -> Node:
        """A circle: an operation, or a unit of a layer."""
        return self._node(name, x, y, 2 * r, 2 * r, label, role, "circle", size)

    def units(self, name, x, y, count, role="neutral", *, pitch=0.6) -> Node:
        """A layer or a vector: a frame with ``count`` units, one over the other."""
        from matplotlib.patches import Circle

        for k in range(count):
            at = (x, y + pitch * ((count - 1) / 2 - k))
            self.art.append(Circle(at, 0.36 * pitch, fc=FILL[role], ec=OUTLINE[role], lw=1.2, zorder=3))
        return self._node(name, x, y, pitch + 0.15, pitch * count + 0.15, "", role, "units")

    def square(self, name, x, y) -> Node:
        """A delay of one time step."""
        return self._node(name, x, y, 0.32, 0.32, "", "neutral", "square")

    def dot(self, name, x, y) -> Node:
        """The point where a line splits."""
        return self._node(name, x, y, 0.0, 0.0, "", "neutral", "dot")

    def name(self, name, x, y, label, *, size=SIZE) -> Node:
        """A quantity without an outline, which arrows may leave and reach."""
        x0, y0, x1, y1 = Label(x, y, label, size, "center", INK, name).rectangle
        w, h = x1 - x0 + 1.5 * GAP, 2 * max(y1 - y, y - y0) + 1.5 * GAP
        return self._node(name, x, y, w, h, label, "neutral", "text", size)

    def text(self, x, y, text, *, size=SMALL, ha="center") -> None:
        """A remark that belongs to no node."""
        self.labels.append(Label(x, y, text, size, ha, INK, None))

    def panel(self, names: Iterable[str], *, pad=0.3) -> None:
        """A light ground behind the nodes ``names``."""
        left, low, right, high = zip(*(self.nodes[n].rectangle for n in names), strict=True)
        self.panels.append((min(left) - pad, min(low) - pad, max(right) + pad, max(high) + pad))

    def highlight(self, names: Iterable[str]) -> None:
        """Show the nodes ``names`` and the arrows between them as they are, and all others faintly."""
        self.bright = set(names)

    def _strength(self, thing) -> float:
        """How strongly a node, a wire, or a label of one of them is drawn."""
        if self.bright is None or thing is None:
            return 1.0
        names = {thing.edge.source, thing.edge.target} if isinstance(thing, Wire) else {thing}
        return 1.0 if names <= self.bright else FAINT

    # ------------------------------------------------------------------ wires
    def arrow(
        self,
        source,
        target,
        label="",
        *,
        route: str | Sequence[Point] = "--",
        role="neutral",
        style="-",
        stretch=None,
        at=0.5,
        side=None,
    ) -> None:
        """An arrow from node to node.

        Parameters
        ----------
        label : str
            Written at the share ``at`` of the longest stretch, or of the one with the number ``stretch``; ``side`` says
            where beside it, one of "nesw".
        route : str or list of points
            "--" straight; "-|" across, then up or down; "|-" the other way; or the corners themselves.
        style : str
            "-", "--" or ":".
        """
        a, b = self.nodes[source], self.nodes[target]
        corners = self._corners(a, b, route)
        points = (a.border(corners[0]), *corners[1:-1], b.border(corners[-1]))
        wire = Wire(Edge(source, target, label, role, style), _without_repeats(points), b.shape != "dot")
        self.wires.append(wire)
        if label:
            self._beside(wire, stretch, at, side)

    def path(self, names: str, **looks) -> None:
        """Straight arrows along a line of nodes, whose names are parted by spaces."""
        for source, target in pairwise(names.split()):
            self.arrow(source, target, **looks)

    def bus(self, source, targets: Sequence[str], y, label="", *, shift=0.0, **looks) -> None:
        """One line from ``source`` at the height y, with a branch to each target; it ends at the last."""
        before = self.nodes[source]
        for target in targets:
            x = self.nodes[target].x + shift
            turn = [(before.x, y), (x, y)]
            if target == targets[-1]:
                self.arrow(before.name, target, label, route=turn, stretch=-1, **looks)
            else:
                dot = self.dot(f"{source}_to_{target}", x, y)
                self.arrow(before.name, dot.name, route=turn[:1] if before.y != y else "--", **looks)
                self.arrow(dot.name, target, label, **looks)
                before = dot

    def loop(self, name, label="", *, above=False, **looks) -> None:
        """An arrow from a node back to itself, on its right or above it: it feeds itself, one step later."""
        n = self.nodes[name]
        if above:
            y = n.y + n.h / 2 + 0.75
            self.arrow(name, name, label, route=[(n.x + n.w / 4, y), (n.x - n.w / 4, y)], **looks)
        else:
            x = n.x + n.w / 2 + 0.75
            self.arrow(name, name, label, route=[(x, n.y + n.h / 4), (x, n.y - n.h / 4)], stretch=1, **looks)

    @staticmethod
    def _corners(a: Node, b: Node, route):
        """The corners of a route, with one point ahead of either end to aim at."""
        if route != "--":
            via = {"-|": [(b.x, a.y)], "|-": [(a.x, b.y)]}[route] if isinstance(route, str) else list(route)
            return [via[0], *via, via[-1]]
        if b.spans_x(a.x):
            return [(a.x, b.y), (a.x, a.y)]
        if a.spans_x(b.x):
            return [(b.x, b.y), (b.x, a.y)]
        if b.spans_y(a.y):
            return [(b.x, a.y), (a.x, a.y)]
        if a.spans_y(b.y):
            return [(b.x, b.y), (a.x, b.y)]
        return [(b.x, b.y), (a.x, a.y)]

    def _beside(self, wire: Wire, stretch, at, side):
        stretches = list(pairwise(wire.points))
        (px, py), (qx, qy) = max(stretches, key=lambda ends: dist(*ends)) if stretch is None else stretches[stretch]
        if side is None:
            side = "e" if abs(px - qx) < abs(py - qy) else "n"
        x, y = px + at * (qx - px), py + at * (qy - py)
        dx, ha = {"e": (GAP, "left"), "w": (-GAP, "right")}.get(side, (0, "center"))
        label = Label(x + dx, y, wire.edge.label, SMALL, ha, OUTLINE[wire.edge.role], wire)
        lift = {"n": y + GAP - label.rectangle[1], "s": y - GAP - label.rectangle[3]}.get(side, 0)
        self.labels.append(label._replace(y=y + lift))

    @property
    def edges(self) -> list[Edge]:
        """Who feeds whom, with branch dots followed through."""

        def ends(edge):
            if self.nodes[edge.target].shape != "dot":
                return [edge]
            onward = (w.edge for w in self.wires if w.edge.source == edge.target)
            return [
                e._replace(source=edge.source, label=edge.label or e.label) for further in onward for e in ends(further)
            ]

        return [e for w in self.wires if self.nodes[w.edge.source].shape != "dot" for e in ends(w.edge)]

    # ---------------------------------------------------------------- drawing
    @cached_property
    def fig(self) -> Figure:
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        boxes = [thing.rectangle for thing in (*self.nodes.values(), *self.labels)] + self.panels
        boxes += [(x, y, x, y) for w in self.wires for x, y in w.points]
        x0, y0 = min(b[0] for b in boxes) - MARGIN, min(b[1] for b in boxes) - MARGIN
        x1, y1 = max(b[2] for b in boxes) + MARGIN, max(b[3] for b in boxes) + MARGIN
        with _house_style():
            fig = Figure(figsize=((x1 - x0) * UNIT / 72, (y1 - y0) * UNIT / 72), facecolor="none")
            self.to_fig = Affine2D().translate(-x0, -y0).scale(UNIT / 72) + fig.dpi_scale_trans
            for artist in self._artists():
                artist.set_transform(self.to_fig)
                fig.add_artist(artist)
        return fig

    def _artists(self):
        from matplotlib.patches import Circle, PathPatch, Polygon
        from matplotlib.text import Text

        for panel in self.panels:
            yield _rounded(panel, 0.3, fc="#f3f5f7", ec="#a3adb6", lw=1.0, zorder=0)
        for i, wire in enumerate(self.wires):
            colour = ROLE[wire.edge.role]
            line, tip = _line(wire, self._bridges(i))
            alpha = self._strength(wire)
            dashes = {"-": "solid", "--": (0, (4, 2.2)), ":": (0, (1.2, 1.8))}[wire.edge.style]
            looks = {"lw": 1.4, "ls": dashes, "capstyle": "butt", "joinstyle": "round", "alpha": alpha, "zorder": 1}
            yield PathPatch(line, fc="none", ec=colour, **looks)
            if wire.head:
                yield Polygon(tip, closed=True, fc=colour, ec="none", alpha=alpha, zorder=1)
        for n in self.nodes.values():
            ink = dict(fc=FILL[n.role], ec=OUTLINE[n.role], lw=1.4, alpha=self._strength(n.name), zorder=2)
            if n.shape == "box":
                yield _rounded(n.rectangle, 0.18, **ink)
            elif n.shape == "units":
                yield _rounded(n.rectangle, 0.3, **ink | {"fc": "white"})
            elif n.shape == "square":
                yield _rounded(n.rectangle, 0.04, **ink | {"fc": INK})
            elif n.shape == "circle":
                yield Circle((n.x, n.y), n.w / 2, **ink)
            elif n.shape == "dot":
                yield Circle((n.x, n.y), 0.075, fc=INK, ec="none", alpha=ink["alpha"], zorder=2)
        yield from self.art
        for label in self.labels:
            yield Text(
                label.x,
                label.baseline,
                label.text,
                color=label.colour,
                fontsize=label.size,
                ha=label.ha,
                va="baseline",
                alpha=self._strength(label.of),
                zorder=4,
            )

    def _bridges(self, i: int) -> list[Point]:
        """Where a level stretch of wire ``i`` crosses an upright stretch of another wire."""
        level = [(p, q) for p, q in pairwise(self.wires[i].points) if p[1] == q[1]]
        return [
            (x, p[1])
            for j, other in enumerate(self.wires)
            if j != i
            for (x, y), (x_, y_) in pairwise(other.points)
            for p, q in level
            if x == x_ and min(p[0], q[0]) < x < max(p[0], q[0]) and min(y, y_) < p[1] < max(y, y_)
        ]

    def svg(self) -> bytes:
        """The figure as SVG; the same diagram gives the same bytes."""
        out = io.BytesIO()
        with _house_style():
            self.fig.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Title": self.alt})
        return out.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg().decode()

    def __repr__(self) -> str:
        return f"Diagram: {self.alt}"


def _rounded(rectangle: Rectangle, radius, **ink):
    from matplotlib.patches import FancyBboxPatch

    x0, y0, x1, y1 = rectangle
    style = f"round,pad=0,rounding_size={radius}"
    return FancyBboxPatch((x0, y0), x1 - x0, y1 - y0, boxstyle=style, **ink)


def _without_repeats(points: Sequence[Point]) -> tuple[Point, ...]:
    """Drop a corner that lies on the one before it or on the line between its neighbours."""
    kept = [points[0]]
    for i, p in enumerate(points[1:], 1):
        last = kept[-1]
        if dist(p, last) < 1e-9:
            continue
        if i + 1 < len(points):
            n = points[i + 1]
            if abs((p[0] - last[0]) * (n[1] - p[1]) - (p[1] - last[1]) * (n[0] - p[0])) < 1e-9:
                continue
        kept.append(p)
    return tuple(kept)


def _towards(p: Point, q: Point, length: float) -> Point:
    d = dist(p, q)
    return p[0] + length * (q[0] - p[0]) / d, p[1] + length * (q[1] - p[1]) / d


def _line(wire: Wire, bridges: Sequence[Point]) -> tuple[Path, list[Point]]:
    """The path of a wire, with round bends and a small arch over each bridge, and the triangle of its head."""
    from matplotlib.path import Path

    points = list(wire.points)
    tip = points[-1]
    if wire.head:
        points[-1] = _towards(tip, points[-2], HEAD * 0.8)
    verts, codes = [points[0]], [Path.MOVETO]
    for i, corner in enumerate(points[1:], 1):
        before = points[i - 1]
        crossed = [b for b in bridges if b[1] == before[1] == corner[1]]
        crossed = [b for b in crossed if min(before[0], corner[0]) < b[0] < max(before[0], corner[0])]
        for x, y in sorted(crossed, key=lambda b: abs(b[0] - before[0])):
            s = HOP if corner[0] > before[0] else -HOP
            verts += [(x - s, y), (x - s, y + 1.33 * HOP), (x + s, y + 1.33 * HOP), (x + s, y)]
            codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        if i + 1 == len(points):
            verts.append(corner)
            codes.append(Path.LINETO)
        else:
            after = points[i + 1]
            r = min(CORNER, dist(before, corner) / 2, dist(corner, after) / 2)
            verts += [_towards(corner, before, r), corner, _towards(corner, after, r)]
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    back = _towards(tip, wire.points[-2], HEAD)
    ux, uy = (tip[0] - back[0]) / HEAD * 0.085, (tip[1] - back[1]) / HEAD * 0.085
    return Path(verts, codes), [tip, (back[0] - uy, back[1] + ux), (back[0] + uy, back[1] - ux)]


def at_least(smallest: int, **sizes: int) -> None:
    """Refuse a size that cannot be drawn, in one sentence.

    >>> at_least(1, steps=0)
    Traceback (most recent call last):
    ...
    ValueError: steps must be at least 1, got 0
    """
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise TypeError(f"{name} must be a whole number, got {size!r}")
        if size < smallest:
            raise ValueError(f"{name} must be at least {smallest}, got {size}")


def sym(base: str, below="", above="") -> str:
    """A symbol with its indices, as mathematics.

    >>> sym("h", 10, "(2)")
    '$h_{10}^{(2)}$'
    """
    return f"${base}{f'_{{{below}}}' if below != '' else ''}{f'^{{{above}}}' if above else ''}$"


def count(number: int, noun: str) -> str:
    """The number and its noun, for alt texts.

    >>> count(1, "step"), count(3, "copy"), count(2, "class")
    ('1 step', '3 copies', '2 classes')
    """
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else plural}"
