"""The readers that are given hostile files: for each, valid files to begin with, and how it is called."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Target(NamedTuple):
    """A reader.

    Attributes:
        name: of it.
        seeds: valid files, made by our own writers where there are some.
        read: is called with the path of the file, reads it and all that is in it.
        prepare: is called once with the folder, for what must lie beside the file.
        file: name of the file; its suffix matters to some.
        runs_commands: commands in the file are the user's own (`wav.scp`).
    """

    name: str
    seeds: list[bytes]
    read: Callable[[str], Any]
    prepare: Callable[[Path], None] = lambda folder: None
    file: str = "hostile"
    runs_commands: bool = False


def make_targets(group: str, folder: Path) -> list[Target]:
    """The targets of one of GROUPS; `folder` is for making their seeds. None where a library is not installed."""
    return GROUPS[group](folder)


def _written(folder: Path, write: Callable[[str], Any]) -> bytes:
    path = folder / "seed"
    write(str(path))
    data = path.read_bytes()
    path.unlink()
    return data


def _objects() -> dict[str, list]:
    chance = np.random.default_rng(0)
    matrices = [chance.normal(size=shape).astype(kind) for shape, kind in
                (((3, 4), "f4"), ((2, 2), "f8"), ((0, 0), "f4"), ((12, 5), "f4"))]  # fmt: skip
    vectors = [chance.normal(size=size).astype(kind) for size, kind in ((5, "f4"), (5, "f4"), (5, "f8"), (5, "f4"))]
    return {
        "matrix": matrices,
        "vector": vectors,
        "int_vector": [np.array([1, 2, 3], np.int32), np.array([], np.int32)],
        "int": [1, -5],
        "float": [0.5, 2.0],
        "token": ["word"],
        "tokens": [["a", "b"], []],
    }


def _archive(folder: Path, values: list, binary: bool = True, compression: int | None = None) -> bytes:
    from speechlib.io.tables import open_table

    def write(path: str) -> None:
        with open_table(f"{'ark' if binary else 'ark,t'}:{path}", compression) as table:
            for number, value in enumerate(values):
                table.write(f"utt{number}", value)

    return _written(folder, write)


def _archives(folder: Path) -> list[Target]:
    from speechlib.io.tables import RandomAccessTable, read_matrix, read_table
    from speechlib.io.vector_table import read_vectors
    from speechlib.io.wav_writer import write_wav

    objects = _objects()
    binary = {kind: _archive(folder, values) for kind, values in objects.items()}
    text = {kind: _archive(folder, values, binary=False) for kind, values in objects.items()}
    compressed = [_archive(folder, objects["matrix"], compression=method) for method in range(1, 8)]
    wave = b"utt0 " + _written(folder, lambda path: write_wav(path, np.arange(50, dtype=np.float32), 8000))

    def in_order(path: str, kind: str) -> None:
        list(read_table(f"ark:{path}", kind))

    def by_key(path: str, kind: str) -> None:
        table = RandomAccessTable(f"ark:{path}", kind)
        for key in table:
            table[key]

    all_of = [binary["matrix"], binary["vector"], text["matrix"], text["vector"], text["int_vector"], *compressed]
    targets = [Target("ark, any kind, in order", all_of, lambda path: in_order(path, "any")),
               Target("ark, any kind, by key", all_of, lambda path: by_key(path, "any"))]  # fmt: skip
    for kind, data in binary.items():
        seeds = [data, text[kind], *(compressed if kind == "matrix" else [])]
        targets.append(Target(f"ark of {kind}", seeds, lambda path, kind=kind: in_order(path, kind)))
    targets.append(Target("ark of wave", [wave, wave * 2], lambda path: in_order(path, "wave")))
    embeddings = [binary["vector"], text["vector"]]
    targets.append(Target("ark of embeddings", embeddings, lambda path: read_vectors(f"ark:{path}")))
    single = [data.split(b" ", 1)[1] for data in (binary["matrix"], text["matrix"], *compressed)]
    targets.append(Target("one matrix", single, read_matrix))
    return [*targets, *_lists_of_gaussians(folder)]


def _lists_of_gaussians(folder: Path) -> list[Target]:
    from speechlib.io.posteriors import Ragged, RaggedWriter, read_gselect, read_posteriors

    def seeds(values: np.ndarray | None) -> list[bytes]:
        ragged = Ragged(np.array([0, 2, 2, 3]), np.array([4, 1, 7], np.int32), values)
        even = Ragged(np.array([0, 1, 2, 3]), np.array([4, 1, 7], np.int32), values)

        def write(path: str, kind: str) -> None:
            with RaggedWriter(f"{kind}:{path}") as writer:
                writer.write("utt0", ragged)
                writer.write("utt1", even)

        return [_written(folder, lambda path, kind=kind: write(path, kind)) for kind in ("ark", "ark,t")]

    posteriors = np.array([0.5, 0.5, 1], np.float32)
    return [
        Target("ark of selected Gaussians", seeds(None), lambda path: list(read_gselect(f"ark:{path}"))),
        Target("ark of posteriors", seeds(posteriors), lambda path: list(read_posteriors(f"ark:{path}"))),
    ]


def _scripts(folder: Path) -> list[Target]:
    from speechlib.io.datadir_checks import validate
    from speechlib.io.specifiers import read_script
    from speechlib.io.tables import RandomAccessTable, open_table, read_table
    from speechlib.io.utterance_audio import UtteranceAudio
    from speechlib.io.vector_table import read_vectors
    from speechlib.io.wav_writer import write_wav

    def beside(place: Path) -> None:
        with open_table(f"ark:{place}/good.ark") as table:
            for number, value in enumerate(_objects()["matrix"]):
                table.write(f"utt{number}", value)
        with open_table(f"ark:{place}/vectors.ark") as table:
            for number in range(4):
                table.write(f"utt{number}", np.ones(3, np.float32))
        write_wav(place / "good.wav", np.arange(8000, dtype=np.float32), 8000)
        os.chdir(place)

    matrices = b"utt0 good.ark:5\nutt1 good.ark:73[0:1]\nutt3 good.ark:5[0:1,1:2]\n"
    vectors = b"utt0 vectors.ark:5\nutt1 vectors.ark:32\nutt2 vectors.ark:59\n"

    def read(path: str) -> None:
        list(read_table(f"scp:{path}", "matrix"))

    def by_key(path: str) -> None:
        table = RandomAccessTable(f"scp,p:{path}", "any")
        for key in table:
            key in table  # noqa: B015 - reads it

    def recordings(path: str) -> None:
        audio = UtteranceAudio(os.path.dirname(path))
        for _ in audio:
            pass

    script = {"prepare": beside, "runs_commands": True}
    return [
        Target("scp of matrices", [matrices], read, **script),
        Target("scp by key, permissive", [matrices, vectors], by_key, **script),
        Target("scp of embeddings", [vectors], lambda path: read_vectors(f"scp:{path}"), **script),
        Target("wav.scp", [b"utt0 good.wav\nutt1 good.wav\n"], recordings, beside, "wav.scp", True),
        Target("script", [matrices, vectors], read_script, **script),
        *[
            Target(f"data directory, {name}", [seed], lambda path: _whole_directory(os.path.dirname(path)),
                   _write_directory, name)
            for name, seed in _DIRECTORY.items()
        ],
        Target("validation", [_DIRECTORY["utt2spk"]], lambda path: validate(os.path.dirname(path)), _write_directory,
               "utt2spk"),
    ]  # fmt: skip


_DIRECTORY = {
    "utt2spk": b"a-1 a\na-2 a\nb-1 b\n",
    "spk2utt": b"a a-1 a-2\nb b-1\n",
    "wav.scp": b"r1 good.wav\nr2 good.wav\n",
    "segments": b"a-1 r1 0 0.5\na-2 r1 0.5 1.0\nb-1 r2 0.0 -1\n",
    "text": b"a-1 eins zwei\na-2\nb-1 drei\n",
    "utt2dur": b"a-1 0.5\na-2 0.5\nb-1 1\n",
    "utt2num_frames": b"a-1 48\na-2 48\nb-1 98\n",
    "reco2dur": b"r1 1.0\nr2 1.0\n",
    "spk2gender": b"a f\nb m\n",
    "reco2file_and_channel": b"r1 r1 1\nr2 r2 1\n",
    "feats.scp": b"a-1 f.ark:4\na-2 f.ark:9\nb-1 f.ark:99\n",
}


def _write_directory(place: Path) -> None:
    for name, data in _DIRECTORY.items():
        (place / name).write_bytes(data)


def _whole_directory(folder: str) -> None:
    from speechlib.io.datadir import DataDir, validate
    from speechlib.io.segment_files import read_segments

    validate(folder)
    data = DataDir(folder)
    for name in ("utt2spk", "spk2utt", "wav_scp", "segments", "channels", "text", "feats_scp", "spk2gender", "utt2dur",
                 "reco2dur", "utt2num_frames"):  # fmt: skip
        getattr(data, name)
    read_segments(f"{folder}/segments")


def _texts(folder: Path) -> list[Target]:
    from speechlib.io.bad_audio import read_bad_list
    from speechlib.io.clip_lists import read_clips
    from speechlib.io.clusters import read_curve, read_labels, read_tree, write_curve, write_tree
    from speechlib.io.conversations import read_conversations
    from speechlib.io.label_csv import read_label_csv
    from speechlib.io.map_tables import read_count_map, read_list_map, read_word_map
    from speechlib.io.phone_alignments import read_phones
    from speechlib.io.predictions import read_predictions
    from speechlib.io.results_template import read_reference
    from speechlib.io.rttm import read_rttm
    from speechlib.io.sample_sources import read_csv_database
    from speechlib.io.scores import read_score_table, read_scores
    from speechlib.io.trials import iterate_trials, read_trials
    from speechlib.io.uem import read_uem
    from speechlib.io.utterances import read_utterances

    trials = b"a x target\na y nontarget\nb-long-name-of-a-model y target\n"
    scores = b"a x 0.5\na y -1.25e-3\nb-long-name-of-a-model y 12345678.5\n"
    tree = b" [\n  0 1 0.5 2\n  2 3 0.7 3 ]\n"
    csv = b"file,start,end,speaker,emotion\nx.wav,0,1.5,s1,joy\ny.wav,0 days 00:00:01.5,,s2,fear\n"

    def score_trials(path: str) -> None:
        good = f"{os.path.dirname(path)}/trials"
        read_scores(path, read_trials(good))

    def trials_beside(place: Path) -> None:
        (place / "trials").write_bytes(trials)

    def csv_database(path: str) -> None:
        read_csv_database("hostile", path)

    def audio_beside(place: Path) -> None:
        for name in ("x.wav", "y.wav"):
            (place / name).touch()

    def tree_beside(place: Path) -> None:
        write_tree(place, ["a", "b", "c"], np.array([[0, 1, 0.5, 2], [2, 3, 0.7, 3.0]]))

    curve = _written(folder, lambda path: write_curve(path, dict.fromkeys(
        ("num_clusters", "distance", "mr_strict", "mr_hungarian", "purity"), [1.0, 0.5])))  # fmt: skip
    return [
        Target("trials", [trials, b"1 a x\n0 a y\n", b"a x\na y\n"], lambda path: read_trials(path).pair(0)),
        Target("trials, piece by piece", [trials], lambda path: [len(piece) for piece in iterate_trials(path)]),
        Target("score file", [scores], read_score_table),
        Target("scores of trials", [scores], score_trials, trials_beside),
        Target("RTTM", [b"SPEAKER rec 1 0.5 1.25 <NA> <NA> s1 <NA> <NA>\n;; c\nSPKR-INFO rec 1 <NA>\n"], read_rttm),
        Target("UEM", [b"rec 1 0 10.5\nrec 1 12 20\n"], read_uem),
        Target("CTM of phones", [b"utt 1 0 0.1 sil\nutt 1 0.1 0.25 ah\nutt2 1 0.5 1 sh 0.9\n"], read_phones),
        Target("label CSV", [csv, csv.replace(b",", b";")], read_label_csv),
        Target("label CSV as a database", [csv], csv_database, audio_beside),
        Target("predictions", [b"file,truth,predicted,joy,fear\na.wav,joy,fear,0.25,0.75\n"], read_predictions),
        Target("word map", [b"a x\nb y\n"], lambda path: (read_word_map(path), read_word_map(f"ark:{path}"))),
        Target("list map", [b"a x y\nb z\n"], lambda path: (read_list_map(path), read_conversations(path))),
        Target("count map", [b"a 3\nb 1\n"], read_count_map),
        Target("utterance list", [b"a\nb\n", b"a x\nb y\n"], read_utterances),
        Target("labels", [b"a x\nb y\n"], read_labels),
        Target("tree", [tree], lambda path: read_tree(os.path.dirname(path)), tree_beside, "linkage.txt"),
        Target("curve", [curve], read_curve),
        Target("list of clips", [b"noise\t-\tn/1\t16000\t1\t500\t/x.wav\n"], read_clips),
        Target("list of bad audio", [b"utt\ttruncated\tthe message\n"], read_bad_list),
        Target("reference results", [b"row\tEER\n# c\na|b\t1.5\n"], read_reference),
    ]  # fmt: skip


def _options(folder: Path) -> list[Target]:
    from dataclasses import dataclass, field

    from speechlib.io.audformat_tables import read_database
    from speechlib.io.experiment_ini import ExperimentIni
    from speechlib.io.kaldi_conf import build_options, read_options
    from speechlib.io.results_template import read_template
    from speechlib.jobs.site_conf import parse_site_conf

    @dataclass
    class Options:
        sample_frequency: float = 16000.0
        num_bins: int = 23
        use_energy: bool = False
        window: str = "povey"
        sizes: list[int] = field(default_factory=list)
        pair: tuple[int, int] = (0, 0)
        maybe: float | None = None

    def options(path: str) -> None:
        repr(build_options(Options, read_options(path), path))

    def ini(path: str) -> None:
        experiment = ExperimentIni(path)
        experiment.kept_keys()

    def audformat(path: str) -> None:
        database = read_database(os.path.dirname(path))
        for name in database.tables:
            database.joined_rows(name)

    def site(path: str) -> None:
        parse_site_conf(Path(path).read_text(encoding="utf-8", errors="surrogateescape"), path)

    yaml = b"sample_frequency: 8000\nnum-bins: 40\nuse_energy: true\nsizes: [1, 2, 3]\npair: [1, 2]\nwindow: hamming\n"
    conf = b"# c\n--sample-frequency=8000\n--num-bins=40 # c\n--use-energy\n--sizes=1:2:3\n"
    header = (
        b"name: x\nschemes:\n  emotion: {dtype: str, labels: [joy, fear]}\n  speaker:\n    dtype: str\n    labels:\n"
        b"      s1: {age: 5}\ntables:\n  files:\n    type: filewise\n    columns:\n"
        b"      emotion: {scheme_id: emotion}\n      speaker: {scheme_id: speaker}\n"
    )
    table = b"file,emotion,speaker\nx.wav,joy,s1\n"

    def database_beside(place: Path) -> None:
        (place / "db.yaml").write_bytes(header)
        (place / "db.files.csv").write_bytes(table)

    experiment = (b"[EXP]\nroot = ./\nname = x\n[DATA]\ndatabases = ['one']\none = ./one\none.split_strategy = random\n"
                  b"target = emotion\nlabels = ['joy', 'fear']\n[FEATS]\ntype = ['os']\n[MODEL]\ntype = svm\n"
                  b"tuning_params = ['C']\nC = [1, 2]\n")  # fmt: skip
    return [
        Target("Kaldi conf", [conf], options),
        Target("YAML options", [yaml], options),
        Target("experiment INI", [experiment], ini),
        Target("audformat header", [header], audformat, database_beside, "db.yaml"),
        Target("audformat table", [table], audformat, database_beside, "db.files.csv"),
        Target("results template", [b"title: x\nsections:\n- text: y\n- table: {columns: [a]}\n"], read_template),
        Target("scheduler conf", [b"command sbatch\noption mem=* --mem $0\ndefault gpu=0\noption gpu=0\n"], site),
    ]


def _kaldi_models(folder: Path) -> list[Target]:
    from speechlib.io.gmm_models import (
        Mixture,
        Sums,
        read_diag_gmm,
        read_full_gmm,
        read_sums,
        write_diag_gmm,
        write_full_gmm,
        write_sums,
    )
    from speechlib.io.ivector_models import (
        Extractor,
        ExtractorSums,
        read_extractor,
        read_extractor_sums,
        write_extractor,
        write_extractor_sums,
    )
    from speechlib.io.kaldi_model import read_model
    from speechlib.io.plda_files import read_plda, write_plda

    chance = np.random.default_rng(1)
    two, eye = np.full(2, 0.5), np.stack([np.eye(3)] * 2)
    diag = Mixture(two, chance.normal(size=(2, 3)), np.ones((2, 3)))
    full = Mixture(two, chance.normal(size=(2, 3)), eye)
    sums = [Sums(two, diag.means, np.ones((2, 3))), Sums(two, diag.means, eye)]
    extractor = Extractor(chance.normal(size=(2, 3, 2)), eye, 1.0, two)
    cross = chance.normal(size=(2, 3, 2))
    extractor_sums = ExtractorSums(0.5, two, cross, np.ones((2, 3)), eye, 4.0, np.ones(2), np.eye(2))

    def both(write: Callable[..., None], *arguments) -> list[bytes]:
        return [_written(folder, lambda path, b=b: write(path, *arguments, b)) for b in (True, False)]

    models = {
        "PLDA": (read_plda, both(write_plda, np.ones(3), np.eye(3), np.ones(3))),
        "diagonal mixture": (read_diag_gmm, both(write_diag_gmm, diag, np.ones(2))),
        "full mixture": (read_full_gmm, both(write_full_gmm, full, np.ones(2))),
        "statistics of a mixture": (read_sums, both(write_sums, sums[0]) + both(write_sums, sums[1])),
        "i-vector extractor": (read_extractor, both(write_extractor, extractor)),
        "statistics of an extractor": (read_extractor_sums, both(write_extractor_sums, extractor_sums)),
    }
    targets = [Target(name, seeds, read) for name, (read, seeds) in models.items()]
    every = [seed for _, seeds in models.values() for seed in seeds]
    return [*targets, Target("any model of Kaldi's", every, read_model)]


def _audio(folder: Path) -> list[Target]:
    from speechlib.io.audio import audio_info, read_audio
    from speechlib.io.wav_writer import write_wav

    def read(path: str) -> None:
        info = audio_info(path)
        samples = read_audio(path, channel=0)[0]
        assert samples.shape == (info.samples,) and np.isfinite(samples).all()
        read_audio(path, channel=0, start=min(0.01, info.duration / 2))

    plain = _written(folder, lambda path: write_wav(path, np.arange(400, dtype=np.float32), 8000))
    samples = np.arange(200, dtype="<i2").tobytes()
    sphere = b"NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i 200\nsample_rate -i 8000\nsample_n_bytes -i 2\n" \
             b"sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"  # fmt: skip
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 8000, 32000, 4, 16, 22, 16, 3) + guid
    unknown = b"\xff\xff\xff\xff"
    extensible = b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + unknown + samples
    long = (b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + (500).to_bytes(8, "little") + (400).to_bytes(8, "little")
            + bytes(12) + plain[12:36] + b"data\xff\xff\xff\xff" + samples)  # fmt: skip
    targets = [Target("WAV: RIFF, RF64, extensible", [plain, extensible, long], read),
               Target("NIST SPHERE", [sphere.ljust(1024, b"\n") + samples], read)]  # fmt: skip
    try:
        import soundfile
    except ImportError:
        return targets
    tone = 0.3 * np.sin(np.arange(2000) / 7)
    for kind in ("FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64"):
        if kind in soundfile.available_formats():
            buffer = io.BytesIO()
            soundfile.write(buffer, np.stack([tone, tone], 1), 8000, format=kind)
            targets.append(Target(f"{kind} by libsndfile", [buffer.getvalue()], read))
    return targets


def _folders(folder: Path) -> list[Target]:
    from speechlib.io.feature_store import FeatureStore
    from speechlib.io.hidden_states import HiddenStates

    def store(place: Path) -> FeatureStore:
        return FeatureStore(place, "kind", {})

    store(folder).write({"k1": np.ones((2, 3), np.float32), "k2": np.ones((1, 3), np.float32)})
    (shard,) = store(folder).folder.glob("*.npz")

    def shards(path: str) -> None:
        here = Path(path).parent
        target = store(here).folder / "one.npz"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(Path(path).read_bytes())
        found = store(here).read(["k1", "k2"])
        assert all(len(value) in (1, 2) and value.ndim == 2 for value in found.values())

    description = b"layers: [1, 2]\ndim: 3\npooling: none\nrandom_weights: false\n"

    def states_beside(place: Path) -> None:
        from speechlib.io.tables import open_table

        with open_table(f"ark,scp:{place}/states.ark,{place}/states.scp") as table:
            table.write("utt0", np.ones((4, 3), np.float32))

    def states(path: str) -> None:
        folder = HiddenStates(os.path.dirname(path))
        folder["utt0"]

    return [
        Target("features kept (npz)", [shard.read_bytes()], shards),
        Target("hidden states, description", [description], states, states_beside, "states.yaml"),
    ]  # fmt: skip


def _json(folder: Path) -> list[Target]:
    from speechlib.io.onnx_tensors import read_onnx_tensors
    from speechlib.io.results import read_result, read_results, write_result
    from speechlib.io.safetensors import read_safetensors
    from speechlib.io.selections import read_selection
    from speechlib.io.stamps import Stamp

    def result(path: str) -> None:
        write_result(path, task="t", metrics={"eer": {"value": 1.5, "interval": [1, 2]}}, counts={"n": 3},
                     selection={"cut": "fixed"}, labels=None)  # fmt: skip

    def tensors(parts: dict[str, np.ndarray]) -> bytes:
        entries, data = {}, b""
        for name, array in parts.items():
            kind = {"f": "F32", "i": "I64"}[array.dtype.kind]
            entries[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
            data += array.tobytes()
        header = json.dumps(entries).encode()
        return len(header).to_bytes(8, "little") + header + data

    stamp = _written(folder, lambda path: Stamp(path, [], {}, []).finish())
    seed = tensors({"w": np.ones((2, 3), np.float32), "n": np.arange(3)})
    outcome = _written(folder, result)
    several = b'{"a/result.json": ' + outcome + b"}"
    return [
        Target("result.json", [outcome], read_result),
        Target("results.json", [several], lambda path: read_results(os.path.dirname(path)), file="results.json"),
        Target("stamp", [stamp], lambda path: Stamp(path, [], {}, []).is_complete()),
        Target("selection", [b'{"cut": "dev", "threshold": 1.5}'], read_selection),
        Target("safetensors", [seed], read_safetensors),
        Target("ONNX tensors", [_onnx()], read_onnx_tensors),
    ]  # fmt: skip




def _onnx() -> bytes:
    def field(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        return bytes([number << 3 | 2, len(value)]) + value

    tensor = field(1, 2) + field(2, 1) + field(8, b"w") + field(9, np.ones(2, "<f4").tobytes())
    node = field(2, b"out") + field(5, field(5, tensor)) + field(5, field(6, field(5, tensor)))
    return field(7, field(5, tensor) + field(1, node))


def _torch_files(folder: Path) -> list[Target]:
    try:
        import torch
    except ImportError:
        return []
    from speechlib.io.checkpoints import load_state, save_state
    from speechlib.io.self_supervised_weights import read_weights

    state = {"a.weight": torch.ones(3, 2), "a.bias": torch.arange(3.0)}
    checkpoint = {"model": state, "update": 5, "name": "x", "list": [1, 2.5, None], "half": torch.ones(2).half()}
    seeds = [_written(folder, lambda path, value=value: save_state(path, value)) for value in (state, checkpoint)]
    old = io.BytesIO()
    torch.save(state, old, _use_new_zipfile_serialization=False)

    def touch(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            value.double().sum()
        elif isinstance(value, dict):
            for item in value.values():
                touch(item)

    return [
        Target("weights (model.pt)", seeds, lambda path: touch(load_state(path))),
        Target("foreign weights", [*seeds, old.getvalue()], lambda path: touch(read_weights(path))),
    ]


def _trait_models(folder: Path) -> list[Target]:
    try:
        import skops.io
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        return []
    from speechlib.io.trait_models import read_trait_model

    chance = np.random.default_rng(2)
    features, classes = chance.normal(size=(40, 2)), np.arange(40) % 2
    models = (LogisticRegression(), DecisionTreeClassifier(max_depth=2), HistGradientBoostingClassifier(max_iter=2))
    seeds = [skops.io.dumps(model.fit(features, classes)) for model in models]

    about = b'{"classes": ["a", "b"], "ini": "[EXP]"}'

    def about_beside(place: Path) -> None:
        (place / "about.json").write_text("{}")
        (place / "estimator.skops").write_bytes(seeds[0])

    def read(path: str) -> None:
        _, estimator, _ = read_trait_model(os.path.dirname(path))
        with contextlib.suppress(Exception):  # what does not fit together may fail, but must not end the interpreter
            estimator.predict(features)

    return [
        Target("trait model, estimator", seeds, read, about_beside, "estimator.skops"),
        Target("trait model, about.json", [about], read, about_beside, "about.json"),
    ]


def _subwords(folder: Path) -> list[Target]:
    try:
        import sentencepiece
    except ImportError:
        return []
    from speechlib.io.subwords import load_subwords

    model = io.BytesIO()
    sentences = iter(["the cat sat on the mat", "a dog ate the cat", "she sells sea shells"] * 5)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=sentences, model_writer=model, vocab_size=25,
                                             minloglevel=2)  # fmt: skip
    return [Target("subword model", [model.getvalue()], lambda path: load_subwords(path).encode("the mat"))]




GROUPS: dict[str, Callable[[Path], list[Target]]] = {
    "archives": _archives,
    "scripts": _scripts,
    "texts": _texts,
    "options": _options,
    "Kaldi models": _kaldi_models,
    "audio": _audio,
    "folders": _folders,
    "JSON and tensors": _json,
    "weights": _torch_files,
    "trait models": _trait_models,
    "subwords": _subwords,
}

NUM_READERS = 85  # of all groups, roughly: how --minutes are shared
