"""One submission in its sandbox: its cells one by one, then the calls for its questions, whatever happens."""

import time

from course_rnn.grading.notebook import plain
from course_rnn.grading.room.sandbox import Died, NotStarted, Worker

ATTEMPTS = 3  # at starting a sandbox


class Session:
    """Runs a notebook's cells and calls its functions; use it in a ``with``.

    A step that ends the sandbox, which nothing should be able to, costs that step only: the next is made in a new
    sandbox, where the cells are run again without those that were dropped.

    Parameters
    ----------
    cells : list of str
    limits : Limits
    torch, trusted : bool
        As for `Worker`.

    Attributes
    ----------
    notes : dict
        By the number of a cell, from 1: what stopped it.
    seconds, peak_mb : float
        CPU time and memory of all its sandboxes.
    """

    def __init__(self, cells, limits, *, torch=False, trusted=False):
        self.cells = dict(enumerate(cells, start=1))
        self.limits, self.torch, self.trusted = limits, torch, trusted
        self.notes, self.seconds, self.peak_mb = {}, 0.0, 0.0
        self._worker, self._ends, self._starts = None, time.monotonic() + limits.total_seconds, 0

    def call(self, name, library, cases) -> dict:
        """Call a function of the notebook with each case; the worker's reply, which nobody has checked yet.

        Raises
        ------
        Unavailable, NotStarted
        """
        request = {"do": "call", "name": name, "library": library, "cases": cases}
        try:
            self._run_cells()
            return self._ask(request, self.limits.question_seconds)
        except TimeoutError:
            return {"dropped": f"the whole submission took more than {self.limits.total_seconds:g} seconds"}
        except Died:
            return {"dropped": "it brought the sandbox down"}

    def _run_cells(self):
        """Bring a worker to the state after the last cell."""
        while self._worker is None:
            if self._starts > self.limits.restarts:
                raise Died
            self._start()
            for number, source in list(self.cells.items()):
                try:
                    reply = self._ask({"do": "cell", "source": source, "number": number}, self.limits.cell_seconds)
                except Died:
                    self._drop(number, "it brought the sandbox down")
                    break
                if "dropped" in reply:
                    self._drop(number, reply["dropped"])
                elif reply.get("stopped"):
                    self.notes[number] = f"Code cell {number} stopped: {plain(reply['stopped'])}"

    def _start(self):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._worker = Worker(self.limits, torch=self.torch, trusted=self.trusted)
                self._starts += 1
                return
            except NotStarted:
                if attempt == ATTEMPTS:
                    raise

    def _drop(self, number, why):
        self.notes[number] = f"Code cell {number} was left out: {plain(why)}."
        del self.cells[number]

    def _ask(self, request, seconds):
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return self._worker.ask(request, min(seconds, left))
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
