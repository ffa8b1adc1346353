"""One connection of a client through the relay: requests and answers in turn, with faults."""
import asyncio
import email.utils
import socket

from relay_http import Closed, Request, Response, Stream, copy, copy_all, copy_chunked


class Exchange:
    def __init__(self, relay, client):
        self.relay, self.faults, self.counters = relay, relay.faults, relay.counters
        self.client, self.store = client, None

    async def run(self):
        """Serves the connection until one side closes it or a fault ends it."""
        try:
            while head := await self.client.head():
                await self.relay.gate.wait()
                request = Request(head)
                began = self.counters.begin(request.verb)
                try:
                    if not await self.serve(request):
                        break
                finally:
                    self.counters.end(request.verb, began)
        except (Closed, OSError, ValueError):
            pass  # the client sees a closed connection
        finally:
            self.close()

    def close(self):
        self.client.close()
        if self.store:
            self.store.close()

    async def serve(self, request):
        """Returns whether the client may send another request."""
        faults, chances = self.faults, self.faults.chances(request)
        if faults.strikes("stall", request, chances):
            await self.stall()
            return False
        if faults.strikes("reset", request, chances):
            self.client.reset()
            return False
        if invented := faults.invented(request, chances):
            return await self.invent(request, *invented)
        await self.connect()
        faults.sign_again(request)
        await self.store.send(request.bytes())
        if request.has_body and faults.strikes("cutUpload", request, chances):
            await copy(self.client, self.store, (request.length or 0) // 2, self.sent)
            self.client.reset()
            return False
        body = asyncio.create_task(self.upload(request))
        try:
            return await self.respond(request, chances, body)
        finally:
            body.cancel()
            await asyncio.gather(body, return_exceptions=True)

    async def stall(self):
        limit = self.faults.get("stallTime") or None
        try:
            await asyncio.wait_for(self.client.until_closed(), limit)
        except TimeoutError:
            pass

    async def connect(self):
        """Takes a new connection to the store if the last one has ended."""
        if self.store and self.store.is_usable():
            return
        if self.store:
            self.store.close()
        sock = socket.socket()
        self.store = Stream(sock)
        await asyncio.get_running_loop().sock_connect(sock, self.relay.upstream)

    async def sent(self, count):
        self.counters.to_store += count
        await self.relay.pace(count)

    async def received(self, count):
        self.counters.from_store += count
        await self.relay.pace(count)

    async def upload(self, request):
        if request.is_chunked:
            await copy_chunked(self.client, self.store, self.sent)
        elif request.length:
            await copy(self.client, self.store, request.length, self.sent)

    async def invent(self, request, status, code, headers):
        """Answers instead of the store, after the body, unless the client waits with it."""
        waits = "expect" in request.headers
        if not waits and request.is_chunked:
            await copy_chunked(self.client, None, self.relay.pace)
        elif not waits and request.length:
            await copy(self.client, None, request.length, self.relay.pace)
        if waits:
            headers = {**headers, "Connection": "close"}
        await asyncio.sleep(self.faults.latency(request.verb))
        await self.relay.gate.wait()
        await self.client.send(self.faults.answer(request, status, code, headers))
        self.counters.answered(request, status, None)
        return not waits and not request.closes

    async def respond(self, request, chances, body):
        """Forwards the answer of the store; `body` uploads that of the request meanwhile."""
        while True:
            head = await self.store.head()
            if not head:
                return False
            response = Response(head, request.method)
            if response.status >= 200:
                break
            await self.client.send(head)
        if not body.done():
            await asyncio.wait([body], timeout=0.1)
        succeeded = 200 <= response.status < 300
        if succeeded and self.faults.strikes("lost", request, chances):
            return False
        if succeeded and request.method == "PUT":
            self.faults.stored(request)
        if latency := self.faults.latency(request.verb):
            await asyncio.sleep(latency)
        await self.relay.gate.wait()
        self.counters.answered(request, response.status, response.body_bytes)
        if self.faults.get("skew"):
            response.set("Date", email.utils.format_datetime(self.faults.clock(), usegmt=True))
        whole = await self.download(request, response, chances if succeeded else None)
        return whole and body.done() and not request.closes and not response.closes

    async def download(self, request, response, chances):
        """Forwards head and body; returns whether the connections can be used again."""
        size = response.body_bytes
        if chances and size:
            struck = next((name for name in ("stallBody", "cut", "truncate", "alter", "excess",
                                             "wrongRange")
                           if self.faults.strikes(name, request, chances)), None)
            if struck:
                return await self.damage(struck, response, size, chances.randrange(size))
        if size is not None and len(self.store.held) >= size:
            # Small answers travel in one piece.
            await self.received(size)
            await self.client.send(response.bytes() + self.store.held[:size])
            self.store.held = self.store.held[size:]
            return True
        await self.client.send(response.bytes())
        if size is not None:
            await copy(self.store, self.client, size, self.received)
        elif response.is_chunked:
            await copy_chunked(self.store, self.client, self.received)
        else:
            await copy_all(self.store, self.client, self.received)
            return False
        return True

    async def damage(self, fault, response, size, at):
        """Forwards an answer with a fault that takes effect at byte `at`."""
        if fault == "truncate":
            response.set("Content-Length", at)
        elif fault == "wrongRange":
            response.set("Content-Range", f"bytes {at + 1}-{at + size}/{at + size + 1}")
        await self.client.send(response.bytes())
        if fault == "wrongRange":
            await copy(self.store, self.client, size, self.received)
            return True
        await copy(self.store, self.client, size if fault == "excess" else at, self.received)
        if fault == "stallBody":
            await self.stall()
            return False
        if fault == "cut":
            return False
        if fault == "truncate":
            await copy(self.store, None, size - at, self.received)
            return True
        if fault == "alter":
            byte = await self.store.some(1)
            await self.received(1)
            await self.client.send(bytes([byte[0] ^ 1]))
            await copy(self.store, self.client, size - at - 1, self.received)
            return True
        await self.client.send(b"more than was announced")
        return False
