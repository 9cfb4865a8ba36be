"""Files of weights: torch.save's in the forms that are published, .safetensors, the download, and hostile files."""

import argparse
import collections
import json
import pickle
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from speechlib.io.file_digest import file_digest
from speechlib.io.self_supervised_weights import fetch_weights, read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}


class NotPlain:
    """Stands for omegaconf's objects."""


FORMS = {
    "flat": WEIGHTS,
    "ordered": collections.OrderedDict(WEIGHTS),
    "fairseq of before": {"args": argparse.Namespace(arch="hubert", nested={"x": [1]}), "model": WEIGHTS, "cfg": None},
    "fairseq": {"args": None, "cfg": {"model": {"layers": 12}}, "model": WEIGHTS, "extra_state": {"epoch": 3}},
    "training framework": {"state_dict": WEIGHTS, "epoch": 1},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_every_form(tmp_path, form, zipped):
    path = tmp_path / "weights.pt"
    torch.save(FORMS[form], path, _use_new_zipfile_serialization=zipped)
    found = read_weights(path)
    assert list(found) == list(WEIGHTS)
    assert all(torch.equal(found[name], value) for name, value in WEIGHTS.items())


def test_safetensors_are_known_by_their_beginning(tmp_path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    path = tmp_path / "model.bin"
    path.write_bytes(struct.pack("<Q", len(header)) + header + np.array([1, 2], "<f4").tobytes())
    assert torch.equal(read_weights(path)["a"], torch.tensor([1.0, 2.0]))


class Evil:
    """Would make a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_a_file_is_not_run(tmp_path):
    path, trace = tmp_path / "evil.pt", tmp_path / "trace"
    torch.save({"model": WEIGHTS, "cfg": Evil(str(trace))}, path)
    with pytest.raises(ValueError, match="could run code"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Evil(str(trace)), protocol=2))
    with pytest.raises(ValueError, match=f"{path}: "):
        read_weights(path)
    assert not trace.exists()


def test_objects_are_refused_with_the_way_out(tmp_path):
    path = tmp_path / "fairseq.pt"
    torch.save({"cfg": NotPlain(), "model": WEIGHTS}, path)
    with pytest.raises(ValueError, match=r"omegaconf.*re-save its weights.*\['model'\], NEW_FILE"):
        read_weights(path)
    with pytest.raises(Exception, match="argparse.Namespace"):  # allowed while reading only
        torch.save({"args": argparse.Namespace(x=1)}, path)
        torch.load(path, weights_only=True)


BAD = {
    "no readable file of weights": b"PK\x03\x04 truncated",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "expected tensors by name, found Tensor": torch.zeros(2),
    "expected tensors by name, found dict": {"model": {}},
    "b is no tensor but int": {"a": torch.zeros(2), "b": 3},
}


@pytest.mark.parametrize("message", BAD)
def test_files_that_are_no_weights(tmp_path, message):
    path = tmp_path / "x.pt"
    if isinstance(BAD[message], bytes):
        path.write_bytes(BAD[message])
    else:
        torch.save(BAD[message], path)
    with pytest.raises(ValueError, match=message):
        read_weights(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="pytorch_model.bin"):
        read_weights(tmp_path)


@pytest.fixture
def server():
    """Serves a file, slowly enough for two to ask for it, and counts the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            if self.path.startswith("/missing"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            asked.wait(0.2)
            self.wfile.write(b"12345")

        def log_message(self, *args):
            pass

    requests: list[str] = []
    asked = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
        thread.join()


def test_weights_are_fetched_once_even_by_several_at_a_time(server, tmp_path):
    url, requests = server
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch_weights(f"{url}/hubert.pth", tmp_path / "new")))
               for _ in range(3)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == 3 * [tmp_path / "new/hubert.pth"] and requests == ["/hubert.pth"]
    assert found[0].read_bytes() == b"12345"
    assert file_digest(found[0]) == "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"


def test_weights_go_where_torch_keeps_its_own(server, tmp_path, monkeypatch):
    url, _ = server
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert fetch_weights(f"{url}/w.pth") == tmp_path / "hub/checkpoints/w.pth"


def test_what_is_not_on_the_server(server, tmp_path):
    url, _ = server
    with pytest.raises(ValueError, match="the server answers 404"):
        fetch_weights(f"{url}/missing.pth", tmp_path)
    assert not (tmp_path / "missing.pth").exists()
