"""Commands of the frame-level analysis on a made-up corpus whose frames say which phone is heard and who speaks."""

import json
from pathlib import Path

import numpy as np
import pytest

from speechlib.bin import (
    encode_subwords,
    eval_broad_classes,
    eval_critical_phones,
    eval_labels,
    eval_similarity,
    make_phone_labels,
    plot_confusion,
    plot_critical_phones,
    plot_embeddings,
    plot_layers,
    plot_similarity,
    train_probe,
    train_subwords,
)
from speechlib.io.maps import read_lists, read_map, write_map
from speechlib.io.results import read_result
from speechlib.io.tables import open_table, read_table
from speechlib.metrics.timit_phones import BROAD_CLASS_OF, PHONES_61

PHONES = ["h#", "sh", "iy", "m", "tcl", "t", "aa"]
SENTENCES = {1: "she had a cat", 2: "a cat had tea", 3: "tea she had", 4: "cat and tea"}
STEP = 0.02
SPEAKERS = {"train": ("F1", "M1", "F2"), "test": ("F3", "M2")}


def make_corpus(top: Path) -> Path:
    """train, test, all: data directories; layer: frames.scp and times.scp of all."""
    rng = np.random.default_rng(0)
    phone_vector = dict(zip(PHONES_61, np.eye(61), strict=True))
    frames, times = {}, {}
    tables = {part: {"utt2spk": {}, "text": {}, "utt2dur": {}, "ctm": []} for part in ("train", "test", "all")}
    for part, speakers in SPEAKERS.items():
        for speaker in speakers:
            voice = np.zeros(4)
            voice[int(rng.integers(4))] = 1
            for number, text in SENTENCES.items():
                name = f"{speaker}_S{number}"
                order = np.random.default_rng(number).permutation(PHONES[1:])
                labels = ["h#", *order, *order[:3], "h#"]
                start, rows, lines = 0.0, [], []
                for label in labels:
                    count = int(rng.integers(3, 7))
                    lines.append(f"{name} 1 {start:.4f} {count * STEP:.4f} {label}\n")
                    rows += [np.concatenate([phone_vector[label], voice * (3 if label == "aa" else 0.2)])] * count
                    start += count * STEP
                noise = 0.05 * rng.normal(size=(len(rows), 65))
                frames[name] = (np.array(rows) + noise).astype(np.float32)
                times[name] = STEP * (0.5 + np.arange(len(rows)))
                for where in (part, "all"):
                    tables[where]["utt2spk"][name] = speaker
                    tables[where]["text"][name] = text
                    tables[where]["utt2dur"][name] = f"{start:.4f}"
                    tables[where]["ctm"] += lines
    for part, table in tables.items():
        (top / part).mkdir()
        for name in ("utt2spk", "text", "utt2dur"):
            write_map(top / part / name, table[name])
        (top / part / "phones.ctm").write_text("".join(sorted(table["ctm"], key=lambda line: line.split()[0])))
    (top / "layer").mkdir()
    for name, content in (("frames", frames), ("times", times)):
        with open_table(f"ark,scp:{top}/layer/{name}.ark,{top}/layer/{name}.scp") as writer:
            for key in sorted(content):
                writer.write(key, content[key])
    return top


@pytest.fixture(scope="module")
def shared_corpus(tmp_path_factory):
    """Not to be changed."""
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def corpus(tmp_path):
    """To be spoilt."""
    return make_corpus(tmp_path)


def call(command, *arguments):
    command.main([str(argument) for argument in arguments])


