"""One submission in its sandbox: what it is, its cells one by one, then the calls for its questions."""

import time
from importlib.util import find_spec

import numpy as np

from course_rnn.grading.intake.files import Rejected
from course_rnn.grading.room.sandbox import Died, NotStarted, Worker
from course_rnn.grading.text import plain
from course_rnn.grading.worker.frames import pack, unpack

ATTEMPTS = 3  # at starting a sandbox
READ_SECONDS = 10  # that reading a notebook may take in the room
MOST_WITHOUT = 10  # missing modules that are named


class TooBusy(OSError):
    """The machine had no time for a step: nothing that a student did."""


class Room:
    """A sandbox that is started when it is asked something, and again after it has come down; use it in a ``with``.

    Parameters
    ----------
    limits : Limits
    torch, by_hand, trusted : bool
        As for `Worker`.

    Attributes
    ----------
    seconds, peak_mb : float
        CPU time and memory of all its sandboxes.
    """

    def __init__(self, limits, *, torch=False, by_hand=False, trusted=False):
        self.limits, self.torch, self.by_hand, self.trusted = limits, torch, by_hand, trusted
        self.seconds, self.peak_mb = 0.0, 0.0
        self._worker = None

    def read(self, content, of, **what) -> dict:
        """What the room reads in the bytes of a notebook; see `worker.reading`.

        Raises
        ------
        Rejected
            It is none, or reading it takes too much.
        """
        request = {"do": "read", "of": of, "content": np.frombuffer(content, np.uint8), **what}
        self._start()
        try:
            reply = self._ask(request, READ_SECONDS, READ_SECONDS * self.limits.patience)
        except Died:
            reply = {"dropped": "it brought the sandbox down", "late": False}
        if reply["late"] is True:
            raise TooBusy(reply["dropped"])
        if "dropped" in reply:
            raise Rejected(f"The notebook cannot be read: {plain(reply['dropped'])}.")
        if "refused" in reply:
            raise Rejected(plain(reply["refused"]))
        return reply

    def _start(self):
        for attempt in range(1, ATTEMPTS + 1):
            if self._worker is not None:
                return
            try:
                self._worker = Worker(self.limits, torch=self.torch, by_hand=self.by_hand, trusted=self.trusted)
            except NotStarted:
                if attempt == ATTEMPTS:
                    raise

    def _ask(self, request, seconds, wall):
        try:
            return self._worker.ask(request, seconds, wall)
        except Died:
            self._close()
            raise

    def _close(self):
        if self._worker is not None:
            self._worker.close()
            self.seconds += self._worker.seconds
            self.peak_mb = max(self.peak_mb, self._worker.peak_mb)
            self._worker = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._close()


