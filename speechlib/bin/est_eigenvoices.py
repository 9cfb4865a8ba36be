"""Estimate eigenvoices, and eigenchannels if asked for, from statistics of speakers or utterances."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from speechlib.gmm.algebra import open_algebra
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.eigenvoice_training import FactorModel, em_step
from speechlib.gmm.eigenvoices import channel_deviations, train_eigenchannels, train_eigenvoices
from speechlib.gmm.map_adaptation import adapt_means
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.eigenvoice_models import write_eigenvoices
from speechlib.io.gmm_models import read_diag_gmm
from speechlib.io.maps import read_map
from speechlib.io.tables import read_table


def main(argv: Sequence[str] | None = None) -> None:
    """Read the statistics of all jobs, write the model's matrices beside its mixture."""
    parser = KaldiArgumentParser(
        prog="est_eigenvoices",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.est_eigenvoices --rank 20 exp/voices/final.dubm ark:speakers.ark "
        "exp/voices",
    )
    add = parser.add_argument
    add("--rank", type=int, default=20, metavar="N", help="eigenvoices")
    add("--channel-rank", type=int, default=0, metavar="N", help="eigenchannels: needs statistics of utterances")
    add("--relevance", type=float, default=16.0, metavar="X", help="frames that the mixture's means count for in MAP")
    add("--channel-relevance", type=float, default=4.0, metavar="X",
        help="the same for the utterances behind the eigenchannels, with their speakers' means: utterances are short")
    add("--centre", choices=("speakers", "ubm"), default="speakers", metavar="speakers|ubm",
        help="deviations are measured from the speakers' mean, or from the mixture's means")  # fmt: skip
    add("--whiten", type=kaldi_bool, default=False, metavar="true|false",
        help="principal components in units of standard deviations, weighted by occupancy")  # fmt: skip
    add("--method", choices=("pca", "em"), default="pca", metavar="pca|em",
        help="principal components, or these and then maximum likelihood by EM")  # fmt: skip
    add("--num-iters", type=int, default=10, metavar="N", help="iterations of EM")
    add("--utt2spk", metavar="FILE", help="the statistics are those of utterances, and these are their speakers")
    add("--device", default="cpu", help="of EM: cpu (NumPy), or cuda, cuda:N")
    add("model", metavar="<model-in>", help="mixture of diagonal Gaussians")
    add("stats", metavar="<stats-rspecifier>", nargs="+", help="what acc_speaker_stats wrote, of one or several jobs")
    add("folder", metavar="<model-dir>", help="means.mat, eigenvoices.mat and eigenchannels.mat are written there")
    args = parser.parse_args(argv)
    if args.channel_rank < 0:
        raise ValueError(f"--channel-rank {args.channel_rank}: expected at least 0")
    if args.channel_rank and not args.utt2spk:
        raise ValueError("--channel-rank needs statistics of utterances, and --utt2spk")
    if args.method == "em" and args.num_iters < 1:
        raise ValueError(f"--num-iters {args.num_iters}: expected at least 1")
    if not os.path.isdir(args.folder):
        raise ValueError(f"{args.folder}: no such folder")

    algebra = open_algebra(args.device)
    gmm = DiagGmm(*read_diag_gmm(args.model))
    variances = 1 / gmm.inv_vars
    speakers = read_map(args.utt2spk) if args.utt2spk else None
    names, sums = _sum_by_speaker(args.stats, speakers, (gmm.num_gauss, gmm.dim))
    zeroth, first = sums[:, :, 0], sums[:, :, 1:]
    supervectors = adapt_means(zeroth, first, gmm.means, args.relevance)
    scales = None
    if args.whiten:
        share = np.maximum(zeroth.sum(axis=0) / zeroth.sum(), 1e-10)
        scales = np.sqrt(variances / share[:, None])
    centre, voices = train_eigenvoices(
        supervectors, args.rank, gmm.means if args.centre == "ubm" else None, scales
    )
    _log(f"{len(names)} speakers, {zeroth.sum():.7g} frames; {args.rank} eigenvoices hold "
         f"{100 * voices.eigenvalues.sum() / voices.total:.1f} % of the supervectors' variance")
    model = FactorModel(centre, voices.directions, variances)
    if args.method == "em":
        for iteration in range(args.num_iters):
            model, likelihood = em_step(model, zeroth, first, algebra, args.centre == "speakers")
            gain = likelihood / zeroth.sum()
            _log(f"iteration {iteration}: log-likelihood {gain:.6g} a frame more than the centre's alone")
    channels = None
    if args.channel_rank:
        rows = {name: row for row, name in enumerate(names)}
        utterances = list(_read(args.stats, (gmm.num_gauss, gmm.dim)))
        stats = np.stack([matrix for _, matrix in utterances])
        deviations, degrees = channel_deviations(
            stats[:, :, 0], stats[:, :, 1:], np.array([rows[speakers[name]] for name, _ in utterances]),
            supervectors, args.channel_relevance,
        )  # fmt: skip
        found = train_eigenchannels(deviations, degrees, args.channel_rank, scales)
        _log(f"{len(deviations)} utterances; {args.channel_rank} eigenchannels hold "
             f"{100 * found.eigenvalues.sum() / found.total:.1f} % of their variance about their speakers")
        channels = found.directions
    write_eigenvoices(args.folder, model.means, model.eigenvoices, channels)


def _log(message: str) -> None:
    sys.stderr.write(f"est_eigenvoices: {message}\n")


def _read(rspecifiers: Sequence[str], shape: tuple[int, int]) -> Iterator[tuple[str, np.ndarray]]:
    expected = (shape[0], shape[1] + 1)
    for rspecifier in rspecifiers:
        for key, matrix in read_table(rspecifier, "matrix"):
            if matrix.shape != expected:
                raise ValueError(f"{rspecifier}: {key}: a matrix of {matrix.shape}, expected {expected}: statistics of "
                                 "another model")
            if not np.isfinite(matrix).all():
                raise ValueError(f"{rspecifier}: {key}: NaN or infinite values")
            yield key, matrix.astype(np.float64, copy=False)


def _sum_by_speaker(
    rspecifiers: Sequence[str], speakers: dict[str, str] | None, shape: tuple[int, int]
) -> tuple[list[str], np.ndarray]:
    """Speakers in their order, and (speakers, Gaussians, 1 + dim); a speaker may come from several jobs."""
    sums: dict[str, np.ndarray] = {}
    for key, matrix in _read(rspecifiers, shape):
        if speakers is not None and key not in speakers:
            raise ValueError(f"utterance {key} is in the statistics, but not in --utt2spk")
        speaker = key if speakers is None else speakers[key]
        sums[speaker] = sums[speaker] + matrix if speaker in sums else matrix
    if not sums:
        raise ValueError(f"{rspecifiers[0]}: no statistics at all")
    names = sorted(sums)
    return names, np.stack([sums[name] for name in names])


if __name__ == "__main__":
    run(main)
