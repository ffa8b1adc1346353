"""Cases about the server of credentials. Needs the variables of `identity`."""
import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
import common  # noqa: E402
from azureclient import Azure  # noqa: E402
from cases import case, equal, raises, run_cases  # noqa: E402
from s3client import tag  # noqa: E402

ENDPOINT = os.environ["ISSUER_ENDPOINT"]


def ask(path, headers=(), method="GET", form=None):
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(ENDPOINT + path, body, dict(headers), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def refused(status, *arguments, **more):
    equal(raises(urllib.error.HTTPError, ask, *arguments, **more).code, status)


def control(command):
    return json.loads(common.control(os.environ["ISSUER_CONTROL"], command))


@case("instance metadata needs a session, and gives keys with an expiry")
def _():
    control("/set?lifetime=60")
    roles = "/latest/meta-data/iam/security-credentials/"
    refused(401, roles)
    session = ask("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")
    header = {"X-aws-ec2-metadata-token": session}
    equal(ask(roles, header), os.environ["ISSUER_ROLE"])
    keys = json.loads(ask(roles + os.environ["ISSUER_ROLE"], header))
    equal(keys["Code"], "Success")
    equal(0 < int(keys["Token"].split(".")[2]) - time.time() <= 60, True)


@case("the endpoint of containers checks its token")
def _():
    refused(401, "/container")
    keys = json.loads(ask("/container", {"Authorization": os.environ["ISSUER_CONTAINER_TOKEN"]}))
    equal(keys["AccessKeyId"], os.environ["S3_ACCESS_KEY"])


@case("a web identity gets the keys of a role")
def _():
    form = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": "arn:aws:iam::1:role/test-role",
            "RoleSessionName": "test", "WebIdentityToken": "wrong", "Version": "2011-06-15"}
    refused(400, "/", method="POST", form=form)
    with open(os.environ["ISSUER_WEB_TOKEN_FILE"], encoding="ascii") as file:
        form["WebIdentityToken"] = file.read()
    answer = ask("/", method="POST", form=form)
    equal(tag(answer, "SessionToken").startswith("flexfs."), True)


@case("a service account gets a token for an assertion that its key has signed")
def _():
    def encoded(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    with open(os.environ["ISSUER_SERVICE_ACCOUNT_FILE"], encoding="ascii") as file:
        account = json.load(file)
    claims = {"iss": account["client_email"], "aud": account["token_uri"], "scope": "storage",
              "iat": int(time.time()), "exp": int(time.time()) + 3600}
    text = ".".join(encoded(json.dumps(value).encode()) for value in ({"alg": "RS256"}, claims))
    key = os.path.join(os.path.dirname(os.environ["ISSUER_SERVICE_ACCOUNT_FILE"]), "account.key")
    signature = encoded(subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], check=True,
                                       input=text.encode(), capture_output=True).stdout)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    answer = ask("/token", method="POST", form={**form, "assertion": f"{text}.{signature}"})
    equal(json.loads(answer)["token_type"], "Bearer")
    form["assertion"] = f"{text}.{signature[:-4]}AAAA"
    refused(400, "/token", method="POST", form=form)


@case("Google's metadata needs its header, and Azure's identity is accepted by its server")
def _():
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    refused(403, path)
    equal("expires_in" in json.loads(ask(path, {"Metadata-Flavor": "Google"})), True)
    path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2F"
    refused(400, path + "storage.azure.com%2F")
    token = json.loads(ask(path + "storage.azure.com%2F", {"Metadata": "true"}))["access_token"]
    azure = Azure(os.environ["AZURITE_ENDPOINT"], os.environ["AZURITE_ACCOUNT"], token=token,
                  ca=os.environ["AZURITE_CA"])
    azure.put(os.environ["AZURITE_CONTAINER"], "identity", b"1")
    equal(azure.get(os.environ["AZURITE_CONTAINER"], "identity"), b"1")


@case("failures are as many as demanded, and requests are counted")
def _():
    control("/reset")
    control("/set?fail=2&status=503")
    path, header = "/computeMetadata/v1/instance/service-accounts/default/token", "Metadata-Flavor"
    for _ in range(2):
        refused(503, path, {header: "Google"})
    ask(path, {header: "Google"})
    equal(control("/counters")["requests"], {"failed": 2, "google": 1, "all": 3})


run_cases()
