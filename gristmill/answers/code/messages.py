"""Messages between two processes: JSON behind its length, over a pair of pipes."""

import json
import os
import struct
from typing import Any

MAX_BYTES = 32 << 20


class Closed(Exception):
    """The other side has ended, or speaks another language."""


class Channel:
    """Two descriptors: what is read and what is written."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing

    def send(self, message: Any) -> None:
        """Send a message; ValueError where it is longer than the other side would take, Closed where nobody reads."""
        body = json.dumps(message).encode("ascii")
        if len(body) > MAX_BYTES:
            raise ValueError(f"a value of more than {MAX_BYTES >> 20} MiB")
        data = memoryview(struct.pack("<I", len(body)) + body)
        try:
            while data:
                data = data[os.write(self._writing, data) :]
        except OSError:
            raise Closed from None

    def receive(self) -> Any:
        """The next message; Closed where there is none."""
        (length,) = struct.unpack("<I", self._exactly(4))
        if length > MAX_BYTES:
            raise Closed
        try:
            return json.loads(self._exactly(length))
        except (ValueError, RecursionError):
            raise Closed from None

    def _exactly(self, length: int) -> bytes:
        received = bytearray()
        while len(received) < length:
            try:
                piece = os.read(self._reading, length - len(received))
            except OSError:
                raise Closed from None
            if not piece:
                raise Closed
            received += piece
        return bytes(received)
