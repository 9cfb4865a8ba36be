"""A small web page on this machine alone: record or upload speech, see the waveform and what a model says.

It listens on 127.0.0.1 and nowhere else. Other web pages in the user's browser must not reach it: a request must name
this host (against DNS rebinding), and what is posted must come from the page itself.
"""

from __future__ import annotations

import json
import logging
import math
import mimetypes
import os
import signal
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

from speechlib.io.audio import BadAudio, audio_info, read_audio

_log = logging.getLogger(__name__)

Predict = Callable[[np.ndarray, int], Mapping[str, float]]

ADDRESS = "127.0.0.1"
MAX_BYTES = 32 * 2**20
MAX_SECONDS = 300.0
_FOLDER = Path(__file__).parent / "demo"
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/recorder.js": ("recorder.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# What a form of any page may post without the browser asking first.
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_COLUMNS = 600  # of the waveform's picture
_PATIENCE = 20.0  # seconds for a client that says nothing


class DemoServer:
    """A running server; leave its `with` block, or call `close`, to end it.

    Attributes:
        url: of the page.
    """

    def __init__(self, http: ThreadingHTTPServer) -> None:
        self._http = http
        self.url = f"http://{ADDRESS}:{http.server_port}/"
        self._thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the user presses Ctrl-C."""
        try:
            while self._thread.is_alive():
                signal.pause()
        except KeyboardInterrupt:
            return

    def close(self) -> None:
        """End the server; a prediction that is under way is not waited for."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> DemoServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(
    predict: Predict,
    port: int = 0,
    examples: Sequence[str | os.PathLike] = (),
    title: str = "Demo",
    address: str = ADDRESS,
    max_bytes: int = MAX_BYTES,
    max_seconds: float = MAX_SECONDS,
) -> DemoServer:
    """Start the page.

    Args:
        predict: from (samples,) float32 in int16 range of the first channel, and the sampling rate, to the probability
            of each class. It is called by one thread at a time, and may raise ValueError for what it cannot judge.
        port: to listen on; 0 for any that is free.
        examples: audio files that the user may choose from.
        title: of the page.
        address: to listen on.
        max_bytes: of an upload.
        max_seconds: of the audio in it.

    Returns:
        The server, which has begun to answer.

    Raises:
        ValueError: an address that others can reach. FileNotFoundError: an example is not there. OSError: the port is
            taken.
    """
    if address != ADDRESS:
        raise ValueError(
            f"the demo listens on {ADDRESS} only, not on {address}: it has no passwords; "
            "from another machine, forward the port (ssh -L)"
        )
    paths = [Path(example) for example in examples]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such example")
    demo = _Demo(predict, paths, title, max_bytes, max_seconds)
    return DemoServer(_Server((address, port), demo))


class _Demo:
    """What the page can ask for."""

    def __init__(
        self, predict: Predict, examples: Sequence[Path], title: str, max_bytes: int, max_seconds: float
    ) -> None:
        self.predict, self.examples, self.title = predict, examples, title
        self.max_bytes, self.max_seconds = max_bytes, max_seconds
        self._one_at_a_time = threading.Lock()

    def about(self) -> dict:
        names = [path.name for path in self.examples]
        return {"title": self.title, "examples": names, "max_bytes": self.max_bytes, "max_seconds": self.max_seconds}

    def judge_bytes(self, contents: bytes) -> dict:
        """Write an upload where it can be read, and judge it."""
        with tempfile.NamedTemporaryFile(prefix="speechlib-demo-") as file:
            file.write(contents)
            file.flush()
            try:
                return self.judge(file.name)
            except BadAudio as error:
                raise ValueError(str(error).replace(file.name, "the recording")) from error

    def judge(self, path: str | os.PathLike) -> dict:
        """Read a file and say what is in it.

        Raises:
            ValueError: it cannot be used.
        """
        info = audio_info(path)
        if not info.samples:
            raise ValueError("the recording has no samples: record for longer")
        if info.duration > self.max_seconds:
            raise ValueError(f"the recording lasts {info.duration:.0f} s, expected {self.max_seconds:.0f} s at most")
        samples, rate = read_audio(path, channel=0)
        with self._one_at_a_time:
            classes = {str(name): float(value) for name, value in self.predict(samples, rate).items()}
        if not classes or not all(map(math.isfinite, classes.values())):
            raise RuntimeError(f"the model gave {classes}, expected a finite number for each class")
        return {
            "classes": classes,
            "predicted": max(classes, key=classes.__getitem__),
            "duration": len(samples) / rate,
            "waveform": waveform(samples),
        }


