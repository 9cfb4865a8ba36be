"""The demo page: good and bad uploads, what other pages and hosts must not do, and how it ends."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechlib.io.demo_server import serve, waveform
from speechlib.io.wav_writer import wav_bytes, write_wav

RATE = 16000
SAMPLES = np.arange(-8000, 8000, dtype=np.int16)


def predict(samples, rate):
    """Loudness as a class; what is heard is kept."""
    if samples.max(initial=0) == 1:
        raise ValueError("too quiet to judge: speak up")
    if samples.max(initial=0) == 2:
        raise KeyError("a bug")
    predict.heard = samples, rate
    return {"loud": 0.75, "soft": 0.25}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    example = tmp_path_factory.mktemp("examples") / "an example.wav"
    write_wav(example, SAMPLES, RATE)
    with serve(predict, examples=[example], title="Emotion", max_bytes=100_000, max_seconds=2.0) as server:
        yield server


def request(server, path, body=None, **headers):
    """Status, headers and contents of an answer."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    method = None if body is None else "POST"
    asked = urllib.request.Request(server.url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def post(server, body, path="predict", **headers):
    status, _, contents = request(server, path, body, **({"Content_Type": "audio/wav"} | headers))
    return status, json.loads(contents)


def test_an_upload_is_judged(server):
    status, answer = post(server, wav_bytes(SAMPLES, RATE), Origin=server.url.rstrip("/"))
    assert status == 200
    assert answer["classes"] == {"loud": 0.75, "soft": 0.25} and answer["predicted"] == "loud"
    assert answer["duration"] == 1.0 and len(answer["waveform"]) == 600
    heard, rate = predict.heard
    assert heard.dtype == np.float32 and np.array_equal(heard, SAMPLES) and rate == RATE


def test_of_two_channels_the_first_is_heard(server):
    both = np.column_stack([SAMPLES, -SAMPLES])
    contents = io.BytesIO()
    soundfile.write(contents, both, RATE, format="FLAC", subtype="PCM_16")
    assert post(server, contents.getvalue())[0] == 200
    assert np.array_equal(predict.heard[0], SAMPLES)


def test_examples_can_be_chosen_and_heard(server):
    assert json.loads(request(server, "about")[2])["examples"] == ["an example.wav"]
    status, answer = post(server, b"", "predict?example=0")
    assert status == 200 and answer["duration"] == 1.0
    status, headers, contents = request(server, "examples/0")
    assert status == 200 and headers["Content-Type"].startswith("audio/") and contents == wav_bytes(SAMPLES, RATE)
    for path in ("predict?example=1", "predict?example=-1", "predict?example=../page.css"):
        assert post(server, b"", path)[0] == 404
    assert request(server, "examples/1")[0] == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the recording: the file has no bytes"),
        (b"<html>hello", "the recording: a web page or XML, not audio"),
        (wav_bytes(SAMPLES, RATE)[:1000], "the recording: the header promises 16000 samples, 478 are there"),
        (wav_bytes(SAMPLES, 4000), "the recording lasts 4 s, expected 2 s at most"),
        (wav_bytes(SAMPLES, RATE)[:40] + bytes(4), "no samples"),
        (wav_bytes(np.ones(10), RATE), "too quiet to judge: speak up"),
    ],
)
def test_bad_audio_is_refused_kindly(server, body, message):
    status, answer = post(server, body)
    assert status == 400 and message in answer["error"] and "tmp" not in answer["error"]


def test_a_bug_in_the_model_is_no_fault_of_the_audio(server, caplog):
    status, answer = post(server, wav_bytes(np.full(10, 2), RATE))
    assert status == 500 and answer["error"] == "the prediction failed: KeyError, see the terminal"
    assert "a bug" in caplog.text


def test_what_is_too_large_is_refused_before_it_is_read(server):
    status, answer = post(server, bytes(300_000))
    assert status == 413 and answer["error"].startswith("300000 bytes are too many, expected 100000 at most")
    with socket.create_connection(("127.0.0.1", int(server.url.split(":")[2].strip("/"))), timeout=10) as connection:
        host = server.url[7:-1]
        connection.sendall(f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10**12}\r\n\r\n".encode())
        assert b" 413 " in connection.recv(100)


