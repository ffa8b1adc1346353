"""Cases about the relay: each fault does what test/README.md says, and nothing else.

Needs the variables of `ceph` and of a `relay` to it.
"""
import datetime
import email.utils
import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
import common  # noqa: E402
from cases import case, equal, raises, run_cases  # noqa: E402
from s3client import S3, S3Error, tag  # noqa: E402

BUCKET, RELAY = os.environ["S3_BUCKET"], os.environ["RELAY_ENDPOINT"]
SIGN = f"sign={os.environ['S3_ACCESS_KEY']}:{os.environ['S3_SECRET_KEY']}"
BODY = hashlib.shake_128(b"seed").digest(300_000)
direct = S3()


def relay(command):
    return json.loads(common.control(os.environ["RELAY_CONTROL"], command))


def begin(settings="", **more):
    """Returns a client of a relay that has only these settings, and counters at 0."""
    relay("/clear")
    relay("/reset")
    if settings:
        relay("/set?" + settings)
    return S3(RELAY, **more)


def refused(status, code, function, *arguments, **more):
    error = raises(S3Error, function, *arguments, **more)
    equal((error.status, error.code), (status, code))
    return error


def exchange(*pieces):
    """Sends the pieces, each after something was answered to the one before; returns it all."""
    answer = b""
    with socket.create_connection(("127.0.0.1", int(os.environ["RELAY_PORT"])), 30) as client:
        for piece in pieces:
            client.sendall(piece.encode())
            more = client.recv(1 << 20)
            answer += more
            if b" 100 " not in more[:20]:
                break
        if b"connection: close" not in answer.lower():
            client.shutdown(socket.SHUT_WR)
        while more := client.recv(1 << 20):
            answer += more
    return answer


def succeeds(function, *arguments):
    """Calls again until there is no error."""
    for _ in range(200):
        try:
            return function(*arguments)
        except (OSError, S3Error):
            time.sleep(0.05)
    return function(*arguments)


def took(function, *arguments, **more):
    began = time.monotonic()
    function(*arguments, **more)
    return time.monotonic() - began


def between(low, value, high):
    if not low <= value <= high:
        raise AssertionError(f"{value} is not between {low} and {high}")


@case("a relay without faults changes nothing, and counts")
def _():
    s3 = begin()
    s3.put(BUCKET, "relay/o", BODY)

    equal(s3.get(BUCKET, "relay/o"), BODY)
    equal(s3.call("GET", f"/{BUCKET}/relay/o", headers={"Range": "bytes=5-8"}).body, BODY[5:9])
    equal(list(s3.list(BUCKET, "relay/")), [("relay/o", len(BODY))])
    equal(s3.call("HEAD", f"/{BUCKET}/relay/o").headers["Content-Length"], str(len(BODY)))
    s3.delete(BUCKET, "relay/o")
    refused(404, "NoSuchKey", s3.get, BUCKET, "relay/o")
    found = relay("/counters")
    equal(found["requests"], {"put": 1, "get": 3, "list": 1, "head": 1, "delete": 1, "all": 7})
    equal(found["status"], {"200": 4, "206": 1, "204": 1, "404": 1})
    equal(found["get_sizes"], {str(1 << 19): 1, "4": 1})
    equal(found["bytes"]["to_store"], len(BODY))
    equal((found["in_flight"], found["connections"]), ({"now": 0, "most": 1}, 1))


@case("an upload that waits for 100 Continue passes the relay, and a refusal ends it early")
def _():
    head = (f"PUT /{BUCKET}/waiting HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
            "Expect: 100-continue\r\n\r\n")
    begin(SIGN)
    answer = exchange(head, "body")
    equal((b" 100 " in answer, b" 200 OK" in answer), (True, True))
    equal(direct.get(BUCKET, "waiting"), b"body")
    begin("errors=1")
    answer = exchange(head, "body")
    equal((answer[:12], b"Connection: close" in answer), (b"HTTP/1.1 500", True))


@case("errors, unavailable, slowdown and expired answer instead of the store")
def _():
    s3 = begin()
    s3.put(BUCKET, "relay/o", BODY)
    for setting, status, code in (("errors=1", 500, "InternalError"),
                                  ("unavailable=1", 503, "ServiceUnavailable"),
                                  ("slowdown=1", 503, "SlowDown"),
                                  ("slowdown=1&throttleStatus=429", 429, "SlowDown"),
                                  ("expired=1", 403, "ExpiredToken")):
        s3 = begin(setting)
        refused(status, code, s3.put, BUCKET, "relay/o", b"other")
        refused(status, code, s3.get, BUCKET, "relay/o")
    equal(direct.get(BUCKET, "relay/o"), BODY)
    answer = begin("slowdown=1&retryAfter=7s").send("GET", f"/{BUCKET}/relay/o")
    equal(answer.headers["Retry-After"], "7")