def waveform(samples: np.ndarray, columns: int = _COLUMNS) -> list[list[float]]:
    """Lowest and highest sample, of [-1, 1], in each of so many equal pieces (fewer if there are fewer samples)."""
    columns = min(columns, len(samples))
    starts = np.arange(columns) * len(samples) // columns
    ends = np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)], axis=1)
    return np.round(ends.astype(np.float64) / 32768.0, 4).tolist()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], demo: _Demo) -> None:
        self.demo = demo
        super().__init__(address, _Handler)
        hosts = [f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")]
        self.hosts = hosts + ([ADDRESS, "localhost"] if self.server_port == 80 else [])

    def server_bind(self) -> None:
        # http.server's own asks the name service who we are, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        _log.debug("a connection of %s broke", client_address, exc_info=True)


class _Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    server_version, sys_version = "speechlib", ""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:
        _log.debug(format, *args)

    def _answer(self, respond: Callable[[], None]) -> None:
        try:
            if self.headers.get("Host") not in self.server.hosts:
                raise _Refusal(HTTPStatus.FORBIDDEN, f"this page is {' or '.join(self.server.hosts)} and no other host")
            respond()
        except _Refusal as refusal:
            self._send_json({"error": str(refusal)}, refusal.status)
            self._let_finish()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser went away

    def _get(self) -> None:
        path = urlsplit(self.path).path
        if path in _FILES:
            name, kind = _FILES[path]
            self._send((_FOLDER / name).read_bytes(), kind)
        elif path == "/about":
            self._send_json(self.server.demo.about())
        elif path.startswith("/examples/"):
            example = self._example(path.removeprefix("/examples/"))
            self._send(example.read_bytes(), mimetypes.guess_type(example.name)[0] or "application/octet-stream")
        else:
            raise _Refusal(HTTPStatus.NOT_FOUND, f"there is no {path}")

    def _post(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/predict":
            raise _Refusal(HTTPStatus.NOT_FOUND, f"there is no {address.path} to post to")
        self._check_origin()
        example = parse_qs(address.query).get("example")
        demo = self.server.demo
        try:
            if example:
                answer = demo.judge(self._example(example[0]))
            else:
                answer = demo.judge_bytes(self._body())
        except ValueError as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        except (ConnectionError, TimeoutError, _Refusal):
            raise
        except Exception as error:
            _log.exception("the prediction failed")
            message = f"the prediction failed: {type(error).__name__}, see the terminal"
            raise _Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, message) from error
        self._send_json(answer)

    def _check_origin(self) -> None:
        """Browsers say which page posts; programs (curl) say nothing and need not."""
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "same-origin")
        own = [f"http://{host}" for host in self.server.hosts]
        if (origin is not None and origin not in own) or site not in ("same-origin", "none"):
            raise _Refusal(HTTPStatus.FORBIDDEN, f"posted by a page of {origin or site}: only {own[0]} may")
        if self.headers.get_content_type() in _FORM_TYPES and "Content-Type" in self.headers:
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected audio as it is, with Content-Type audio/wav")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        if int(length) > self.server.demo.max_bytes:
            most = self.server.demo.max_bytes
            message = f"{length} bytes are too many, expected {most} at most: send a shorter piece"
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        contents = self.rfile.read(int(length))
        if len(contents) < int(length):
            raise ConnectionError("the upload broke off")
        return contents

    def _example(self, number: str) -> Path:
        examples = self.server.demo.examples
        if not number.isdecimal() or int(number) >= len(examples):
            raise _Refusal(HTTPStatus.NOT_FOUND, f"there is no example {number}")
        return examples[int(number)]

    def _send_json(self, value: dict, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value, allow_nan=False).encode(), "application/json", status)

    def _send(self, contents: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(contents))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(contents)

    def _let_finish(self) -> None:
        """Take what a refused client still sends, up to a limit: closing at once would hide the answer from it."""
        self.close_connection = True
        self.wfile.flush()
        left = 4 * self.server.demo.max_bytes
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1.0)
            while left > 0 and (piece := self.rfile.read1(1 << 16)):
                left -= len(piece)
        except OSError:
            return  # it had read enough
