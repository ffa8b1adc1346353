"""Cases about the server of Azure blobs. Needs the variables of `azurite`."""
import base64
import os
import sys

sys.dont_write_bytecode = True
from azureclient import Azure, AzureError  # noqa: E402
from cases import case, equal, raises, run_cases  # noqa: E402

ENDPOINT, ACCOUNT = os.environ["AZURITE_ENDPOINT"], os.environ["AZURITE_ACCOUNT"]
CONTAINER = os.environ["AZURITE_CONTAINER"]
azure = Azure(ENDPOINT, ACCOUNT, os.environ["AZURITE_KEY"])


@case("the server of Azure blobs returns what was put, in whole and in part")
def _():
    azure.put(CONTAINER, "a/b", b"hello")

    equal(azure.get(CONTAINER, "a/b"), b"hello")
    equal(azure.get(CONTAINER, "a/b", {"Range": "bytes=1-2"}), b"el")


@case("the server of Azure blobs refuses a wrong key, and a PUT over a blob if asked to")
def _():
    azure.put(CONTAINER, "once", b"1")
    stranger = Azure(ENDPOINT, ACCOUNT, base64.b64encode(b"wrong").decode())

    equal(raises(AzureError, stranger.get, CONTAINER, "once").status, 403)
    again = raises(AzureError, azure.put, CONTAINER, "once", b"2", {"If-None-Match": "*"})
    equal(again.code, "BlobAlreadyExists")


run_cases()
