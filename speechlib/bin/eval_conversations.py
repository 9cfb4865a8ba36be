"""Score the clusters of each conversation's utterances against its speakers: I_PUR, I_SPK, misclassification, ARI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import check_same_items
from speechlib.io.conversations import read_conversations
from speechlib.io.map_tables import read_count_map, read_word_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.selections import add_selection_options, selection_of
from speechlib.metrics.bootstrap import bootstrap_interval
from speechlib.metrics.conversations import ConversationScores, score_conversation

MEANS = ("i_pur", "i_pur_utterances", "acp", "i_spk", "exact_count", "mr_hungarian", "mr_strict", "ari")


def main(argv: Sequence[str] | None = None) -> None:
    """Write result.json, the means over conversations with intervals, and conversations.tsv beside it; print the means
    as one JSON object."""
    parser = KaldiArgumentParser(
        prog="eval_conversations",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_conversations --utt2num-frames data/eval/utt2num_frames "
        "data/eval/reco2utt data/eval/utt2spk exp/clusters/utt2cluster exp/clusters/result.json",
    )
    add = parser.add_argument
    add("reco2utt", help="<conversation> <utterance> ..; a file or an rspecifier, like the next two")
    add("utt2spk", help="true speaker of each utterance, and perhaps of others")
    add("utt2cluster", help="cluster of each utterance")
    add("result", help="result.json to write; conversations.tsv appears in its folder")
    add("--utt2num-frames", metavar="FILE", help="what utterances weigh in i_pur and acp; default: all the same")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of conversations behind intervals; 0: none")
    add("--seed", type=int, default=0, metavar="N", help="of those draws; of the scored system: --tag seed=N")
    add_selection_options(parser)
    add_tag_option(parser)
    options = parser.parse_args(argv)
    if options.num_bootstrap < 0:
        raise ValueError(f"--num-bootstrap: {options.num_bootstrap}: expected 0 or more")
    selection = selection_of(options)

    conversations = read_conversations(options.reco2utt)
    utterances = [utterance for members in conversations.values() for utterance in members]
    utt2spk, utt2cluster = read_word_map(options.utt2spk), read_word_map(options.utt2cluster)
    check_same_items(utterances, options.reco2utt, utt2cluster, options.utt2cluster)
    require(utterances, utt2spk, options.utt2spk)
    frames = None
    if options.utt2num_frames:
        frames = read_count_map(options.utt2num_frames)
        require(utterances, frames, options.utt2num_frames)

    rows = {
        conversation: score_conversation(
            [utt2spk[utterance] for utterance in members],
            [utt2cluster[utterance] for utterance in members],
            None if frames is None else [frames[utterance] for utterance in members],
        )
        for conversation, members in conversations.items()
    }
    tags = dict(options.tag)
    metrics = {name: summary(rows, name, options.num_bootstrap, options.seed) for name in MEANS}
    for name in ("num_clusters", "num_speakers"):
        metrics[f"mean_{name}"] = summary(rows, name, options.num_bootstrap, options.seed)
    # The table first: the result says that all is there.
    write_text(Path(options.result).parent / "conversations.tsv", table(rows))
    write_result(
        options.result,
        task="clustering of conversations",
        metrics=metrics,
        counts={
            "conversations": len(rows),
            "speakers": len({utt2spk[utterance] for utterance in utterances}),
            "utterances": len(utterances),
        },
        selection=selection,
        labels=options.utt2spk if Path(options.utt2spk).is_file() else None,
        seed=tags.pop("seed", None),
        extra={
            "weights": "utterances" if frames is None else "frames",
            "resampled": "conversations",
            "bootstrap_seed": options.seed,
            "num_bootstrap": options.num_bootstrap,
            "by_num_speakers": by_num_speakers(rows),
            **tags,
        },
    )
    print(json.dumps({name: metric["value"] for name, metric in metrics.items()} | {"num_conversations": len(rows)}))


def require(utterances: Sequence[str], found: Mapping[str, object], source: str) -> None:
    """Raise ValueError if an utterance is not in a map."""
    lacking = [utterance for utterance in utterances if utterance not in found]
    if lacking:
        shown = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise ValueError(f"{source}: {len(lacking)} of {len(utterances)} utterances are missing: {shown}")


def summary(rows: Mapping[str, ConversationScores], name: str, num_samples: int, seed: int) -> dict[str, object]:
    """The mean over conversations with its 95 % interval; none of one conversation."""
    values = [float(getattr(scores, name)) for scores in rows.values()]
    interval = None
    if num_samples and len(values) > 1:
        interval = bootstrap_interval(values, list(rows), num_samples=num_samples, seed=seed)
    return {"value": sum(values) / len(values), "interval": interval}


def by_num_speakers(rows: Mapping[str, ConversationScores]) -> dict[str, dict[str, float]]:
    """The means of the conversations of 1, 2, .. speakers, and how many there are."""
    groups: dict[int, list[ConversationScores]] = {}
    for scores in rows.values():
        groups.setdefault(scores.num_speakers, []).append(scores)
    return {
        str(count): {"num_conversations": len(group)}
        | {name: round(sum(getattr(scores, name) for scores in group) / len(group), 6) for name in MEANS}
        for count, group in sorted(groups.items())
    }


def table(rows: Mapping[str, ConversationScores]) -> str:
    """Tab-separated scores, a conversation a line, below a line of titles."""
    fields = ConversationScores._fields
    lines = ["\t".join(("conversation", *fields))]
    for conversation, scores in rows.items():
        lines.append("\t".join((conversation, *(f"{value:.6g}" for value in scores))))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)