class Session(Room):
    """Runs a notebook's cells and calls its functions.

    A step that ends the sandbox, which nothing should be able to, costs that step only: the next is made in a new
    sandbox, where the cells are run again without those that were dropped. Of a cell that was dropped, what it defines
    is kept where that can be.

    Parameters
    ----------
    limits : Limits
    torch, by_hand, trusted : bool
        As for `Worker`.
    alone : bool
        Nothing else is graded at the same time: what the machine has no time for even now, is dropped.

    Attributes
    ----------
    notes : dict
        By the number of a cell, from 1: what stopped it.
    spent : float
        Seconds that the calls for questions have taken so far.
    """

    def __init__(self, limits, *, torch=False, by_hand=False, trusted=False, alone=False):
        super().__init__(limits, torch=torch, by_hand=by_hand, trusted=trusted)
        self.notes, self.alone, self.spent = {}, alone, 0.0
        self._cells, self._ready, self._starts = {}, False, 0
        self._left, self._ends = limits.total_seconds, time.monotonic() + limits.wall_seconds

    def use(self, cells):
        """Take these cells for those of the notebook."""
        self._cells = {number: (source, "all") for number, source in enumerate(cells, start=1)}

    def call(self, name, library, cases, **more) -> dict:
        """Call a function of the notebook with each case; the worker's reply, which nobody has checked yet.

        `more` goes to the worker as it is: the weights of a project.

        Raises
        ------
        Unavailable, NotStarted, TooBusy
        """
        return self._asked({"do": "call", "name": name, "library": library, "cases": cases, **more})

    def effort(self, name, library, arguments, *, counted="", returns=()) -> dict:
        """What a function of the notebook takes for one case, see `checking.effort`; the worker's reply.

        Where nothing is counted, the reply has the gradients of what it returns.

        Raises
        ------
        Unavailable, NotStarted, TooBusy
        """
        request = {"do": "effort", "name": name, "library": library, "arguments": arguments}
        return self._asked(request | {"counted": counted, "returns": list(returns)})

    def _asked(self, request):
        try:
            self._run_cells()
            before = self._left
            reply = self._step(request, self.limits.question_seconds)
            self.spent += before - self._left
            return reply
        except TimeoutError:
            return {"dropped": f"the whole submission took more than {self.limits.total_seconds:g} seconds"}
        except Died:
            return {"dropped": "it brought the sandbox down"}

    def _run_cells(self):
        """Bring a worker to the state after the last cell."""
        while self._worker is None or not self._ready:
            if self._starts > self.limits.restarts:
                raise Died
            self._start()
            self._starts += 1
            self._ready = all([self._run(number) for number in list(self._cells) if self._worker is not None])

    def _run(self, number):
        """Run a cell; False where that brought the sandbox down."""
        source, only = self._cells[number]
        request = {"do": "cell", "source": pack([source]), "number": number, "only": only}
        try:
            reply = self._step(request, self.limits.cell_seconds)
        except Died:
            self._drop(number, "it brought the sandbox down")
            return False
        if "dropped" in reply:
            self._drop(number, reply["dropped"])
            return number not in self._cells or self._run(number)
        if reply.get("stopped"):
            self.notes[number] = f"Code cell {number} stopped: {plain(reply['stopped'])}"
        elif reply.get("without"):
            named = ", ".join(plain(name, 60) for name in reply["without"][:MOST_WITHOUT])
            self.notes[number] = f"Code cell {number} did without {named}, which is not here."
        return True

    def _drop(self, number, why):
        """Leave a cell out the next time but for what it defines, and the time after that the whole of it."""
        source, only = self._cells.pop(number)
        if only == "all":
            self.notes[number] = f"Code cell {number} was left out: {plain(why)}."
            self._cells[number] = source, "definitions"
            self._cells = dict(sorted(self._cells.items()))

    def _step(self, request, seconds):
        """One step within the time that is left for the submission."""
        seconds, wall = min(seconds, self._left), min(seconds * self.limits.patience, self._ends - time.monotonic())
        if seconds <= 0 or (wall <= 0 and self.alone):
            raise TimeoutError
        if wall <= 0:
            raise TooBusy(f"the machine was too busy for it, for {self.limits.wall_seconds:g} seconds")
        began = time.monotonic()
        try:
            reply = self._ask(request, seconds, wall)
        except Died:
            self._left -= min(seconds, time.monotonic() - began)
            raise
        self._left -= reply["spent"]
        if reply["late"] is True and not self.alone:
            raise TooBusy(plain(reply["dropped"]))
        return reply


class Sessions:
    """The sandboxes of one submission: with torch for the questions of torch, and one for all others.

    In that one torch is only where the notebook imports it, and without its derivatives. Use it in a ``with``.

    Parameters
    ----------
    content : bytes
        The notebook.
    limits : Limits
    options
        As for `Session`.

    Attributes
    ----------
    named : dict
        What its metadata name: "assignment" and "student", "" where they do not; and its name "inside" of a zip.

    Raises
    ------
    Rejected, Unavailable, NotStarted, TooBusy
    """

    def __init__(self, content, limits, **options):
        self._limits, self._options = limits, options
        self._first = Session(limits, **options)
        self._open = {False: self._first}  # by whether torch is there for its questions
        self._fresh = []
        try:
            said = self._first.read(content, "notebook")
            self._cells = unpack(said["cells"])
            self.named = {name: plain(said[name]) for name in ("assignment", "student", "inside")}
            self._imports_torch = said["torch"] is True and find_spec("torch") is not None
        except (KeyError, TypeError, ValueError):
            self.__exit__()
            raise Rejected("The notebook cannot be read: what came of it is in disorder.") from None
        except BaseException:
            self.__exit__()
            raise
        self._first.use(self._cells)
        if self._imports_torch:
            self._open.clear()
            self._first.__exit__()

    def of(self, torch):
        """The session for a question."""
        if torch not in self._open:
            by_hand = self._imports_torch and not torch
            session = Session(self._limits, torch=torch or by_hand, by_hand=by_hand, **self._options)
            session.use(self._cells)
            self._open[torch] = session
        return self._open[torch]

    def fresh(self):
        """One more, without torch, in which nothing has been called yet: a project is looked at twice."""
        session = Session(self._limits, **self._options)
        session.use(self._cells)
        self._fresh.append(session)
        return session

    @property
    def notes(self):
        """By the number of a cell, from 1: what stopped it."""
        return {number: note for session in self._open.values() for number, note in session.notes.items()}

    @property
    def seconds(self):
        """CPU time of all of them."""
        return sum(session.seconds for session in self._all)

    @property
    def peak_mb(self):
        """Memory of the largest."""
        return max(session.peak_mb for session in self._all)

    @property
    def _all(self):
        return {self._first, *self._open.values(), *self._fresh}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for session in self._all:
            session.__exit__()