def test_a_length_is_needed(server):
    with socket.create_connection(("127.0.0.1", int(server.url.split(":")[2].strip("/"))), timeout=10) as connection:
        host = server.url[7:-1]
        connection.sendall(f"POST /predict HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        assert b" 411 " in connection.recv(100)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""])
def test_other_hosts_are_refused(server, host):
    for body in (None, wav_bytes(SAMPLES, RATE)):
        status, _, contents = request(server, "predict" if body else "", body, Host=host)
        assert status == 403 and "no other host" in json.loads(contents)["error"]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"Origin": "http://evil.example"}, 403, "posted by a page of http://evil.example"),
        ({"Origin": "null"}, 403, "posted by a page of null"),
        ({"Origin": "http://127.0.0.1:1"}, 403, "posted by a page of"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "posted by a page of cross-site"),
        ({"Content_Type": "text/plain"}, 415, "expected audio as it is"),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415, "expected audio as it is"),
    ],
)
def test_other_pages_cannot_post(server, headers, status, message):
    predict.heard = None
    answered, answer = post(server, wav_bytes(SAMPLES, RATE), **headers)
    assert answered == status and message in answer["error"] and predict.heard is None


def test_the_page_may_load_from_here_alone(server):
    page = request(server, "")
    assert page[0] == 200 and page[1]["Content-Type"] == "text/html; charset=utf-8"
    policy = page[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    for name in re.findall(rb'(?:src|href)="([^"]+)"', page[2]):
        status, headers, _ = request(server, name.decode())
        assert status == 200 and headers["X-Content-Type-Options"] == "nosniff"
    assert request(server, "recorder.js")[0] == 200
    assert b"<script>" not in page[2] and b"style=" not in page[2] and b"onclick" not in page[2]


@pytest.mark.parametrize("path", ["page.txt", "../pyproject.toml", "demo_server.py", "examples/", "predict"])
def test_nothing_else_is_there(server, path):
    status, _, contents = request(server, path)
    assert status == 404 and "there is no" in json.loads(contents)["error"]


def test_one_prediction_at_a_time():
    busy, most = [], []

    def slow(samples, rate):
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.05)
        busy.pop()
        return {"a": 1.0}

    with serve(slow) as server:
        threads = [threading.Thread(target=post, args=(server, wav_bytes(SAMPLES, RATE))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1, 1, 1, 1]
    with pytest.raises(urllib.error.URLError):
        post(server, b"")


@pytest.mark.parametrize("classes", [{}, {"a": float("nan")}])
def test_what_a_model_must_give(classes, caplog):
    with serve(lambda samples, rate: classes) as server:
        status, answer = post(server, wav_bytes(SAMPLES, RATE))
    assert status == 500 and "RuntimeError" in answer["error"] and "expected a finite number" in caplog.text


def test_it_listens_to_this_machine_alone(tmp_path):
    for address in ("0.0.0.0", "::", "", "192.168.1.2", "localhost"):
        with pytest.raises(ValueError, match=r"listens on 127\.0\.0\.1 only"):
            serve(predict, address=address)
    with pytest.raises(FileNotFoundError, match="no such example"):
        serve(predict, examples=[tmp_path / "none.wav"])


def test_ctrl_c_ends_it_cleanly(root):
    program = (
        "import signal\nfrom speechlib.io.demo_server import serve\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # else ignored behind a shell's &
        "with serve(lambda samples, rate: {'a': 1.0}) as server:\n"
        "    print(server.url, flush=True)\n    server.wait()\nprint('bye')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=10)[0] == "bye\n" and process.returncode == 0


def test_waveform_keeps_the_ends_of_each_piece():
    assert waveform(np.array([0, 16384, -32768, 8192], np.float32), 2) == [[0.0, 0.5], [-1.0, 0.25]]
    assert waveform(np.array([3276.8], np.float32)) == [[0.1, 0.1]]
    samples = np.random.default_rng(0).normal(0, 5000, 1234).astype(np.float32)
    pieces = [samples[k * 1234 // 100 : (k + 1) * 1234 // 100] for k in range(100)]
    expected = [[piece.min() / 32768, piece.max() / 32768] for piece in pieces]
    np.testing.assert_allclose(waveform(samples, 100), expected, atol=6e-5)


def test_files_of_the_page_are_packaged(root):
    assert '"speechlib.io" = ["demo/*"]' in (root / "pyproject.toml").read_text()
    names = {path.name for path in Path(root / "speechlib/io/demo").iterdir()}
    assert names == {"page.html", "page.css", "page.js", "recorder.js"}
