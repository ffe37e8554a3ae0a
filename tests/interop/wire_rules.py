# SPDX-License-Identifier: MIT
"""What ringrpc may send, judged from the frames that a relay saw (wire.py).

The relay sees what the peer sends before ringrpc does, and what ringrpc sends before the peer does:
each rule holds for any delay between them. Sections are those of RFC 9113; "PROTOCOL" is gRPC's
PROTOCOL-HTTP2.md.
"""

import collections
import re

from wire import ACK, END_HEADERS, END_STREAM

CONNECTION_WINDOW = 1024 * 1024  # what ringrpc lets a peer send
FLAGS = {"DATA": END_STREAM, "HEADERS": END_STREAM | END_HEADERS, "SETTINGS": ACK, "PING": ACK,
         "RST_STREAM": 0, "GOAWAY": 0, "WINDOW_UPDATE": 0}
NO_ERROR, LAST_POSSIBLE_ID = 0, 2**31 - 1
INITIAL_WINDOW, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6  # settings

REQUEST_ORDER = (b":method", b":scheme", b":path", b":authority", b"grpc-timeout", b"content-type",
                 b"te", b"grpc-encoding", b"grpc-accept-encoding", b"user-agent")
RESPONSE_ORDER = (b":status", b"content-type", b"grpc-encoding", b"grpc-status", b"grpc-message",
                  b"grpc-accept-encoding")
VALUES = {
    b":method": rb"POST", b":scheme": rb"http", b":path": rb"/[\w.]+/\w+",
    b":authority": rb"localhost", b"grpc-timeout": rb"\d{1,8}[HMSmun]",
    b"content-type": rb"application/grpc", b"te": rb"trailers",
    b"user-agent": rb"grpc-[-\w+]+/[\d.]+( .*)?", b":status": rb"200|431",
    b"grpc-status": rb"0|[1-9]\d?", b"grpc-message": rb"(?! )[ -~]*(?<! )",
}
NAME = re.compile(rb":?[0-9a-z_.-]+")
TEXT_VALUE = re.compile(rb"[ -~]*")
BASE64 = re.compile(rb"[A-Za-z0-9+/]*")  # not padded


def number(payload):
    return int.from_bytes(payload, "big")


class Stream:
    def __init__(self):
        self.headers = self.ended = self.reset = False
        self.window_change = 0  # of the peer's receiving window, beside its initial size


