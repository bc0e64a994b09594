"""What a student handed in, to be looked at: read in the room, and checked before a page shows it."""

import re

import msgspec

from course_rnn.grading.intake.files import Rejected, handed_in
from course_rnn.grading.room.session import Room
from course_rnn.grading.store import Store
from course_rnn.grading.worker.frames import unpack

PICTURE = re.compile(r"(image/(?:png|jpeg));([A-Za-z0-9+/]+={0,2})")


class Cell(msgspec.Struct, forbid_unknown_fields=True):
    """A cell as it is shown.

    Attributes
    ----------
    kind, source, said : str
        Of the cell, its text and that of its outputs.
    pictures : list of str
        As "image/png;BASE64".
    under : list of int
        The numbers of the headings that it stands under.
    """

    kind: str
    source: str
    said: str
    pictures: list[str]
    under: list[int]

    @property
    def addresses(self):
        """The pictures as addresses that hold them; what is none is left out."""
        found = filter(None, map(PICTURE.fullmatch, self.pictures))
        return [f"data:{match[1]};base64,{match[2]}" for match in found]


def cells_of(folder, students, headings=()):
    """By student the cells of what the verdict is about; [] where the file is gone, or cannot be read.

    Parameters
    ----------
    folder : path
        Of the grades.
    students : iterable of str
    headings : list of str
        For `Cell.under`.
    """
    found, decoder = {}, msgspec.json.Decoder(Cell)
    with Store(folder) as store:
        verdicts = {who: each for who, each in store.verdicts().items() if who in students}
        limits, trusted = store.how()
        with Room(limits, trusted=trusted) as room:
            for student, content in handed_in(store, verdicts, limits):
                try:
                    said = room.read(content, "cells", headings=list(headings)) if content else {"cells": None}
                    found[student] = [decoder.decode(line) for line in unpack(said["cells"])] if content else []
                except (Rejected, KeyError, TypeError, ValueError):  # msgspec's errors are ValueErrors
                    found[student] = []
    return found
