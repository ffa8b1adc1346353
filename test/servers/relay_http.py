"""Sockets and HTTP/1.1 messages, as far as a relay needs them: heads are parsed, bodies are not."""
import asyncio
import socket
import struct
import urllib.parse

CHUNK = 512 << 10
HEAD_BYTES_MAX = 256 << 10
# A request with one of these in its query lists something.
LISTING = {"list-type", "prefix", "delimiter", "marker", "uploads", "versions"}


class Closed(Exception):
    """The other side has closed the connection."""


class Stream:
    """A connected socket with the bytes that were read too far."""

    def __init__(self, sock):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.held = sock, b""
        self.buffer = None
        self.loop = asyncio.get_running_loop()

    async def head(self):
        """Returns everything up to the first empty line; b"" if the other side closed before."""
        held = bytearray(self.held)
        while (end := held.find(b"\r\n\r\n")) < 0:
            more = await self.loop.sock_recv(self.sock, 64 << 10)
            if not more or len(held) > HEAD_BYTES_MAX:
                self.held = b""
                return b""
            held += more
        self.held = bytes(held[end + 4:])
        return bytes(held[:end + 4])

    async def some(self, most):
        """Returns at least one byte, at most `most`; valid until the next call."""
        if self.held:
            found, self.held = self.held[:most], self.held[most:]
            return found
        if self.buffer is None:
            self.buffer = memoryview(bytearray(CHUNK))
        count = await self.loop.sock_recv_into(self.sock, self.buffer[:most])
        if not count:
            raise Closed
        return self.buffer[:count]

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)

    async def until_closed(self):
        """Reads and forgets until the other side closes."""
        try:
            while True:
                await self.some(CHUNK)
        except (Closed, OSError):
            pass

    def is_usable(self):
        """Whether the other side has neither closed nor said anything."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
            return False
        except BlockingIOError:
            return not self.held
        except OSError:
            return False

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with a reset, as a process does that was killed with data unread."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Head:
    """The first line and the headers of a message; unchanged headers keep their bytes."""

    def __init__(self, data):
        self.first, *self.lines = data[:-4].decode("latin-1").split("\r\n")
        self.headers = {}
        for line in self.lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def set(self, name, value):
        """Replaces a header, adds it, or with None removes it."""
        self.lines = [line for line in self.lines
                      if line.partition(":")[0].lower() != name.lower()]
        self.headers.pop(name.lower(), None)
        if value is not None:
            self.lines.append(f"{name}: {value}")
            self.headers[name.lower()] = str(value)

    def bytes(self):
        return "\r\n".join([self.first, *self.lines, "", ""]).encode("latin-1")

    @property
    def is_chunked(self):
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self):
        """Bytes of the body; None if only its end tells."""
        return int(self.headers["content-length"]) if "content-length" in self.headers else None

    @property
    def closes(self):
        return "close" in self.headers.get("connection", "").lower()


class Request(Head):
    def __init__(self, data):
        super().__init__(data)
        self.method, self.target, _ = self.first.split(" ")
        self.path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.verb = self._verb()

    def _verb(self):
        """get, put, head, delete, list, post-delete, or the method for everything else."""
        if self.method == "GET":
            if LISTING & set(self.query) or self.query.get("comp") == "list":
                return "list"
        if self.method == "POST" and ("delete" in self.query or self.query.get("comp") == "batch"):
            return "post-delete"
        return self.method.lower()

    @property
    def has_body(self):
        return self.is_chunked or bool(self.length)


class Response(Head):
    def __init__(self, data, method):
        super().__init__(data)
        self.status = int(self.first.split(" ")[1])
        self.is_empty = method == "HEAD" or self.status in (204, 304) or self.status < 200

    @property
    def body_bytes(self):
        return 0 if self.is_empty else self.length


async def copy(source, sink, count, passes):
    """Copies `count` bytes; `passes` may wait and gets the number of bytes of each piece."""
    while count:
        piece = await source.some(min(count, CHUNK))
        await passes(len(piece))
        if sink:
            await sink.send(piece)
        count -= len(piece)


async def copy_chunked(source, sink, passes):
    """Copies a body with its chunk framing, up to and with the last chunk and the trailers."""
    async def line():
        text = b""
        while not text.endswith(b"\r\n"):
            text += bytes(await source.some(1))
        if sink:
            await sink.send(text)
        return text

    # One byte at a time is a system call each, unless the bytes are held already.
    while size := int((await line()).split(b";")[0], 16):
        await copy(source, sink, size + 2, passes)
    while await line() != b"\r\n":
        pass


async def copy_all(source, sink, passes):
    """Copies until the source closes."""
    try:
        while True:
            piece = await source.some(CHUNK)
            await passes(len(piece))
            await sink.send(piece)
    except Closed:
        pass
