"""One colour for each role, the same on every page, in diagrams and in plots.

A role keeps its colour as a line, as a light fill (`FILL`) and as a dark outline (`OUTLINE`).
The hues start from Okabe and Ito (2008) and were moved apart by a search, so that on white and behind the dark mode's
``invert(0.93) hue-rotate(180deg)`` each line has a contrast of 3 or more with its ground, and any two roles stay apart
for readers with full colour vision, protanopia, deuteranopia and tritanopia.
"""

ROLE = {
    "input": "#1c6adf",  # x: what comes from outside
    "state": "#c3851d",  # h, c: what is remembered
    "output": "#1b5f3f",  # o, y: what the model says
    "gate": "#8c358b",  # i, f, o, r, z: what lets through
    "gradient": "#e0524a",  # losses, and what flows back from them (dashed)
    "context": "#3d99a1",  # what an encoder hands to a decoder
    "neutral": "#242d36",  # operations, arrows, targets
}
ROLE["feedback"] = ROLE["gradient"]  # red is what runs back: also an output that is fed to the next step (solid)


def blend(colour: str, other: str, share: float) -> str:
    """Mix ``share`` of ``other`` into ``colour``; both are "#rrggbb".

    >>> blend("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * a + share * b):02x}" for a, b in pairs)


FILL = {role: blend(colour, "#ffffff", 0.76) for role, colour in ROLE.items()} | {"neutral": "#ffffff"}
OUTLINE = {role: blend(colour, ROLE["neutral"], 0.35) for role, colour in ROLE.items()}
