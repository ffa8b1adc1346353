"""The settings of a relay, and the answers that it invents."""
import datetime
import email.utils
import random
import re
import time
import urllib.parse

from s3client import authorization

UNITS = {"": 1, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MUTATING = {"put", "post", "delete", "post-delete"}

# The faults that strike single requests, and the verbs that they strike unless told otherwise.
FAULTS = {
    "errors": None, "unavailable": None, "slowdown": None, "expired": None, "redirect": None,
    "html": None, "stall": None, "reset": None, "cutUpload": MUTATING, "lost": MUTATING,
    "stallBody": None, "cut": None, "truncate": {"get"}, "alter": {"get"}, "excess": {"get"},
    "wrongRange": {"get"},
}
TIMES = {"latency", "burst", "retryAfter", "hide", "skew", "stallTime", "outageTime"}
NUMBERS = {"rate", "bandwidth", "throttleStatus", "redirectStatus"}
TEXTS = {"match", "redirectTo", "redirectRegion", "outage", "sign", "tokens", "seed"}


class Fault:
    """VALUE[:VERB,…]: a probability, or Nx for the next N requests."""

    def __init__(self, text, verbs):
        value, _, wanted = text.partition(":")
        self.verbs = set(wanted.split(",")) if wanted else verbs
        self.left = int(value[:-1]) if value.endswith("x") else None
        self.probability = 0 if value.endswith("x") else float(value)
        if not 0 <= self.probability <= 1:
            raise ValueError(f"{value} is not a probability")

    def strikes(self, verb, chance):
        if self.verbs and verb not in self.verbs:
            return False
        if self.left is not None:
            self.left -= 1
            return self.left >= 0
        return chance < self.probability


def seconds(text):
    number, unit = re.fullmatch(r"(-?[\d.]+)(ms|s|m|h|)", text).groups()
    return float(number) * UNITS[unit]


def number(text):
    digits, unit = re.fullmatch(r"([\d.]+)([KMG]?)", text).groups()
    return float(digits) * SIZES[unit]


class Faults:
    def __init__(self, counters):
        self.counters = counters
        self.seen = {}  # how often each request came, which makes chances independent of order
        self.hidden = {}  # path -> until when it is answered with 404
        self.tokens_left, self.tokens_at = 0.0, 0.0
        self.burst_until = 0.0
        self.settings = {}
        self.texts = {}

    def get(self, name, default=0):
        return self.settings.get(name, default)

    def set(self, name, text):
        """Raises ValueError for a wrong name or value."""
        kind = name.partition(".")[0]
        try:
            if name in FAULTS:
                self.settings[name] = Fault(text, FAULTS[name])
            elif kind in TIMES and (name == kind or kind == "latency"):
                self.settings[name] = seconds(text)
            elif name in NUMBERS:
                self.settings[name] = number(text)
            elif name in TEXTS:
                self.settings[name] = text
            else:
                raise ValueError("unknown")
        except (AttributeError, ValueError) as error:
            raise ValueError(f"{name}={text}: {error}") from error
        self.texts[name] = text
        self.tokens_left = 0.0

    def clear(self):
        self.settings.clear()
        self.texts.clear()
        self.hidden.clear()
        self.seen.clear()
        self.burst_until = 0.0

    def chances(self, request):
        """Returns the random numbers of one request; the same in each run with the same seed."""
        key = (request.method, request.target)
        self.seen[key] = self.seen.get(key, 0) + 1
        return random.Random(f"{self.get('seed', 1)} {key} {self.seen[key]}")

    def strikes(self, name, request, chances):
        chance = chances.random()
        fault = self.get(name, None)
        if not fault or self.get("match", "") not in urllib.parse.unquote(request.target):
            return False
        if not fault.strikes(request.verb, chance):
            return False
        self.counters.faults[name] += 1
        return True

    def latency(self, verb):
        return self.get(f"latency.{verb}", self.get("latency"))

    def is_over_rate(self):
        rate = self.get("rate")
        if not rate:
            return False
        now = time.monotonic()
        most = max(1.0, rate / 4)
        self.tokens_left = min(most, self.tokens_left + (now - self.tokens_at) * rate)
        self.tokens_at = now
        if self.tokens_left >= 1:
            self.tokens_left -= 1
            return False
        self.counters.faults["rate"] += 1
        return True

    def invented(self, request, chances):
        """Returns an answer that the store did not give, as (status, code, headers, body); None."""
        now = time.monotonic()
        if now < self.burst_until:
            self.counters.faults["burst"] += 1
            return 503, "ServiceUnavailable", {}
        if self.is_over_rate() or self.strikes("slowdown", request, chances):
            wait = self.get("retryAfter")
            return (int(self.get("throttleStatus", 503)), "SlowDown",
                    {"Retry-After": f"{wait:.0f}"} if wait else {})
        for name, status, code in (("errors", 500, "InternalError"),
                                   ("unavailable", 503, "ServiceUnavailable"),
                                   ("expired", 403, "ExpiredToken")):
            if self.strikes(name, request, chances):
                if name != "expired":
                    self.burst_until = now + self.get("burst")
                return status, code, {}
        if self.strikes("redirect", request, chances):
            return self.redirection(request)
        if self.strikes("html", request, chances):
            return 200, "", {"Content-Type": "text/html"}
        if self.is_skewed(request):
            self.counters.faults["skew"] += 1
            return 403, "RequestTimeTooSkewed", {}
        if self.has_expired(request):
            self.counters.faults["tokens"] += 1
            return 403, "ExpiredToken", {}
        if request.verb in ("get", "head") and self.hidden.get(request.path, 0) > now:
            self.counters.faults["hide"] += 1
            return 404, "NoSuchKey", {}
        return None

    def redirection(self, request):
        status = int(self.get("redirectStatus", 307))
        region = self.get("redirectRegion", "")
        headers = {"x-amz-bucket-region": region} if region else {}
        if self.get("redirectTo", ""):
            headers["Location"] = self.get("redirectTo") + request.target
        return status, "PermanentRedirect" if status == 301 else "TemporaryRedirect", headers

    def clock(self):
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.get("skew"))

    def is_skewed(self, request):
        """Whether the request's date is more than 15 minutes away from the clock of the store."""
        if not self.get("skew") or "x-amz-date" not in request.headers:
            return False
        signed = datetime.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        return abs((signed - self.clock()).total_seconds()) > 900

    def has_expired(self, request):
        """Tokens of the identity server end with the time of their expiry."""
        if self.get("tokens", "") != "on":
            return False
        token = request.headers.get("x-amz-security-token") or request.headers.get(
            "authorization", "").partition("Bearer ")[2]
        expiry = token.rpartition(".")[2]
        return not expiry.isdigit() or time.time() >= int(expiry)

    def stored(self, request):
        """A PUT succeeded."""
        if self.get("hide"):
            self.hidden[request.path] = time.monotonic() + self.get("hide")

    def sign_again(self, request):
        """Signs with the key of `sign`, for requests whose signature the store cannot verify."""
        access, _, secret = self.get("sign", "").partition(":")
        if not access:
            return
        for name in ("Authorization", "x-amz-security-token", "x-amz-date", "x-goog-date"):
            request.set(name, None)
        request.set("x-amz-date", datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ"))
        if "x-amz-content-sha256" not in request.headers:
            request.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if request.headers.get("x-goog-if-generation-match") == "0":
            request.set("If-None-Match", "*")
        signed = {name: value for name, value in request.headers.items()
                  if name == "host" or name.startswith("x-amz-")}
        request.set("Authorization", authorization(
            request.method, request.path, list(request.query.items()), signed,
            signed["x-amz-content-sha256"], access, secret, "us-east-1"))

    def answer(self, request, status, code, headers):
        """Returns the bytes of an invented answer without `Connection`."""
        region = headers.get("x-amz-bucket-region", "")
        body = (f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}'
                f"</Message><Region>{region}</Region><ServerTime>{self.clock():%Y-%m-%dT%H:%M:%SZ}"
                "</ServerTime><RequestId>relay</RequestId></Error>")
        if not code:
            body = "<!DOCTYPE html><html><body>Welcome to this web server</body></html>"
        headers = {"Date": email.utils.format_datetime(self.clock(), usegmt=True),
                   "Content-Type": "application/xml", **headers, "Content-Length": len(body)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body = "" if request.method == "HEAD" else body
        return f"HTTP/1.1 {status} {code or 'OK'}\r\n{lines}\r\n{body}".encode()
