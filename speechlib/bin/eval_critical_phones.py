"""Which phones tell the speaker: the phone at the frame that is most like the speaker, in every utterance (Shon et al.,
2018, section 3.4).

The speaker's model is the mean over the other utterances' embeddings, an embedding the mean over an utterance's frames;
the critical frame is the one with the largest cosine to it. Critical phones are counted beside how often the phones
occur. <out-dir> gets phones.tsv, frames.tsv (the critical frame of each utterance) and result.json, whose shares have
intervals by speaker.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.layer_frames import LayerFrames
from speechlib.io.phone_alignments import as_arrays, read_phones
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.utterances import read_utterances
from speechlib.metrics.bootstrap import bootstrap_ratio
from speechlib.metrics.timit_phones import BROAD_CLASS_OF, BROAD_CLASSES, PHONES_61
from speechlib.probing.critical_frames import frame_similarities, leave_one_out_models
from speechlib.probing.segments import labels_at

NUMBERS = {phone: number for number, phone in enumerate(PHONES_61)}
NO_LABEL = "-"  # frames that no phone covers


def main(argv: Sequence[str] | None = None) -> None:
    """Count the phones at the critical frames."""
    parser = KaldiArgumentParser(
        prog="eval_critical_phones",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_critical_phones data/test exp/frames/fc2 exp/critical/fc2",
    )
    add = parser.add_argument
    add("--leave-out", metavar="FILE", help="list of utterances that are neither looked at nor part of any model")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the intervals")
    add_tag_option(parser)
    add("data_dir", metavar="<data-dir>", help="with phones.ctm and several utterances a speaker")
    add("layer_dir", metavar="<layer-dir>", help="frames.scp and times.scp of a layer")
    add("out_dir", metavar="<out-dir>", help="folder for the results")
    args = parser.parse_args(argv)

    data, layer = DataDir(args.data_dir), LayerFrames(args.layer_dir)
    if not data.has("phones.ctm"):
        raise FileNotFoundError(f"{data.path}/phones.ctm: no such file: critical phones need an alignment")
    phones = read_phones(data.path / "phones.ctm", PHONES_61, data.utt2dur)
    left_out = set(read_utterances(args.leave_out)) if args.leave_out else set()
    names = [name for name in data.utterances() if name in phones and name not in left_out]
    layer.lacking(names, say)
    embeddings = {name: frames.mean(axis=0, dtype=np.float64) for name, frames, _ in layer.read(names)}
    models = leave_one_out_models(embeddings, data.utt2spk)
    if not models:
        raise ValueError(f"{data.path}: no speaker has two utterances with frames in {layer.script} and phones")
    if len(models) < len(embeddings):
        say(f"{len(embeddings) - len(models)} utterances are their speaker's only ones: left out")

    critical, occurrences, frame_counts, lines = [], [], [], []
    for name, frames, times in layer.read(list(models)):
        starts, ends, labels = as_arrays(phones[name], NUMBERS)
        places = labels_at(times, starts, ends)
        cosines = frame_similarities(frames, models[name])
        best, worst = int(cosines.argmax()), int(cosines.argmin())
        found = [PHONES_61[labels[places[frame]]] if places[frame] >= 0 else NO_LABEL for frame in (best, worst)]
        critical.append(NUMBERS.get(found[0], -1))
        occurrences.append(np.bincount(labels, minlength=len(PHONES_61)))
        frame_counts.append(np.bincount(labels[places[places >= 0]], minlength=len(PHONES_61)))
        lines.append(f"{name}\t{times[best]:.3f}\t{found[0]}\t{cosines[best]:.4f}\t{times[worst]:.3f}\t{found[1]}\t"
                     f"{cosines[worst]:.4f}\t{cosines.mean():.4f}\n")  # fmt: skip
    out = Path(args.out_dir)
    out.mkdir(parents=True, exist_ok=True)
    head = "utterance\tcritical_time\tcritical_phone\tcosine\tleast_time\tleast_phone\tleast_cosine\tmean_cosine\n"
    write_text(out / "frames.tsv", head + "".join(lines))
    speakers = np.array([data.utt2spk[name] for name in models])
    write(args, out, data, speakers, np.array(critical), np.array(occurrences), np.array(frame_counts))


def write(
    args, out: Path, data: DataDir, speakers: np.ndarray, critical: np.ndarray, occurrences: np.ndarray,
    frames: np.ndarray,
) -> None:  # fmt: skip
    """Write phones.tsv and result.json.

    Args:
        speakers: (utterances,).
        critical: (utterances,) phone at the critical frame, -1 for none.
        occurrences, frames: (utterances, phones) counts of segments and of frames.
    """
    total, total_frames = occurrences.sum(axis=1), frames.sum(axis=1)
    rows, table = [], {}
    for number, phone in enumerate(PHONES_61):
        here = critical == number
        share = here.mean(), occurrences[:, number].sum() / total.sum(), frames[:, number].sum() / total_frames.sum()
        interval = bootstrap_ratio(here, np.ones(len(here)), speakers, num_samples=args.num_bootstrap)
        of_all = bootstrap_ratio(occurrences[:, number], total, speakers, num_samples=args.num_bootstrap)
        table[phone] = {"critical": int(here.sum()), "occurrences": int(occurrences[:, number].sum()),
                        "frames": int(frames[:, number].sum()), "interval": list(interval),
                        "occurrence_interval": list(of_all)}  # fmt: skip
        cells = (*share, *interval)
        rows.append("\t".join([phone, BROAD_CLASS_OF[phone], str(here.sum()), str(occurrences[:, number].sum()),
                               str(frames[:, number].sum()), *(f"{cell:.4f}" for cell in cells)]))  # fmt: skip
    head = ("phone\tclass\tcritical\toccurrences\tframes\tcritical_share\toccurrence_share\tframe_share\t"
            "critical_low\tcritical_high")  # fmt: skip
    write_text(out / "phones.tsv", "\n".join([head, *rows]) + "\n")
    metrics: dict[str, Mapping] = {}
    for name, members in BROAD_CLASSES.items():
        numbers = [NUMBERS[phone] for phone in members]
        here, held = np.isin(critical, numbers), frames[:, numbers].sum(axis=1)
        for metric, (above, below) in {
            f"critical_{name}": (here, np.ones(len(here))), f"frames_{name}": (held, total_frames),
        }.items():  # fmt: skip
            interval = bootstrap_ratio(above, below, speakers, num_samples=args.num_bootstrap)
            metrics[metric] = {"value": float(above.sum() / below.sum()), "interval": list(interval)}
    write_result(
        out / "result.json", task="critical phones", metrics=metrics,
        counts={"utterances": len(critical), "speakers": len(set(speakers)),
                "without_label": int((critical < 0).sum())},
        selection={"cut": "fixed"}, labels=data.path / "phones.ctm", extra={"phones": table, **dict(args.tag)},
    )  # fmt: skip
    often = sorted(table, key=lambda phone: -table[phone]["critical"])[:5]
    print(f"critical phones of {len(critical)} utterances of {len(set(speakers))} speakers: "
          + ", ".join(f"{phone} {table[phone]['critical']}" for phone in often))  # fmt: skip


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"eval_critical_phones: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