def test_phone_labels(shared_corpus, tmp_path, capsys):
    data = shared_corpus / "train"
    call(make_phone_labels, data, tmp_path / "labels")
    labels = read_lists(tmp_path / "labels")
    assert len(labels) == 12 and set(sum(labels.values(), [])) == {"sil", "sh", "iy", "m", "cl", "t", "aa"}
    assert "12 utterances, 7 of 48 classes" in capsys.readouterr().err
    for name in labels:
        assert labels[name][0] == labels[name][-1] == "sil" and len(labels[name]) == 11
    call(make_phone_labels, "--num-classes", 61, data, tmp_path / "labels61")
    assert read_lists(tmp_path / "labels61")["F1_S1"][0] == "h#"
    call(make_phone_labels, "--shuffle", 1, data, tmp_path / "shuffled")
    shuffled = read_lists(tmp_path / "shuffled")
    assert shuffled != labels and sorted(map(tuple, shuffled.values())) == sorted(map(tuple, labels.values()))
    call(make_phone_labels, "--shuffle", 1, data, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "shuffled").read_bytes()


def test_alignments_that_end_before_the_audio_are_told_of(corpus, tmp_path, capsys):
    durations = read_map(corpus / "train/utt2dur")
    write_map(
        corpus / "train/utt2dur",
        {name: f"{float(value) + (name == 'F1_S2') * 0.9}" for name, value in durations.items()},
    )
    call(make_phone_labels, corpus / "train", tmp_path / "labels")
    assert (
        "1 utterances have more than 0.5 s of audio behind their last phone (F1_S2: 0.90 s)" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace(" sh\n", " shh\n", 1), "label 'shh' is none of the 61 known ones"),
        (lambda text: text + text.splitlines()[-1] + "\n", "phones must not overlap"),
        (lambda text: text.replace("0.0000 0.", "0.0000 9.", 1), "h# ends at 9.*the audio at"),
    ],
)
def test_bad_alignments_stop_every_command(corpus, tmp_path, spoil, message):
    for part in ("train", "all"):
        path = corpus / part / "phones.ctm"
        path.write_text(spoil(path.read_text()))
    calls = [
        (make_phone_labels, corpus / "train", tmp_path / "labels"),
        (eval_broad_classes, corpus / "train", corpus / "test", corpus / "layer", tmp_path / "out"),
        (eval_critical_phones, corpus / "all", corpus / "layer", tmp_path / "out"),
        (eval_similarity, "--out", tmp_path / "out/result.json", corpus / "all", corpus / "layer"),
    ]
    for arguments in calls:
        with pytest.raises(ValueError, match=rf"phones.ctm:\d+: utterance .*{message}"):
            call(*arguments)
    assert not (tmp_path / "out/result.json").exists() and not (tmp_path / "labels").exists()


def test_without_an_alignment_or_a_text(corpus, tmp_path):
    (corpus / "train/phones.ctm").unlink()
    (corpus / "train/text").unlink()
    with pytest.raises(FileNotFoundError, match="phones.ctm: no such file.*the subword probe takes the text"):
        call(make_phone_labels, corpus / "train", tmp_path / "labels")
    with pytest.raises(FileNotFoundError, match="broad classes need an alignment"):
        call(eval_broad_classes, corpus / "train", corpus / "test", corpus / "layer", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="text: no such file: the subword probe needs transcripts"):
        call(train_subwords, corpus / "train", tmp_path / "lang")


PHONE_CONFIG = """
kind: segmental
frame_step: 0.01
segmental: {hidden: 16, max_duration: 8}
training: {epochs: 8, batch_size: 2, optimizer: adam, learning_rate: 0.02}
"""
CTC_CONFIG = """
kind: ctc
frame_step: 0.02
ctc: {hidden: 0}
training: {epochs: 3, batch_size: 2, optimizer: adam, learning_rate: 0.05}
"""