class Judge:
    """Follows one connection; `found` is what was wrong with what `side` sent."""

    def __init__(self, side):
        self.side, self.found = side, []
        self.streams = collections.defaultdict(Stream)
        self.frames = collections.Counter()
        self.initial_window, self.frame_size, self.list_size = 65535, 16384, 2**32 - 1
        self.window = self.peer_window = 65535
        self.pings, self.settings = [], 0
        self.acked_pings, self.acked_settings = [], 0
        self.goaways, self.highest = [], -1

    def wrong(self, frame, text):
        self.found.append(f"{frame.type} on stream {frame.stream}, flags {frame.flags}: {text}")

    def expect(self, right, frame, text):
        if not right:
            self.wrong(frame, text)

    def follow(self, frame):
        if frame.sender == self.side:
            self.frames[frame.type] += 1
            self.own(frame)
        else:
            self.peers(frame)

    def peers(self, frame):
        if frame.type == "SETTINGS" and not frame.flags & ACK:
            self.settings += 1
            for at in range(0, frame.size, 6):
                name, value = number(frame.payload[at:at + 2]), number(frame.payload[at + 2:at + 6])
                if name == INITIAL_WINDOW:
                    self.initial_window = value
                if name == MAX_FRAME_SIZE:
                    self.frame_size = value
                if name == MAX_HEADER_LIST_SIZE:
                    self.list_size = value
        elif frame.type == "PING" and not frame.flags & ACK:
            self.pings.append(frame.payload)
        elif frame.type == "WINDOW_UPDATE" and frame.stream == 0:
            self.window += number(frame.payload)
        elif frame.type == "WINDOW_UPDATE":
            self.streams[frame.stream].window_change += number(frame.payload)
        elif frame.type == "DATA":
            self.peer_window -= frame.size

    def own(self, frame):
        if sum(self.frames.values()) == 1:
            self.expect(frame.type == "SETTINGS", frame, "the first frame is not SETTINGS (3.4)")
        if frame.type not in FLAGS:
            return self.wrong(frame, "such a frame is not sent")
        self.expect(frame.flags & ~FLAGS[frame.type] == 0, frame, "unknown flags, or padding")
        self.expect(frame.size <= self.frame_size, frame, f"{frame.size} bytes are too many (4.2)")
        if frame.stream == 0:
            return self.own_on_connection(frame)
        stream = self.streams[frame.stream]
        self.expect(not stream.reset, frame, "a frame after RST_STREAM (5.1)")
        if stream.ended:
            self.expect(frame.type in ("WINDOW_UPDATE", "RST_STREAM"), frame,
                        "a frame after END_STREAM (5.1)")
        getattr(self, "own_" + frame.type.lower())(frame, stream)

    def own_on_connection(self, frame):
        if frame.type == "SETTINGS":
            self.acked_settings += frame.flags & ACK
        elif frame.type == "PING":
            if frame.flags & ACK:
                self.acked_pings.append(frame.payload)
            else:
                self.expect(self.goaways == [(LAST_POSSIBLE_ID, NO_ERROR)], frame,
                            "no PING but that of a drain")
        elif frame.type == "GOAWAY":
            self.goaways.append((number(frame.payload[:4]), number(frame.payload[4:8])))
        elif frame.type == "WINDOW_UPDATE":
            self.expect(number(frame.payload) > 0, frame, "an update of nothing (6.9)")
            self.peer_window += number(frame.payload)
            self.expect(self.peer_window <= CONNECTION_WINDOW, frame,
                        f"{self.peer_window - CONNECTION_WINDOW} bytes of credit too many")
        else:
            self.wrong(frame, "not on stream 0")

    def own_window_update(self, frame, _stream):
        self.expect(number(frame.payload) > 0, frame, "an update of nothing (6.9)")

    def own_rst_stream(self, frame, stream):
        stream.reset = True
        if self.side == "server" and number(frame.payload) == NO_ERROR:
            self.expect(stream.ended, frame, "NO_ERROR before the end (PROTOCOL)")

    def own_data(self, frame, stream):
        self.expect(stream.headers, frame, "DATA before HEADERS")
        self.window -= frame.size
        stream.window_change -= frame.size
        self.expect(self.window >= 0, frame, "the connection's window is exceeded (6.9)")
        self.expect(self.initial_window + stream.window_change >= 0, frame,
                    "the stream's window is exceeded (6.9)")
        stream.ended |= bool(frame.flags & END_STREAM)
        self.expect(self.side == "client" or not stream.ended, frame, "no trailers (PROTOCOL)")

    def own_headers(self, frame, stream):
        if self.side == "client":
            self.expect(frame.stream > self.highest and frame.stream % 2 == 1, frame,
                        "not a new odd number (5.1.1)")
            self.highest = frame.stream
            self.expect(not stream.headers, frame, "a request has no trailers (PROTOCOL)")
        first = not stream.headers
        stream.headers = True
        stream.ended |= bool(frame.flags & END_STREAM)
        self.expect(frame.fields is not None, frame, "a block of several frames is not expected")
        self.own_block(frame, first)

    def own_block(self, frame, first):
        names = [name for name, _ in frame.fields]
        ordered = REQUEST_ORDER if self.side == "client" else RESPONSE_ORDER
        known = [name for name in names if name in ordered]
        self.expect(names[:len(known)] == known, frame, f"metadata before {names}")
        self.expect(known == [name for name in ordered if name in known], frame,
                    f"another order (PROTOCOL): {known}")
        needed = [b":method", b":scheme", b":path", b"content-type", b"te", b"user-agent"]
        if self.side == "server":
            needed = [b":status", b"content-type"] if first else []
            needed += [b"grpc-status"] if frame.flags & END_STREAM else []
        for name in needed:
            self.expect(name in names, frame, f"no {name}")
        size = sum(len(name) + len(value) + 32 for name, value in frame.fields)
        self.expect(size <= self.list_size, frame, f"{size} bytes of fields (6.5.2)")
        for name, value in frame.fields:
            right = NAME.fullmatch(name)
            if name in VALUES:
                right = re.fullmatch(VALUES[name], value)
            elif name.endswith(b"-bin"):
                right = right and BASE64.fullmatch(value)
            else:
                right = right and TEXT_VALUE.fullmatch(value)
            self.expect(right, frame, f"{name}: {value[:100]}")

    def end(self, ended_by):
        """What can be said of the connection as a whole."""
        if self.acked_settings != self.settings:
            self.found.append(f"{self.settings} SETTINGS and {self.acked_settings} acks (6.5.3)")
        # The last one may have come too late.
        acked = len(self.acked_pings)
        if self.acked_pings != self.pings[:acked] or acked + 1 < len(self.pings):
            self.found.append(f"{len(self.pings)} PING and {acked} acks (6.7)")
        if any(code != NO_ERROR for _, code in self.goaways):
            self.found.append(f"GOAWAY with an error: {self.goaways}")
        if self.side == "server":
            # Either both of a drain, or none: the client went before.
            drained = len(self.goaways) == 2 and self.goaways[0][0] == LAST_POSSIBLE_ID
            if self.goaways and not drained or ended_by == "server" and not drained:
                self.found.append(f"no drain: GOAWAY {self.goaways} (6.8)")
        elif ended_by == "client" and not self.goaways:
            self.found.append("no GOAWAY before the end (6.8)")


def judge(connection, side):
    """What was wrong with what `side` sent on the connection."""
    found = Judge(side)
    for frame in connection.frames:
        found.follow(frame)
    if connection.broken:
        found.found.append(connection.broken)
    if not connection.parsers["client"].preface_is_right:
        found.found.append("the client's preface is another one (3.4)")
    found.end(connection.ended_by)
    return found
