"""A worker process of the isolation pool: `main`, with a file descriptor and a limit of memory as arguments.

It is told a function with its configuration, then sent Arrow batches to answer by it, over a socket, until the other end
closes; it may be told another function in between. Whatever a function prints goes to standard error.
"""

import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from gristmill.schemas.lookup import load_object

HEADER = struct.Struct("<BQ")  # kind of message, bytes that follow
BATCH, FAILURE, FUNCTION = 0, 1, 2


def encode(batch: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def decode(payload: bytes | bytearray) -> pa.RecordBatch:
    with pa.ipc.open_stream(payload) as reader:
        return reader.read_next_batch()


def send(channel: socket.socket, kind: int, payload: bytes | pa.Buffer) -> None:
    channel.sendall(HEADER.pack(kind, len(payload)))
    channel.sendall(payload)


def receive_exactly(channel: socket.socket, count: int) -> bytearray:
    """`count` bytes; EOFError when the other end closed."""
    payload = bytearray(count)
    view = memoryview(payload)
    while view.nbytes:
        got = channel.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return payload


def receive(channel: socket.socket) -> tuple[int, bytearray]:
    kind, length = HEADER.unpack(receive_exactly(channel, HEADER.size))
    return kind, receive_exactly(channel, length)


def main() -> None:
    descriptor, memory_limit = sys.argv[1:3]
    if int(memory_limit):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory_limit), int(memory_limit)))
    os.dup2(2, 1)
    channel = socket.socket(fileno=int(descriptor))
    function: Callable[[pa.RecordBatch, Any], pa.RecordBatch] | None = None
    config: Any = None
    while True:
        try:
            kind, payload = receive(channel)
        except EOFError:
            return
        try:
            if kind == FUNCTION:
                target, config = json.loads(payload)
                function = load_object(target)
                send(channel, FUNCTION, b"")
                continue
            assert function is not None
            kind, answer = BATCH, encode(function(decode(payload), config))
        except (Exception, MemoryError) as error:  # the parent isolates the record, or stops the run without a function
            kind, answer = FAILURE, f"{type(error).__name__}: {error}"[:500].encode()
        send(channel, kind, answer)
