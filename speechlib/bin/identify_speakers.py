"""Closed-set speaker identification from snippet posteriors (Lukic et al., 2016, section 3.2).

The posteriors of all snippets of a group of utterances are pooled by arithmetic mean (the paper's), geometric mean and
maximum. A group is all evaluated utterances of a speaker unless --utt2group says otherwise. Written to the output
folder: scores, scores_geometric, scores_maximum (<group> <speaker> <score>), decisions, decisions_geometric,
decisions_maximum (<group> <speaker>) and result.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.kaldi_conf import read_options
from speechlib.io.maps import read_map, write_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.tables import RandomAccessTable
from speechlib.metrics.bootstrap import bootstrap_interval
from speechlib.metrics.identification import POOLINGS, identify, pool_posteriors


def main(argv: Sequence[str] | None = None) -> None:
    """Read posteriors, write scores, decisions and the result."""
    parser = KaldiArgumentParser(
        prog="identify_speakers",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.identify_speakers --model-config exp/net/seed1/config.yaml data/test "
        "scp:exp/net/seed1/test/L8.scp exp/net/seed1/test",
    )
    add = parser.add_argument
    add("--model-config", metavar="FILE", required=True, help="config.yaml of the network: its speakers and seed")
    add("--utt2group", metavar="FILE", help="group by utterance, each of one speaker; default: the data's utt2spk")
    add("--bootstrap-samples", type=int, default=1000, metavar="N", help="resamples behind the 95 %% intervals")
    add_tag_option(parser)
    add("data_dir", metavar="<data-dir>", help="utt2spk says which utterances are evaluated, and the truth")
    add("posteriors", metavar="<posteriors-rspecifier>", help="(snippets, speakers) matrices by utterance")
    add("out_dir", metavar="<out-dir>")
    args = parser.parse_args(argv)

    config = read_options(args.model_config)
    speakers = [str(speaker) for speaker in config.get("speakers") or []]
    if not speakers:
        raise ValueError(f"{args.model_config}: no list of speakers: expected the config.yaml of a trained network")
    data = DataDir(args.data_dir)
    unseen = sorted(set(data.utt2spk.values()) - set(speakers))
    if unseen:
        raise ValueError(f"{data.path}/utt2spk: {len(unseen)} speakers are not among the network's, such as {unseen[0]}"
                         ": a closed-set identification knows every speaker")
    posteriors = read_posteriors(args.posteriors, data.utterances(), len(speakers))
    utt2group = read_map(args.utt2group) if args.utt2group else data.utt2spk
    groups, truth = group_utterances(data.utt2spk, utt2group, args.utt2group or f"{data.path}/utt2spk")

    out = Path(args.out_dir)
    out.mkdir(parents=True, exist_ok=True)
    metrics, wrong = {}, {}
    for pooling in POOLINGS:
        pooled = {group: pool_posteriors(np.concatenate([posteriors[utt] for utt in members]), pooling)
                  for group, members in groups.items()}  # fmt: skip
        decisions = decide(pooled, speakers)
        suffix = "" if pooling == "arithmetic" else f"_{pooling}"
        write_scores(out / f"scores{suffix}", pooled, speakers)
        write_map(out / f"decisions{suffix}", decisions)
        wrong[pooling] = sum(decided != truth[group] for group, decided in decisions.items())
        metrics[f"accuracy_{pooling}"] = accuracy(decisions, truth, args.bootstrap_samples)
        sentences = {utt: pool_posteriors(matrix, pooling) for utt, matrix in posteriors.items()}
        metrics[f"sentence_accuracy_{pooling}"] = accuracy(
            decide(sentences, speakers), data.utt2spk, args.bootstrap_samples
        )
    write_result(
        out / "result.json",
        task="speaker identification",
        metrics=metrics,
        counts={"speakers": len(speakers), "test_speakers": len(set(truth.values())), "groups": len(groups),
                "utterances": len(posteriors), "snippets": sum(map(len, posteriors.values())),
                "wrong": wrong["arithmetic"]},  # fmt: skip
        selection={"cut": "fixed", "note": "the highest pooled posterior; nothing was chosen on these utterances"},
        labels=data.path / "utt2spk",
        seed=config.get("seed"),
        extra={**_sizes(config.get("model", {})), **dict(args.tag)},
    )
    print(f"{out}: {len(groups) - wrong['arithmetic']} of {len(groups)} right "
          f"({100 * metrics['accuracy_arithmetic']['value']:.1f} %, {len(speakers)} speakers)")  # fmt: skip


def read_posteriors(rspecifier: str, utterances: Sequence[str], num_speakers: int) -> dict[str, np.ndarray]:
    """(snippets, speakers) posteriors of the evaluated utterances, each of which must be there."""
    table = RandomAccessTable(rspecifier)
    missing = [utterance for utterance in utterances if utterance not in table]
    if missing:
        raise ValueError(f"{rspecifier}: no posteriors of {len(missing)} utterances, such as {missing[0]}: extract "
                         "the snippets of this data directory first")
    posteriors = {}
    for utterance in utterances:
        matrix = table[utterance]
        if matrix.ndim != 2 or matrix.shape[1] != num_speakers or len(matrix) == 0:
            raise ValueError(f"{rspecifier}: {utterance} has shape {matrix.shape}; expected (snippets, {num_speakers})")
        posteriors[utterance] = matrix
    return posteriors


def group_utterances(
    utt2spk: dict[str, str], utt2group: dict[str, str], source: str
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Utterances by group and speaker by group; a group must be of one speaker."""
    groups: dict[str, list[str]] = {}
    truth: dict[str, str] = {}
    for utterance in sorted(utt2spk):
        if utterance not in utt2group:
            raise ValueError(f"{source}: no group of utterance {utterance}")
        group = utt2group[utterance]
        groups.setdefault(group, []).append(utterance)
        if truth.setdefault(group, utt2spk[utterance]) != utt2spk[utterance]:
            raise ValueError(f"{source}: group {group} has utterances of {truth[group]} and of {utt2spk[utterance]}")
    return dict(sorted(groups.items())), truth


def decide(pooled: dict[str, np.ndarray], speakers: Sequence[str]) -> dict[str, str]:
    """The speaker with the highest score, by item."""
    best = identify(np.stack(list(pooled.values())))
    return {item: speakers[index] for item, index in zip(pooled, best, strict=True)}


def accuracy(decisions: dict[str, str], truth: dict[str, str], num_samples: int) -> dict:
    """Share of right decisions with its 95 % interval, speakers resampled."""
    right = np.array([float(decisions[item] == truth[item]) for item in decisions])
    speakers = [truth[item] for item in decisions]
    return {"value": right.mean(), "interval": bootstrap_interval(right, speakers, num_samples=num_samples)}


def write_scores(path: Path, pooled: dict[str, np.ndarray], speakers: Sequence[str]) -> None:
    """Write `<group> <speaker> <score>` lines."""
    lines = [f"{group} {speaker} {score:.9g}\n" for group, scores in sorted(pooled.items())
             for speaker, score in zip(speakers, scores, strict=True)]  # fmt: skip
    write_text(path, "".join(lines))


def _sizes(model: dict) -> dict[str, str]:
    """Extents of the network that a table of results may show."""
    return {name: "x".join(map(str, model[name])) for name in ("filter", "pool", "pool_stride") if name in model}


if __name__ == "__main__":
    run(main)