@case("a fault can be limited to a number of requests, to verbs, and to names")
def _():
    s3 = begin("errors=2x:put&match=relay/")
    s3.get(BUCKET, "relay/o")
    s3.put(BUCKET, "other", BODY)
    for _ in range(2):
        refused(500, "InternalError", s3.put, BUCKET, "relay/o", BODY)
    s3.put(BUCKET, "relay/o", BODY)
    equal(relay("/counters")["faults"], {"errors": 2})


@case("a burst lasts as long as it says")
def _():
    s3 = begin("errors=1x&burst=2s")
    refused(500, "InternalError", s3.get, BUCKET, "relay/o")
    refused(503, "ServiceUnavailable", s3.get, BUCKET, "relay/o")
    equal(succeeds(s3.get, BUCKET, "relay/o"), BODY)


@case("faults with a probability are the same in each run with the same seed")
def _():
    def run(seed):
        s3 = begin(f"seed={seed}&errors=0.3")
        return [s3.send("GET", f"/{BUCKET}/relay/{n}").status for n in range(30)]

    first = run("7")
    between(3, first.count(500), 18)
    equal(run("7"), first)
    equal(run("8") != first, True)


@case("latency is added to each request, and concurrent requests wait at the same time")
def _():
    s3 = begin("latency=200ms&latency.list=400ms")
    between(0.2, took(s3.get, BUCKET, "relay/o"), 10)
    between(0.4, took(lambda: list(s3.list(BUCKET, "relay/"))), 10)
    relay("/set?latency=1s")
    threads = [threading.Thread(target=S3(RELAY).get, args=[BUCKET, "relay/o"]) for _ in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    between(1, time.monotonic() - began, 6)
    between(4, relay("/counters")["in_flight"]["most"], 8)


@case("bandwidth limits uploads and downloads")
def _():
    s3 = begin("bandwidth=1M")
    between(0.25, took(s3.put, BUCKET, "relay/o", BODY), 20)
    between(0.25, took(s3.get, BUCKET, "relay/o"), 20)


@case("above a rate, requests are answered with SlowDown")
def _():
    s3 = begin("rate=0.5")
    found = [s3.send("GET", f"/{BUCKET}/relay/none").status for _ in range(8)]
    between(1, found.count(503), 7)
    equal(succeeds(s3.get, BUCKET, "relay/o"), BODY)


@case("stall never answers, and reset ends the connection")
def _():
    raises(TimeoutError, begin("stall=1", timeout=0.5).get, BUCKET, "relay/o")
    raises(OSError, begin("reset=1").get, BUCKET, "relay/o")


@case("stallBody and cut end in the middle of a body")
def _():
    raises(TimeoutError, begin("stallBody=1", timeout=0.5).get, BUCKET, "relay/o")
    error = raises(http.client.IncompleteRead, begin("cut=1").get, BUCKET, "relay/o")
    between(0, len(error.partial), len(BODY) - 1)


@case("a truncated body looks complete, an altered one differs in one byte, an excess is sent")
def _():
    s3 = begin("truncate=1x")
    short = s3.get(BUCKET, "relay/o")
    equal((BODY.startswith(short), len(short) < len(BODY)), (True, True))
    equal(s3.get(BUCKET, "relay/o"), BODY)
    s3 = begin("alter=1x")
    other = s3.get(BUCKET, "relay/o")
    equal(sum(a != b for a, b in zip(other, BODY, strict=True)), 1)
    equal(s3.get(BUCKET, "relay/o"), BODY)
    begin(f"excess=1&{SIGN}")
    answer = exchange(f"GET /{BUCKET}/relay/o HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    equal(f"Content-Length: {len(BODY)}\r\n".encode() in answer, True)
    between(len(BODY) + 1, len(answer.partition(b"\r\n\r\n")[2]), len(BODY) + 100)


@case("wrongRange announces another range than it sends")
def _():
    answer = begin("wrongRange=1").send("GET", f"/{BUCKET}/relay/o",
                                        headers={"Range": "bytes=0-99"})
    equal((answer.body, answer.headers["Content-Range"].startswith("bytes 0-")),
          (BODY[:100], False))


@case("a lost answer is that of a PUT that was executed")
def _():
    raises(OSError, begin("lost=1").put, BUCKET, "relay/lost", b"here")
    equal(direct.get(BUCKET, "relay/lost"), b"here")


@case("cutUpload ends a PUT before the store has it")
def _():
    raises(OSError, begin("cutUpload=1").put, BUCKET, "relay/half", bytes(20 << 20))
    refused(404, "NoSuchKey", direct.get, BUCKET, "relay/half")


@case("an object that was just put is hidden for a while")
def _():
    s3 = begin("hide=2s")
    s3.put(BUCKET, "relay/new", b"1")
    refused(404, "NoSuchKey", s3.get, BUCKET, "relay/new")
    equal(succeeds(s3.get, BUCKET, "relay/new"), b"1")


@case("a store with another clock shows its date, and refuses requests with the real one")
def _():
    s3 = begin("skew=-1h")
    error = raises(S3Error, s3.get, BUCKET, "relay/o")
    equal(error.code, "RequestTimeTooSkewed")
    date = email.utils.parsedate_to_datetime(s3.send("GET", f"/{BUCKET}").headers["Date"])
    now = datetime.datetime.now(datetime.UTC)
    between(3590, (now - date).total_seconds(), 3610)
    relay(f"/set?{SIGN}")
    stamp = (now - datetime.timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    equal(s3.get(BUCKET, "relay/o", headers={"x-amz-date": stamp}), BODY)


@case("a redirect names the place or the region, and an HTML page is not S3")
def _():
    answer = begin("redirect=1&redirectTo=http://127.0.0.1:1").send("GET", f"/{BUCKET}/relay/o")
    equal(answer.headers["Location"], f"http://127.0.0.1:1/{BUCKET}/relay/o")
    equal(answer.status, 307)
    s3 = begin("redirect=1&redirectStatus=301&redirectRegion=eu-west-1")
    answer = s3.send("GET", f"/{BUCKET}")
    equal((answer.status, answer.headers["x-amz-bucket-region"], tag(answer.body, "Region")),
          (301, "eu-west-1", "eu-west-1"))
    answer = begin("html=1").send("GET", f"/{BUCKET}")
    equal((answer.status, answer.body[:9]), (200, b"<!DOCTYPE"))


@case("tokens of the identity server end when they say so")
def _():
    old, new = f"flexfs.1.{int(time.time()) - 1}", f"flexfs.1.{int(time.time()) + 60}"
    refused(403, "ExpiredToken", begin("tokens=on", token=old).get, BUCKET, "relay/o")
    equal(begin("tokens=on", token=new).get(BUCKET, "relay/o"), BODY)


@case("a bearer token is replaced by a signature that the store accepts")
def _():
    begin(f"{SIGN}&tokens=on")
    client = http.client.HTTPConnection(RELAY.removeprefix("http://"))
    bearer = {"Authorization": f"Bearer flexfs.1.{int(time.time()) + 60}"}
    client.request("PUT", f"/{BUCKET}/relay/bearer%20o", b"1", bearer)
    equal(client.getresponse().status, 200)
    equal(direct.get(BUCKET, "relay/bearer o"), b"1")


@case("an outage refuses connections, and ends the open ones")
def _():
    s3 = begin()
    s3.get(BUCKET, "relay/o")
    relay("/set?outage=refuse")
    raises(OSError, s3.get, BUCKET, "relay/o")
    raises(ConnectionRefusedError, s3.get, BUCKET, "relay/o")
    relay("/set?outage=off")
    equal(s3.get(BUCKET, "relay/o"), BODY)
    relay("/set?outageTime=300ms&outage=refuse")
    equal(succeeds(s3.get, BUCKET, "relay/o"), BODY)


@case("a black hole answers no connection and no request, and both go on when it ends")
def _():
    s3 = begin()
    s3.get(BUCKET, "relay/o")
    relay("/set?outage=hole")
    raises(TimeoutError, S3(RELAY, timeout=1).get, BUCKET, "relay/o")
    for _ in range(3):
        raises(TimeoutError, socket.create_connection, ("127.0.0.1", int(os.environ["RELAY_PORT"])),
               0.2)
    timer = threading.Timer(0.5, relay, ["/set?outage=off"])
    timer.start()
    between(0.3, took(s3.get, BUCKET, "relay/o"), 20)
    timer.join()
    equal(S3(RELAY).get(BUCKET, "relay/o"), BODY)


run_cases()
