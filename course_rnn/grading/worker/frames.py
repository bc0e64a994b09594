"""Frames between the grader and its worker: a header in JSON, then the bytes of the arrays. Nothing is unpickled.

Both sides use this file, so it imports nothing of the course. `decode` and `receive` trust nobody: what they are given
was written by a stranger, and all that it can cause is a `ValueError`.
"""

import json
import math
import os
import select
import struct
import time
from itertools import pairwise

import numpy as np

LENGTH = struct.Struct("<I")  # stands before the frame, and before the header in it
HEADER = 1 << 20  # the longest header
#: The arrays that may pass: numbers, and nothing that points anywhere.
DTYPES = {name: np.dtype(name) for name in (np.dtype(code).str for code in "?bhilqBHILQefdgFDG")}


class Closed(Exception):
    """The other side is gone."""


def encode(value) -> bytes:
    """A frame of plain values: dicts, lists, strings, numbers, None and arrays of numbers.

    Examples
    --------
    >>> decode(encode({"x": np.arange(3), "note": "three"})[LENGTH.size :])
    {'x': array([0, 1, 2]), 'note': 'three'}
    """
    body = []

    def entry(item):  # what JSON does not know: {"": [dtype, shape]}, and no shape for a scalar
        if not isinstance(item, (np.ndarray, np.generic)) or item.dtype.kind not in "biufc":
            raise TypeError(f"{type(item).__name__} cannot be sent: only plain values and arrays of numbers can.")
        array = np.asarray(item, dtype=item.dtype.newbyteorder("="))
        body.append(array.tobytes())
        return {"": [array.dtype.str, list(array.shape) if isinstance(item, np.ndarray) else None]}

    header = json.dumps(value, default=entry).encode()
    payload = b"".join([LENGTH.pack(len(header)), header, *body])
    return LENGTH.pack(len(payload)) + payload


def decode(payload):
    """The values of a frame without its length, as `receive` returns it.

    Raises
    ------
    ValueError
        It is no frame.
    """
    try:
        header = LENGTH.size + LENGTH.unpack_from(payload)[0]
        if header > HEADER:
            raise ValueError("the header is too long")
        body, at = memoryview(payload)[header:], 0

        def values(entry):
            nonlocal at
            if "" not in entry:
                return entry
            code, shape = entry[""]
            scalar, shape = shape is None, shape or []
            if min(shape, default=0) < 0:
                raise ValueError("a negative size")
            dtype = DTYPES[code]
            array = np.ndarray(shape, dtype, body, at).copy()  # checks the shape, and that the bytes are there
            at += math.prod(shape) * dtype.itemsize
            return array[()] if scalar else array

        return json.loads(payload[LENGTH.size : header], object_hook=values)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, MemoryError, struct.error) as error:
        raise ValueError(f"not a frame: {type(error).__name__}: {error}"[:200]) from None


def pack(texts):
    """Texts of any length and with any character, as arrays, since a frame's header is short.

    Examples
    --------
    >>> unpack(pack(["a", "é"]))
    ['a', 'é']
    """
    coded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return {"lengths": np.array([len(each) for each in coded], "i8"), "text": np.frombuffer(b"".join(coded), "u1")}


def unpack(packed) -> list:
    """The texts that were packed.

    Raises
    ------
    ValueError
        It is nothing that `pack` makes.
    """
    try:
        lengths, text = packed["lengths"], packed["text"]
        if (lengths.dtype, text.dtype, lengths.ndim, text.ndim) != ("i8", "u1", 1, 1) or min(lengths, default=0) < 0:
            raise ValueError("other arrays")
        if sum(map(int, lengths)) != len(text):
            raise ValueError("other lengths")
        coded, ends = text.tobytes(), [0, *map(int, lengths.cumsum())]
        return [coded[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not packed texts: {type(error).__name__}: {error}"[:200]) from None


def send(fd, frame, deadline=math.inf):
    """Write a frame to a descriptor that does not block.

    Raises
    ------
    TimeoutError
        The deadline, in seconds of `time.monotonic`, has passed.
    Closed
    """
    left = memoryview(frame)
    while left:
        _wait(fd, select.POLLOUT, deadline)
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:  # another process wrote first
            continue
        except OSError:
            raise Closed from None


def receive(fd, most=math.inf, deadline=math.inf, watch=None):
    """Read one frame of `most` bytes and return it without its length.

    Parameters
    ----------
    fd : int
    most : int
    deadline : float
        In seconds of `time.monotonic`.
    watch : callable
        Called again and again while it waits, at least every 20 ms; what it raises comes out.

    Raises
    ------
    ValueError
        It is longer.
    TimeoutError
    Closed
    """
    (length,) = LENGTH.unpack(_read(fd, LENGTH.size, deadline, watch))
    if length > most:
        raise ValueError(f"a frame of {length} bytes")
    return _read(fd, length, deadline, watch)


def _read(fd, count, deadline, watch):
    data = bytearray()
    while len(data) < count:
        _wait(fd, select.POLLIN, deadline, watch)
        try:
            piece = os.read(fd, min(count - len(data), 1 << 20))
        except BlockingIOError:
            continue
        except OSError:
            piece = b""
        if not piece:
            raise Closed
        data += piece
    return bytes(data)


def _wait(fd, event, deadline, watch=None):
    """Until a descriptor is ready."""
    poll = select.poll()
    poll.register(fd, event)
    while True:
        if watch:
            watch()
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if poll.poll(1000 * min(left, 0.02 if watch else 3600)):
            return