def test_a_phone_probe_from_frames_to_error_rate(shared_corpus, tmp_path, capsys):
    (tmp_path / "probe.yaml").write_text(PHONE_CONFIG)
    for part in ("train", "test"):
        call(make_phone_labels, shared_corpus / part, tmp_path / part)
    arguments = ("--config", tmp_path / "probe.yaml", "--num-threads", 1, "--test", shared_corpus / "test/utt2spk",
                 shared_corpus / "layer", tmp_path / "train", tmp_path / "exp")  # fmt: skip
    call(train_probe, *arguments)
    assert len((tmp_path / "exp/train.log").read_text().splitlines()) == 9
    call(eval_labels, "--kind", "phones", "--utt2spk", shared_corpus / "test/utt2spk", "--seed", 1, "--tag",
         "layer=conv1", "--out", tmp_path / "result.json", tmp_path / "test", tmp_path / "exp/hypotheses")  # fmt: skip
    result = read_result(tmp_path / "result.json")
    per, rest = result["metrics"]["per"], result["metrics"]
    assert per["value"] < 0.2 and per["interval"][0] <= per["value"] <= per["interval"][1]
    assert sum(rest[name]["value"] for name in ("substitutions", "deletions", "insertions")) == pytest.approx(
        per["value"]
    )
    assert result["counts"] == {"utterances": 8, "speakers": 2, "phones": 88} and result["extra"]["layer"] == "conv1"
    before = (tmp_path / "exp/model.pt").stat().st_mtime_ns, (tmp_path / "exp/hypotheses").stat().st_mtime_ns
    capsys.readouterr()
    call(train_probe, *arguments)
    assert "trained already" in capsys.readouterr().err
    assert before == ((tmp_path / "exp/model.pt").stat().st_mtime_ns, (tmp_path / "exp/hypotheses").stat().st_mtime_ns)
    # a probe that learnt the labels of other utterances knows nothing
    call(make_phone_labels, "--shuffle", 1, shared_corpus / "train", tmp_path / "shuffled")
    call(train_probe, *arguments[:-2], tmp_path / "shuffled", tmp_path / "control")
    call(eval_labels, "--kind", "phones", "--utt2spk", shared_corpus / "test/utt2spk", "--out",
         tmp_path / "control.json", tmp_path / "test", tmp_path / "control/hypotheses")  # fmt: skip
    assert read_result(tmp_path / "control.json")["metrics"]["per"]["value"] > per["value"] + 0.3


