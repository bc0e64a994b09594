"""The verdicts of a folder of grades, for tests that make or look at them."""

import hashlib

from course_rnn.grading.store import FILE, Store


def keep(folder, found, settings=None, paths=None):
    """Make a folder of grades with these verdicts and no others; what is not given stays as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    with Store(folder, new=True) as store:
        settings, paths = settings or store.settings(), paths or store.paths()
    (folder / FILE).unlink()
    with Store(folder, new=True) as store:
        store.set(settings)
        for verdict in found.values() if isinstance(found, dict) else found:
            store.keep(verdict, paths.get(verdict.student) or "")


def kept(folder):
    """The verdicts of a folder by student."""
    with Store(folder) as store:
        return store.verdicts()


def sha256(path):
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
