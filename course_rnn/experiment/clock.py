"""A budget of CPU seconds: what all models of an experiment may spend alike."""

import time


class Clock:
    """Counts the CPU seconds of this process against a budget.

    CPU seconds are the same, nearly, on a busy machine and on an idle one; seconds on the wall are not. They count what
    a training costs as a whole: updates, looks at the validation part, and whatever a baseline computes.

    Parameters
    ----------
    budget : float
        CPU seconds; infinite for what takes the time that it takes.
    now : function
        What tells the time.

    Attributes
    ----------
    updates : int
        How many times `ticks` has given the word.

    Examples
    --------
    >>> time = iter(range(10))
    >>> clock = Clock(3, now=lambda: next(time))
    >>> [round(share, 2) for share in clock.ticks()], clock.updates
    ([0.33, 0.67], 2)
    """

    def __init__(self, budget=float("inf"), now=time.process_time):
        self.budget, self._now, self._begin, self.updates = budget, now, now(), 0

    def used(self):
        """CPU seconds since the clock was made."""
        return self._now() - self._begin

    def ticks(self):
        """Yield the share of the budget that is spent, for one update after the other, until nothing is left.

        One update there is always.
        """
        while (share := self.used() / self.budget) < 1 or not self.updates:
            self.updates += 1
            yield min(share, 1.0)