def test_a_killed_training_goes_on(shared_corpus, tmp_path, monkeypatch):
    (tmp_path / "probe.yaml").write_text(CTC_CONFIG)
    call(train_subwords, "--vocab-size", 20, shared_corpus / "train", tmp_path / "lang")
    call(encode_subwords, tmp_path / "lang", shared_corpus / "train", tmp_path / "labels")
    options = ("--config", tmp_path / "probe.yaml", "--num-threads", 1, shared_corpus / "layer", tmp_path / "labels")
    call(train_probe, *options, tmp_path / "whole")
    real = train_probe.TrainingRun.save_checkpoint
    calls = []

    def die(self, state):
        real(self, state)
        calls.append(state["epoch"])
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train_probe.TrainingRun, "save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        call(train_probe, *options, tmp_path / "killed")
    monkeypatch.undo()
    call(train_probe, *options, tmp_path / "killed")
    losses = [[line.split("\t")[:3] for line in (tmp_path / name / "train.log").read_text().splitlines()]
              for name in ("whole", "killed")]  # fmt: skip
    assert losses[0] == losses[1] and calls == [1, 2]
    import torch

    states = [torch.load(tmp_path / name / "model.pt", weights_only=True) for name in ("whole", "killed")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_subwords_from_text_to_error_rates(shared_corpus, tmp_path, capsys):
    call(train_subwords, "--vocab-size", 100, shared_corpus / "train", tmp_path / "lang")
    vocabulary = (tmp_path / "lang/subwords.vocab").read_text().split()
    assert len(vocabulary) < 100 and vocabulary[0] == "<unk>"  # the texts do not hold more: no error
    call(encode_subwords, tmp_path / "lang", shared_corpus / "test", tmp_path / "test")
    for name, units in read_lists(tmp_path / "test").items():
        assert "".join(units).replace("\u2581", " ").strip() == SENTENCES[int(name[-1])]
    hypotheses = {name: units[:-1] for name, units in read_lists(tmp_path / "test").items()}
    write_map(tmp_path / "hyp", {name: " ".join(units) for name, units in hypotheses.items()})
    call(eval_labels, "--kind", "subwords", "--utt2spk", shared_corpus / "test/utt2spk", "--out",
         tmp_path / "result.json", tmp_path / "test", tmp_path / "hyp")  # fmt: skip
    metrics, counts = (read_result(tmp_path / "result.json")[name] for name in ("metrics", "counts"))
    assert metrics["unit_error_rate"]["value"] == pytest.approx(8 / counts["units"])
    assert counts["words"] == 28 and 0 < metrics["wer"]["value"] <= 8 / 28


def test_utterances_that_are_too_short_for_their_labels(shared_corpus, tmp_path, capsys):
    (tmp_path / "probe.yaml").write_text(CTC_CONFIG)
    write_map(tmp_path / "labels", {"F1_S1": "a b", "F1_S2": " ".join(["a"] * 60), "M1_S1": "b a b"})
    call(
        train_probe, "--config", tmp_path / "probe.yaml", shared_corpus / "layer", tmp_path / "labels", tmp_path / "exp"
    )
    assert "1 of 3 utterances have too few or too many frames for their labels" in capsys.readouterr().err
    write_map(tmp_path / "labels", {"F1_S2": " ".join(["a"] * 60)})
    with pytest.raises(ValueError, match="no utterance has enough frames for its labels"):
        call(
            train_probe,
            "--config",
            tmp_path / "probe.yaml",
            shared_corpus / "layer",
            tmp_path / "labels",
            tmp_path / "x",
        )


@pytest.mark.parametrize(
    ("labels", "test", "config", "message"),
    [
        ({"F1_S1": "a"}, "F1_S1 F1\n", CTC_CONFIG, "1 test utterances are in .*labels, too, such as F1_S1"),
        ({"F9_S1": "a"}, "F3_S1 F3\n", CTC_CONFIG, "1 of 1 utterances have no frames in .*frames.scp, such as F9_S1"),
        ({"F1_S1": "a"}, "F3_S1 F3\n", CTC_CONFIG.replace("ctc:", "ctv:"), "unknown option --ctv .did you mean --ctc"),
        ({"F1_S1": "a"}, "F3_S1 F3\n", CTC_CONFIG.replace("kind: ctc", "kind: cct"), "kind"),
        ({"F1_S1": "a"}, "F3_S1 F3\n", CTC_CONFIG.replace("0.02", "0"), "frame_step must be positive"),
        ({"F1_S1": "a"}, "X_S1 X\n", CTC_CONFIG, "none of the 1 test utterances is there"),
    ],
)
def test_probes_that_cannot_be_trained(shared_corpus, tmp_path, labels, test, config, message):
    (tmp_path / "probe.yaml").write_text(config)
    (tmp_path / "test").write_text(test)
    write_map(tmp_path / "labels", labels)
    with pytest.raises(ValueError, match=message):
        call(train_probe, "--config", tmp_path / "probe.yaml", "--test", tmp_path / "test", shared_corpus / "layer",
             tmp_path / "labels", tmp_path / "exp")  # fmt: skip


def test_broad_classes(shared_corpus, tmp_path):
    call(eval_broad_classes, "--write-segments", "true", "--tag", "layer=conv1", shared_corpus / "train",
         shared_corpus / "test", shared_corpus / "layer", tmp_path / "out")  # fmt: skip
    result = read_result(tmp_path / "out/result.json")
    assert result["metrics"]["accuracy"]["value"] == 1.0  # phones are separable
    assert result["metrics"]["prior_accuracy"]["value"] < 0.5 and result["counts"]["segments"] == 88
    confusion = np.array(result["extra"]["confusion"])
    assert confusion.sum() == 88 and (confusion == np.diag(confusion.diagonal())).all()
    segments = dict(read_table(f"scp:{tmp_path}/out/segments.scp", "vector"))
    classes = read_map(tmp_path / "out/seg2class")
    assert len(segments) == len(classes) == 88
    assert all(BROAD_CLASS_OF[key.rpartition("-")[2]] == name for key, name in classes.items())
    with pytest.raises(ValueError, match="3 speakers are in .*train, too, such as F1"):
        call(
            eval_broad_classes, shared_corpus / "train", shared_corpus / "all", shared_corpus / "layer", tmp_path / "x"
        )


def test_utterances_without_frames_are_told_of(corpus, tmp_path, capsys):
    lines = (corpus / "layer/frames.scp").read_text().splitlines(keepends=True)
    (corpus / "layer/frames.scp").write_text("".join(line for line in lines if not line.startswith(("F1_S1", "M2_S3"))))
    call(eval_broad_classes, corpus / "train", corpus / "test", corpus / "layer", tmp_path / "out")
    told = capsys.readouterr().err
    assert "1 of 12 utterances have no frames in" in told and "1 of 8 utterances" in told and "M2_S3: left out" in told
    call(eval_critical_phones, corpus / "all", corpus / "layer", tmp_path / "critical")
    assert "2 of 20 utterances have no frames" in capsys.readouterr().err
    assert read_result(tmp_path / "critical/result.json")["counts"]["utterances"] == 18


def test_critical_phones(shared_corpus, tmp_path):
    call(eval_critical_phones, shared_corpus / "all", shared_corpus / "layer", tmp_path / "out")
    result = read_result(tmp_path / "out/result.json")
    table = result["extra"]["phones"]
    assert table["aa"]["critical"] == 20 == result["counts"]["utterances"]  # where the voice is loudest
    assert table["h#"]["occurrences"] == 40 and table["zh"]["occurrences"] == 0
    assert result["metrics"]["critical_vowel"]["value"] == 1.0 > result["metrics"]["frames_vowel"]["value"]
    lines = (tmp_path / "out/frames.tsv").read_text().splitlines()
    assert len(lines) == 21 and all(line.split("\t")[2] == "aa" for line in lines[1:])
    assert len((tmp_path / "out/phones.tsv").read_text().splitlines()) == 62
    (tmp_path / "out/shared").write_text("".join(f"{s}_S1\n" for part in SPEAKERS.values() for s in part))
    call(eval_critical_phones, "--leave-out", tmp_path / "out/shared", shared_corpus / "all", shared_corpus / "layer",
         tmp_path / "without")  # fmt: skip
    assert read_result(tmp_path / "without/result.json")["counts"]["utterances"] == 15
    (tmp_path / "out/most").write_text(
        "".join(f"{s}_S{n}\n" for part in SPEAKERS.values() for s in part for n in (1, 2, 3))
    )
    with pytest.raises(ValueError, match="no speaker has two utterances"):
        call(eval_critical_phones, "--leave-out", tmp_path / "out/most", shared_corpus / "all", shared_corpus / "layer",
             tmp_path / "x")  # fmt: skip


def test_similarity(shared_corpus, tmp_path, capsys):
    call(eval_similarity, "--out", tmp_path / "deep/result.json", shared_corpus / "all", shared_corpus / "layer")
    result = read_result(tmp_path / "deep/result.json")
    assert result["counts"] == {"pairs": 40, "speakers": 5}  # 10 pairs of speakers, 4 sentences
    assert result["metrics"]["same_phone"]["value"] > 0.6 > 0.3 > result["metrics"]["other_phone"]["value"]
    call(
        eval_similarity,
        "--max-pairs",
        7,
        "--out",
        tmp_path / "few.json",
        shared_corpus / "all",
        shared_corpus / "layer",
    )
    assert read_result(tmp_path / "few.json")["counts"]["pairs"] == 7


def test_nobody_says_the_same(corpus, tmp_path, capsys):
    names = read_map(corpus / "all/utt2spk")
    write_map(corpus / "all/text", {name: f"text {number}" for number, name in enumerate(names)})
    call(eval_similarity, "--out", tmp_path / "result.json", corpus / "all", corpus / "layer")
    assert "no two speakers" in capsys.readouterr().err and not (tmp_path / "result.json").exists()


def test_pictures(shared_corpus, tmp_path, capsys):
    layer = shared_corpus / "layer"
    for depth, name in enumerate(("input", "conv1"), 0):
        call(eval_broad_classes, "--write-segments", "true", "--tag", f"layer={name}", "--tag", f"depth={depth}",
             "--tag", "state=trained", shared_corpus / "train", shared_corpus / "test", layer,
             tmp_path / f"exp/classes/{name}")  # fmt: skip
    call(eval_critical_phones, shared_corpus / "test", layer, tmp_path / "critical")
    call(eval_similarity, "--out", tmp_path / "similarity.json", shared_corpus / "all", layer)
    result = tmp_path / "exp/classes/conv1/result.json"
    pictures = {
        "layers": (plot_layers, "--pattern", "classes/*/result.json", "--metric", "accuracy", "--x", "extra.layer",
                   "--order", "extra.depth", "--series", "extra.state", "--level", "prior=prior_accuracy", "--known",
                   "paper=0.5", tmp_path / "exp"),
        "confusion": (plot_confusion,),
        "critical": (plot_critical_phones, "--example", "M2_S3", shared_corpus / "test", layer),
        "similarity": (plot_similarity, "--contrast", f"conv1={tmp_path}/similarity.json", shared_corpus / "all",
                       "F1_S1", "M2_S1"),
        "tsne": (plot_embeddings, "--utt2spk", tmp_path / "exp/classes/conv1/seg2class", "--max-speakers", 8,
                 "--max-points", 5, "--choose", "spread", "--accuracy", f"conv1={result}"),
    }  # fmt: skip
    # fmt: off
    behind = {"confusion": [f"conv1={result}"], "critical": [f"all={tmp_path}/critical/result.json"],
              "similarity": [f"conv1={layer}"], "tsne": [f"conv1=scp:{tmp_path}/exp/classes/conv1/segments.scp"]}
    # fmt: on
    for name, (command, *arguments) in pictures.items():
        picture = tmp_path / f"{name}.png"
        call(command, *arguments, picture, *behind.get(name, []))
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000
    with pytest.raises(ValueError, match="no result.json matches nothing"):
        call(plot_layers, "--pattern", "nothing", "--metric", "accuracy", "--x", "extra.layer", "--series",
             "extra.state", tmp_path / "exp", tmp_path / "x.png")  # fmt: skip
    with pytest.raises(ValueError, match="there is no metric acuracy"):
        call(plot_layers, "--pattern", "classes/*/result.json", "--metric", "acuracy", "--x", "extra.layer", "--series",
             "extra.state", tmp_path / "exp", tmp_path / "x.png")  # fmt: skip
    with pytest.raises(ValueError, match="utterance F9_S1 is not there"):
        call(plot_similarity, shared_corpus / "all", "F9_S1", "M2_S1", tmp_path / "x.png", f"conv1={layer}")
    with pytest.raises(ValueError, match="no utterance 'F9_S1'"):
        call(plot_critical_phones, "--example", "F9_S1", shared_corpus / "test", layer, tmp_path / "x.png",
             f"all={tmp_path}/critical/result.json")  # fmt: skip
    with pytest.raises(ValueError, match="no confusion matrix"):
        call(plot_confusion, tmp_path / "x.png", f"a={tmp_path}/similarity.json")
    assert not (tmp_path / "x.png").exists() and json.loads(result.read_text())["schema"] == 1


def test_damaged_subword_models(shared_corpus, tmp_path):
    (tmp_path / "subwords.model").write_bytes(b"\x0a\x05hello")
    with pytest.raises(ValueError, match="no model of sentencepiece"):
        call(encode_subwords, tmp_path, shared_corpus / "train", tmp_path / "labels")
    with pytest.raises(ValueError, match="no 3 subword units can be made"):
        call(train_subwords, "--vocab-size", 3, shared_corpus / "train", tmp_path / "lang")
