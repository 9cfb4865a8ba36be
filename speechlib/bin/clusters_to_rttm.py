"""Write the clusters of segments as speaker turns, RTTM (Kaldi's diarization/make_rttm.py)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.clustering.turns import turns_of_segments
from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.conversations import read_conversations
from speechlib.io.map_tables import read_word_map
from speechlib.io.rttm import Turn, write_rttm
from speechlib.io.segment_files import Segment, read_timed_segments


def main(argv: Sequence[str] | None = None) -> None:
    """Join the segments of each recording's clusters to turns, and write them."""
    parser = KaldiArgumentParser(
        prog="clusters_to_rttm",
        description=f"{__doc__}\n\nOverlapping segments, as uniform windows are, are split in the middle of what they "
        "share; segments of a cluster that touch\nare joined. Segments without a cluster are left out with a warning.",
        epilog="e.g.: python -m speechlib.bin.clusters_to_rttm data/eval/segments exp/utt2cluster exp/rttm",
    )
    add = parser.add_argument
    add("segments", metavar="<segments>", help="<utterance> <recording> <start> <end> [<channel>]")
    add("utt2cluster", metavar="<utt2cluster>", help="cluster or speaker of each utterance; a file or an rspecifier")
    add("rttm", metavar="<rttm>", help="file to write")
    add("--reco2utt", metavar="FILE", help="conversation of each utterance, where it is not the segment's recording")
    add("--overlap", choices=("split", "keep"), default="split",
        help="keep: what several clusters say at once stays so, for segments that came from a transcript")  # fmt: skip
    options = parser.parse_args(argv)

    segments, clusters = read_timed_segments(options.segments), read_word_map(options.utt2cluster)
    strange = [utterance for utterance in clusters if utterance not in segments]
    if strange:
        raise ValueError(
            f"{options.segments}: no utterance '{strange[0]}', which {options.utt2cluster} has "
            f"({len(strange)} missing){nearest(strange[0], list(segments)[:1000])}"
        )
    if len(clusters) < len(segments):
        lacking = next(utterance for utterance in segments if utterance not in clusters)
        sys.stderr.write(
            f"clusters_to_rttm: warning: {len(segments) - len(clusters)} of {len(segments)} segments have no cluster "
            f"and are left out, such as {lacking}\n"
        )
    conversation_of = conversations(options.reco2utt, segments, clusters, options.utt2cluster)
    pieces: dict[str, list[tuple[float, float, str]]] = {}
    for utterance, cluster in clusters.items():
        segment = segments[utterance]
        pieces.setdefault(conversation_of[utterance], []).append((segment.start, segment.end, cluster))
    turns = {}
    for conversation, own in pieces.items():
        joined = turns_of_segments(own, options.overlap == "split")
        turns[conversation] = [Turn(start, end - start, cluster) for start, end, cluster in joined]
    write_rttm(options.rttm, turns)


def conversations(
    reco2utt: str | None, segments: dict[str, Segment], clusters: dict[str, str], source: str
) -> dict[str, str]:
    """The conversation of each utterance that has a cluster: by reco2utt, or the recording of its segment.

    Raises:
        ValueError: reco2utt lacks an utterance; names it.
    """
    if reco2utt is None:
        return {utterance: segments[utterance].recording for utterance in clusters}
    owner = {utterance: name for name, members in read_conversations(reco2utt).items() for utterance in members}
    for utterance in clusters:
        if utterance not in owner:
            raise ValueError(f"{reco2utt}: no conversation has the utterance '{utterance}' of {source}")
    return owner


if __name__ == "__main__":
    run(main)
