"""A worker process of the isolation pool: `python -m gristmill.pipelines.engine.worker FD MODULE:FUNCTION CONFIG LIMIT`.

It answers Arrow batches on a socket until the other end closes. Whatever the function prints goes to standard error.
"""

import json
import os
import resource
import socket
import struct
import sys
from importlib import import_module

import pyarrow as pa

HEADER = struct.Struct("<BQ")  # kind of message, bytes that follow
BATCH, FAILURE = 0, 1


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
    descriptor, target, config_json, memory_limit = sys.argv[1:5]
    if int(memory_limit):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory_limit), int(memory_limit)))
    os.dup2(2, 1)
    channel = socket.socket(fileno=int(descriptor))
    module, _, name = target.partition(":")
    try:
        function = getattr(import_module(module), name)
    except Exception as error:  # reported to the parent, which stops the run
        send(channel, FAILURE, f"{type(error).__name__}: {error}"[:500].encode())
        raise
    send(channel, BATCH, b"")
    config = json.loads(config_json)
    while True:
        try:
            _, payload = receive(channel)
        except EOFError:
            return
        try:
            kind, answer = BATCH, encode(function(decode(payload), config))
        except (Exception, MemoryError) as error:  # reported to the parent, which isolates the record
            kind, answer = FAILURE, f"{type(error).__name__}: {error}"[:500].encode()
        send(channel, kind, answer)


if __name__ == "__main__":
    main()
