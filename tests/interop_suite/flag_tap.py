# SPDX-License-Identifier: MIT
"""A relay that tells programs which messages of a call come compressed, where their library cannot.

Each direction has a file with one character per message of the newest call, `1` compressed or `0`
not, which is written before the end of the message goes on. So calls must follow each other.
"""

import os

PREFACE_BYTES = 24
DATA, HEADERS, PADDED = 0, 1, 8


class Flags:
    """Reads one direction; `feed` gives nothing but a file."""

    def __init__(self, path, skipped=0):
        self._path, self._skip, self._rest = path, skipped, b""
        self._stream, self._message, self._seen = 0, b"", ""

    def feed(self, data):
        self._rest += data
        if len(self._rest) < self._skip:
            return
        at, self._skip = self._skip, 0
        while len(self._rest) >= at + 9:
            end = at + 9 + int.from_bytes(self._rest[at:at + 3], "big")
            if len(self._rest) < end:
                break
            kind, flags = self._rest[at + 3:at + 5]
            self._frame(kind, flags, int.from_bytes(self._rest[at + 5:at + 9], "big"),
                        self._rest[at + 9:end])
            at = end
        self._rest = self._rest[at:]

    def _frame(self, kind, flags, stream, payload):
        if kind == HEADERS and stream > self._stream:
            self._stream, self._message, self._seen = stream, b"", ""
            self._write()
        if kind == DATA and stream == self._stream:
            if flags & PADDED:
                payload = payload[1:len(payload) - payload[0]]
            self._message += payload
            while len(self._message) >= 5:
                end = 5 + int.from_bytes(self._message[1:5], "big")
                if len(self._message) < end:
                    break
                self._seen += str(self._message[0])
                self._message = self._message[end:]
                self._write()

    def _write(self):
        with open(self._path + ".new", "w", encoding="ascii") as file:
            file.write(self._seen)
        os.replace(self._path + ".new", self._path)


class Tap:
    """What wire.Relay needs to know of a connection. The newest one has the files."""

    def __init__(self, requests, replies):
        self._flags = {"client": Flags(requests, PREFACE_BYTES), "server": Flags(replies)}

    def record(self, sender, data):
        self._flags[sender].feed(data)
        return data

    def end(self, _sender):
        return b""
