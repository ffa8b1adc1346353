"""Cases about the S3 server: it refuses what a real one refuses. Needs the variables of `ceph`."""
import hashlib
import os
import ssl
import sys

sys.dont_write_bytecode = True
from cases import case, equal, raises, run_cases  # noqa: E402
from s3client import S3, S3Error  # noqa: E402

BUCKET = os.environ["S3_BUCKET"]
PORT = os.environ["S3_PORT"]
owner = S3()


def refused(code, function, *arguments, **more):
    equal(raises(S3Error, function, *arguments, **more).code, code)


@case("the S3 server returns what was put, and lists it")
def _():
    owner.put(BUCKET, "a/b c+d", b"hello")

    equal(owner.get(BUCKET, "a/b c+d"), b"hello")
    equal(list(owner.list(BUCKET, "a/")), [("a/b c+d", 5)])


@case("the S3 server checks signatures, the hash of bodies, and clocks")
def _():
    refused("SignatureDoesNotMatch", S3(secret="wrong").get, BUCKET, "a/b c+d")
    refused("InvalidAccessKeyId", S3(access="nobody").get, BUCKET, "a/b c+d")
    refused("XAmzContentSHA256Mismatch", owner.put, BUCKET, "bad", b"evil",
            payload_hash=hashlib.sha256(b"good").hexdigest())
    refused("RequestTimeTooSkewed", owner.get, BUCKET, "a/b c+d",
            headers={"x-amz-date": "20200101T000000Z"})


@case("the S3 server obeys If-None-Match on a PUT")
def _():
    owner.put(BUCKET, "once", b"1", headers={"If-None-Match": "*"})

    refused("PreconditionFailed", owner.put, BUCKET, "once", b"2", headers={"If-None-Match": "*"})


@case("the S3 server knows buckets by host name, over HTTP and HTTPS")
def _():
    owner.put(BUCKET, "host", b"1")

    by_name = S3(host=f"{BUCKET}.s3.localhost:{PORT}")
    equal(by_name.call("GET", "/host").body, b"1")
    secure = S3(os.environ["S3_TLS_ENDPOINT"], ca=os.environ["S3_CA"])
    equal(secure.get(BUCKET, "host"), b"1")
    raises(ssl.SSLCertVerificationError, S3(os.environ["S3_TLS_ENDPOINT"]).get, BUCKET, "host")


@case("each restricted user of the S3 server has exactly the rights of its name")
def _():
    owner.put(BUCKET, "there", b"1")
    calls = {"get": lambda s3: s3.get(BUCKET, "there"), "put": lambda s3: s3.put(BUCKET, "o", b""),
             "list": lambda s3: list(s3.list(BUCKET)), "delete": lambda s3: s3.delete(BUCKET, "o")}
    users = {"only-get": {"get"}, "only-put": {"put"}, "only-list": {"list"}, "no-rights": set()}
    users.update({f"no-{right}": set(calls) - {right} for right in calls})
    for user, rights in users.items():
        for right, call in calls.items():
            if right in rights:
                call(S3(access=user))
            else:
                refused("AccessDenied", call, S3(access=user))


@case("the bucket that is full refuses a PUT")
def _():
    refused("QuotaExceeded", owner.put, "full", "large", bytes(2 << 20))


@case("the versioned bucket keeps what is deleted, the locked one refuses to delete a version")
def _():
    for bucket in ("versioned", "locked"):
        old = owner.put(bucket, "o", b"1").headers["x-amz-version-id"]
        owner.delete(bucket, "o")
        refused("NoSuchKey", owner.get, bucket, "o")
        equal(owner.get(bucket, "o", query={"versionId": old}), b"1")
    refused("AccessDenied", owner.call, "DELETE", "/locked/o", {"versionId": old})


run_cases()
