"""Reading a stranger's weights, inside the room: arrays of numbers by name, and nothing that would be unpickled."""

import io
import zipfile

import numpy as np

MOST_ARRAYS = 1_000
MIB = 1 << 20


class Refused(Exception):
    """Why a file of weights cannot be used, as a sentence for its student."""


def read(content, most_mb, blank=False):
    """The arrays of a file of `np.savez`.

    Parameters
    ----------
    content : bytes
    most_mb : float
        What they may hold, unpacked.
    blank : bool
        Whether to put zeros in the place of all numbers.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    Refused

    Examples
    --------
    >>> file = io.BytesIO()
    >>> np.savez(file, bias=np.ones(2))
    >>> read(file.getvalue(), 1), read(file.getvalue(), 1, blank=True)
    ({'bias': array([1., 1.])}, {'bias': array([0., 0.])})
    """
    if not content:
        raise Refused("There is no file of weights beside the notebook.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
        if len(entries) > MOST_ARRAYS or sum(entry.file_size for entry in entries) > most_mb * MIB:
            raise Refused(f"The weights are more than the {most_mb:g} MiB, or the {MOST_ARRAYS} arrays, that may be.")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except Refused:
        raise
    except Exception:  # whatever a file can do that is something else; running out of memory as well
        raise Refused("The file of weights is none of np.savez with arrays of numbers.") from None
    if any(array.dtype.kind not in "biufc" for array in found.values()):
        raise Refused("The weights must be arrays of numbers.")
    return {name: np.zeros_like(array) if blank else array for name, array in found.items()}
