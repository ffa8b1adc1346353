"""A small S3 client: signature version 4 over http.client, one connection per client.

It signs what its caller says, so that tests can also send what a good client would not.
"""
import datetime
import hashlib
import hmac
import http.client
import os
import ssl
import urllib.parse
import xml.etree.ElementTree as xml

UNSIGNED = "UNSIGNED-PAYLOAD"


class S3Error(Exception):
    """An answer other than 2xx."""

    def __init__(self, status, code, body):
        super().__init__(f"{status} {code}")
        self.status, self.code, self.body = status, code, body


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


def signature(secret, region, service, stamp, text):
    key = ("AWS4" + secret).encode()
    for part in (stamp[:8], region, service, "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def authorization(method, path, query, headers, payload_hash, access, secret, region):
    """The Authorization header of a request; `path` is quoted, `query` is a list of pairs."""
    stamp = headers["x-amz-date"]
    names = sorted(name.lower() for name in headers)
    lower = {name.lower(): " ".join(str(value).split()) for name, value in headers.items()}
    request = "\n".join([
        method, path, "&".join(sorted(f"{quote(k)}={quote(v)}" for k, v in query)),
        "".join(f"{name}:{lower[name]}\n" for name in names), ";".join(names), payload_hash])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256(request.encode()).hexdigest()])
    return (f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature(secret, region, 's3', stamp, text)}")


class S3:
    """A client of one endpoint. Arguments that are not given come from the S3_ variables."""

    def __init__(self, endpoint=None, access=None, secret=None, region=None, token=None, ca=None,
                 host=None, timeout=30):
        self.endpoint = urllib.parse.urlsplit(endpoint or os.environ["S3_ENDPOINT"])
        self.access = access or os.environ["S3_ACCESS_KEY"]
        self.secret = secret or os.environ["S3_SECRET_KEY"]
        self.region = region or os.environ.get("S3_REGION", "us-east-1")
        self.token, self.ca, self.timeout = token, ca, timeout
        self.host = host or self.endpoint.netloc
        self.connection = None

    def connect(self):
        at, port = self.endpoint.hostname, self.endpoint.port
        at = "127.0.0.1" if at.endswith(".localhost") else at
        if self.endpoint.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca)
            return http.client.HTTPSConnection(at, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(at, port, timeout=self.timeout)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, method, path, query=(), headers=(), body=b"", payload_hash=None):
        """Sends a request to a path such as /bucket/key; returns whatever is answered."""
        query = list(query.items() if isinstance(query, dict) else query)
        payload_hash = payload_hash or hashlib.sha256(body).hexdigest()
        signed = {
            "Host": self.host, "x-amz-content-sha256": payload_hash,
            "x-amz-date": datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ"),
            **({"x-amz-security-token": self.token} if self.token else {}), **dict(headers)}
        path = quote(path, "/-_.~")
        signed["Authorization"] = authorization(
            method, path, query, signed, payload_hash, self.access, self.secret, self.region)
        target = path
        if query:
            target += "?" + "&".join(f"{quote(k)}={quote(v)}" for k, v in query)
        self.connection = self.connection or self.connect()
        try:
            self.connection.request(method, target, body, signed)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self.close()
            raise

    def call(self, *args, **more):
        """Like send, but raises S3Error for every answer other than 2xx."""
        answer = self.send(*args, **more)
        if not 200 <= answer.status < 300:
            raise S3Error(answer.status, tag(answer.body, "Code"), answer.body)
        return answer

    def put(self, bucket, key, body, **more):
        return self.call("PUT", f"/{bucket}/{key}", body=body, **more)

    def get(self, bucket, key, **more):
        return self.call("GET", f"/{bucket}/{key}", **more).body

    def delete(self, bucket, key):
        self.call("DELETE", f"/{bucket}/{key}")

    def list(self, bucket, prefix=""):
        """Yields (key, bytes)."""
        query = {"list-type": "2", "prefix": prefix}
        while True:
            body = self.call("GET", f"/{bucket}", query).body
            for entry in xml.fromstring(body).iterfind("{*}Contents"):
                yield entry.findtext("{*}Key"), int(entry.findtext("{*}Size"))
            query["continuation-token"] = tag(body, "NextContinuationToken")
            if not query["continuation-token"]:
                return


def tag(body, name):
    """The text of the first element with this name; "" if there is none."""
    try:
        return next((e.text or "" for e in xml.fromstring(body).iter()
                     if e.tag.rpartition("}")[2] == name), "")
    except xml.ParseError:
        return ""
