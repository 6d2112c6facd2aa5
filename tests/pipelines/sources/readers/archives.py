"""WARC bytes for tests, written by hand so that they can be wrong."""

import gzip


def record(kind: str, body: bytes, number: int = 77, length: int | None = None, **headers: str) -> bytes:
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>",
        f"WARC-Target-URI: {headers.pop('uri', f'http://x.example/{number}')}",
        f"WARC-Date: {headers.pop('date', '2024-03-01T12:00:00Z')}",
        f"Content-Length: {len(body) if length is None else length}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"


def http(body: bytes, mime: str | None = "text/html", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if mime:
        lines.append(f"Content-Type: {mime}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def page(words: str, head: str = "") -> bytes:
    text = f"<p>{words} This paragraph is long enough to be the main part of the page, as it has several clauses.</p>"
    return (
        f"<html><head><title>On {words[:9]}</title>{head}</head><body><article>{text}</article></body></html>".encode()
    )


def packed(*records: bytes) -> bytes:
    return b"".join(gzip.compress(one) for one in records)
