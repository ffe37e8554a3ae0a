# SPDX-License-Identifier: MIT
"""HTTP/2 as it goes over the wire: a relay between two Unix sockets, and the frames in what it saw.

HPACK is decoded by libnghttp2, through ctypes; InflateError says that it is not there.
"""

import collections
import ctypes
import socket
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TYPES = ("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
         "WINDOW_UPDATE", "CONTINUATION")
END_STREAM, ACK, END_HEADERS = 1, 1, 4

# What was sent by `sender` ("client" or "server"). `fields` is the whole header block, decoded, on
# the frame that ends it. `payload` is empty for DATA: only its size counts.
Frame = collections.namedtuple("Frame", "sender type flags stream size payload fields")


class InflateError(Exception):
    pass


class _Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("namelen", ctypes.c_size_t),
                ("valuelen", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    """nghttp2_hd_inflater of one direction of a connection."""

    def __init__(self):
        try:
            self._library = ctypes.CDLL("libnghttp2.so.14")
        except OSError as error:
            raise InflateError(str(error)) from error
        self._library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self._library.nghttp2_hd_inflate_hd2.argtypes = [
            ctypes.c_void_p, ctypes.POINTER(_Pair), ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
            ctypes.c_size_t, ctypes.c_int]
        self._library.nghttp2_hd_inflate_end_headers.argtypes = [ctypes.c_void_p]
        # As long as the process: freeing it when Python ends is of no use.
        self._inflater = ctypes.c_void_p()
        self._library.nghttp2_hd_inflate_new(ctypes.byref(self._inflater))

    def fields(self, block):
        """The header fields of a whole block, as pairs of bytes."""
        got, pair, flags = [], _Pair(), ctypes.c_int()
        while True:
            used = self._library.nghttp2_hd_inflate_hd2(
                self._inflater, ctypes.byref(pair), ctypes.byref(flags), block, len(block), 1)
            if used < 0:
                raise InflateError(f"a header block does not decode: {used}")
            block = block[used:]
            if flags.value & 2:
                got.append((ctypes.string_at(pair.name, pair.namelen),
                            ctypes.string_at(pair.value, pair.valuelen)))
            if flags.value & 1:
                self._library.nghttp2_hd_inflate_end_headers(self._inflater)
                return got


class Parser:
    """Makes frames of the bytes of one direction."""

    def __init__(self, sender):
        self.sender, self.preface_is_right = sender, True
        self._pending, self._block, self._inflater = b"", b"", Inflater()
        self._before_preface = sender == "client"

    def feed(self, data):
        """(frames, bytes): what `data` completes."""
        self._pending += data
        frames, at = [], 0
        if self._before_preface:
            if len(self._pending) < len(PREFACE):
                return [], b""
            self.preface_is_right = self._pending.startswith(PREFACE)
            at, self._before_preface = len(PREFACE), False
        while len(self._pending) - at >= 9:
            size = int.from_bytes(self._pending[at:at + 3], "big")
            if len(self._pending) - at - 9 < size:
                break
            head, payload = self._pending[at:at + 9], self._pending[at + 9:at + 9 + size]
            frames.append(self._frame(head, payload))
            at += 9 + size
        whole, self._pending = self._pending[:at], self._pending[at:]
        return frames, whole

    def rest(self):
        """The beginning of a frame that did not come."""
        return self._pending

    def _frame(self, head, payload):
        name = TYPES[head[3]] if head[3] < len(TYPES) else f"type {head[3]}"
        flags, stream = head[4], int.from_bytes(head[5:9], "big")
        fields = None
        if name in ("HEADERS", "CONTINUATION"):
            self._block += payload  # grpc++, grpcio and ringrpc send no padding and no priority
            if flags & END_HEADERS:
                fields, self._block = self._inflater.fields(self._block), b""
        kept = b"" if name == "DATA" else payload
        return Frame(self.sender, name, flags, stream, len(payload), kept, fields)


class Connection:
    """What went over one connection: its frames in the order in which the relay saw them."""

    def __init__(self):
        self.frames, self.lock, self.broken = [], threading.Lock(), None
        self.ended_by = None  # "client" or "server": who closed it first
        self.parsers = {sender: Parser(sender) for sender in ("client", "server")}

    def record(self, sender, data):
        """The bytes that may go on: of whole frames only, so that no answer to a frame can come
        before the frame itself."""
        with self.lock:
            if self.broken:
                return data
            try:
                frames, whole = self.parsers[sender].feed(data)
            except InflateError as error:
                self.broken = f"{sender}: {error}"
                return self.parsers[sender].rest()
            self.frames += frames
            return whole

    def end(self, sender):
        """The bytes that are left."""
        with self.lock:
            self.ended_by = self.ended_by or sender
            return self.parsers[sender].rest()


class Relay:
    """Listens on `path` and passes all bytes on to `server_path` and back. `observer` makes what is
    kept of each connection."""

    def __init__(self, path, server_path, observer=Connection):
        self.connections, self._server_path, self._threads = [], server_path, []
        self._observer = observer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def join(self, seconds):
        """Waits until all connections have ended; whether they have."""
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server_path)
            except OSError:
                client.close()
                server.close()
                continue
            connection = self._observer()
            self.connections.append(connection)
            for sender, source, target in (("client", client, server), ("server", server, client)):
                thread = threading.Thread(target=self._pass, daemon=True,
                                          args=(connection, sender, source, target))
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _pass(connection, sender, source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(connection.record(sender, data))
            target.sendall(connection.end(sender))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # One side is gone at once: the other one has to see that, too.
            for one in (source, target):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
