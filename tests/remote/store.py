"""An object store on the loopback address: moto's S3, which counts requests and can be made slow, refuse or fail."""

import contextlib
import logging
import re
import threading
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import werkzeug.serving
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

BUCKET = "corpus"
_KINDS = {"HEAD": "ask", "GET": "get", "PUT": "put", "POST": "post", "DELETE": "delete"}
_ANSWERS = {403: ("403 Forbidden", "AccessDenied"), 503: ("503 Service Unavailable", "SlowDown")}


Request = tuple[str, str]  # kind, key


@dataclass
class Store:
    """What the server was asked, and what it shall do with the next requests.

    requests: (kind, key) of every request, kind being ask (HEAD), get, list, put, post or delete.
    range_bytes: bytes that were asked for as ranges of files, in all.
    disturb: called with (kind, key) before a request is answered; returns the status to refuse it with, or None.
    lose: called with (kind, key) after a request was carried out; True: its answer is lost, the client hears 503.
    """

    url: str
    requests: list[Request] = field(default_factory=list)
    range_bytes: int = 0
    disturb: Callable[[str, str], int | None] | None = None
    lose: Callable[[str, str], bool] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach the store: names that boto and Sail's object store both read."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[Request]]:
        """The requests made inside the block."""
        before = len(self.requests)
        seen: list[Request] = []
        yield seen
        seen += self.requests[before:]

    @contextlib.contextmanager
    def disturbed(
        self,
        disturb: Callable[[str, str], int | None] | None = None,
        lose: Callable[[str, str], bool] | None = None,
    ) -> Iterator[None]:
        self.disturb, self.lose = disturb, lose
        try:
            yield
        finally:
            self.disturb = self.lose = None


def requests_by_folder(seen: Iterable[Request], root: str) -> dict[str, Counter[str]]:
    """Dataset of the run below `root` -> how many requests of each kind; listings count for the folder they list."""
    counts: dict[str, Counter[str]] = {}
    for kind, key in seen:
        if key.startswith(root):
            folder = re.sub(r"/((data|units)(/.*)?|[^/]*\.json)$", "", key[len(root) :].rstrip("/"))
            counts.setdefault(folder, Counter())[kind] += 1
    return counts


@contextlib.contextmanager
def running_store() -> Iterator[Store]:
    """A server on a free port of 127.0.0.1 with one empty bucket."""
    moto: Any = DomainDispatcherApplication(create_backend_app)
    store = Store("")
    writing = threading.Lock()  # S3 puts a key that must not be there at once; moto looks first and puts then

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        kind, key = _KINDS.get(environ["REQUEST_METHOD"], "other"), environ["PATH_INFO"].lstrip("/")
        if kind == "get" and re.search(r"(^|&)(list-type|location|uploads)", environ.get("QUERY_STRING", "")):
            kind = "list"
            prefix = urllib.parse.parse_qs(environ["QUERY_STRING"]).get("prefix", [""])[0]
            key = f"{key}/{prefix}".rstrip("/")
        first, dash, last = environ.get("HTTP_RANGE", "").removeprefix("bytes=").partition("-")
        if kind == "get" and dash and last:
            store.range_bytes += int(last) - int(first) + 1 if first else int(last)
        store.requests.append((kind, key))
        status = store.disturb(kind, key) if store.disturb else None
        if status is None and not (store.lose and store.lose(kind, key)):
            with writing if kind in ("put", "delete") else contextlib.nullcontext():
                answer: Iterable[bytes] = moto(environ, start_response)
            return answer
        if status is None:
            status = 503
            list(moto(environ, lambda *_: None))
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        line, code = _ANSWERS[status]
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>refused by the test</Message></Error>"
        content = b"" if kind == "ask" else body.encode()
        start_response(line, [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))])
        return [content]

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = werkzeug.serving.make_server("127.0.0.1", 0, application, threaded=True)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    urllib.request.urlopen(
        urllib.request.Request(f"{store.url}/moto-api/reset", method="POST")
    ).close()  # of other stores
    store.requests.clear()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
