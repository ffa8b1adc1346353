"""A small client of Azure blobs: shared key, or a bearer token."""
import base64
import email.utils
import hashlib
import hmac
import http.client
import ssl
import urllib.parse


class AzureError(Exception):
    """An answer other than 2xx."""

    def __init__(self, status, code, body):
        super().__init__(f"{status} {code}")
        self.status, self.code, self.body = status, code, body


class Azure:
    def __init__(self, endpoint, account, key=None, ca=None, token=None):
        self.endpoint = urllib.parse.urlsplit(endpoint)
        self.account, self.key, self.ca, self.token = account, key, ca, token

    def answers(self):
        try:
            self.call("GET", "", {"comp": "list"})
            return True
        except OSError:
            return False

    def authorization(self, method, path, query, headers):
        if self.token:
            return f"Bearer {self.token}"
        ours = sorted(name for name in headers if name.startswith("x-ms-"))
        length = headers.get("Content-Length", "0")
        text = "\n".join([
            method, "", "", "" if length == "0" else length, "", headers.get("Content-Type", ""),
            "", "", headers.get("If-Match", ""), headers.get("If-None-Match", ""), "",
            headers.get("Range", ""), *(f"{name}:{headers[name]}" for name in ours),
            f"/{self.account}{path}", *(f"{name}:{query[name]}" for name in sorted(query))])
        key = base64.b64decode(self.key)
        mac = hmac.digest(key, text.encode(), hashlib.sha256)
        return f"SharedKey {self.account}:{base64.b64encode(mac).decode()}"

    def call(self, method, path, query=None, headers=None, body=b""):
        """Returns (headers, body) of an answer of 2xx; `path` is /container/blob."""
        query = query or {}
        headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02",
                   "Content-Length": str(len(body)), **(headers or {})}
        path = urllib.parse.quote(self.endpoint.path + path)
        headers["Authorization"] = self.authorization(method, path, query, headers)
        if self.endpoint.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(self.endpoint.netloc, timeout=30,
                                                     context=context)
        else:
            connection = http.client.HTTPConnection(self.endpoint.netloc, timeout=30)
        try:
            target = path + ("?" + urllib.parse.urlencode(query) if query else "")
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise AzureError(answer.status, answer.headers.get("x-ms-error-code", ""), found)
        return answer.headers, found

    def put(self, container, blob, body, headers=None):
        headers = {"x-ms-blob-type": "BlockBlob", **(headers or {})}
        return self.call("PUT", f"/{container}/{blob}", headers=headers, body=body)

    def get(self, container, blob, headers=None):
        return self.call("GET", f"/{container}/{blob}", headers=headers)[1]
