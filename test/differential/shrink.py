"""Finds a short subsequence that still shows a difference (delta debugging)."""
import time


class Shrinker:
    """`differs(operations)` runs them in a new folder; returns the kind of difference, or None."""

    def __init__(self, differs, kind, seconds):
        self._differs, self._kind = differs, kind
        self._deadline = time.monotonic() + seconds
        self.trials = 0

    def shrink(self, operations):
        """`operations` end with the one that showed the difference. Returns them unchanged if no
        shorter sequence shows it, or if it cannot be reproduced."""
        operations = self._end_of(operations)
        pieces = 2
        while len(operations) > 1 and not self._late():
            size = -(-len(operations) // pieces)
            fewer = self._without_one(operations, size)
            if fewer:
                operations, pieces = fewer, max(pieces - 1, 2)
            elif size == 1:
                break
            else:
                pieces = min(pieces * 2, len(operations))
        return operations

    def _end_of(self, operations):
        size = 4
        while size < len(operations) and not self._late():
            if self._shows(operations[-size:]):
                return operations[-size:]
            size *= 4
        return operations

    def _without_one(self, operations, size):
        """Removes one unneeded piece, the last first, because causes are mostly near the end."""
        for start in range((len(operations) - 2) // size * size, -1, -size):
            rest = operations[:start] + operations[min(start + size, len(operations) - 1):]
            if self._late():
                return None
            if len(rest) < len(operations) and self._shows(rest):
                return rest
        return None

    def _shows(self, operations):
        self.trials += 1
        return self._differs(operations) == self._kind

    def _late(self):
        return time.monotonic() > self._deadline
