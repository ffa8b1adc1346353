"""The numbers that a relay counts, as one JSON object."""
import collections
import time

DURATIONS_MAX = 200_000


class Counters:
    def __init__(self):
        self.now = 0
        self.reset()

    def reset(self):
        self.requests = collections.Counter()
        self.status = collections.Counter()
        self.faults = collections.Counter()
        self.get_sizes = collections.Counter()
        self.largest_get = 0
        self.to_store = self.from_store = self.connections = 0
        self.most = self.now
        self.durations = {}

    def begin(self, verb):
        self.requests[verb] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        return time.monotonic()

    def end(self, verb, began):
        self.now -= 1
        durations = self.durations.setdefault(verb, [])
        if len(durations) < DURATIONS_MAX:
            durations.append(time.monotonic() - began)

    def answered(self, request, status, size):
        self.status[str(status)] += 1
        if request.verb == "get" and size is not None and status in (200, 206):
            self.get_sizes[str(1 << max(size - 1, 0).bit_length())] += 1
            self.largest_get = max(self.largest_get, size)

    def as_json(self):
        return {
            "requests": {**self.requests, "all": self.requests.total()},
            "status": dict(self.status),
            "faults": dict(self.faults),
            "bytes": {"to_store": self.to_store, "from_store": self.from_store},
            "connections": self.connections,
            "in_flight": {"now": self.now, "most": self.most},
            "get_sizes": dict(self.get_sizes),
            "largest_get": self.largest_get,
            "seconds": {verb: percentiles(values) for verb, values in self.durations.items()},
        }


def percentiles(values):
    ordered = sorted(values)
    return {f"p{percent}": round(ordered[min(len(ordered) * percent // 100, len(ordered) - 1)], 6)
            for percent in (50, 99)}
