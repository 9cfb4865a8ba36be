"""Data-directory commands on a million utterances, beside pipelines of perl, awk and sort that do what Kaldi's do.

    python benchmarks/data_dirs.py [--utterances 1000000] [--speakers 20000] [--work-dir DIR]

Prints a table (TSV), a pair of columns each for ours and the pipeline: seconds, their ratio (above 1: ours is faster),
processor seconds of all processes, peak memory of the largest process in MiB. Each is one command, start-up included,
run alternately `--repeats` times; the fastest run counts. Run it on an idle machine.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]

# Functions with the passes over the files that Kaldi's scripts make, one process a pass as there.
PIPELINES = r"""
set -euo pipefail
export LC_ALL=C
lists() {  # spk2utt of utt2spk
  perl -ane 'push @s, $F[1] unless $u{$F[1]}; push @{$u{$F[1]}}, $F[0];
             END { print "$_ @{$u{$_}}\n" for @s }' "$1"
}
keep() {  # lines of $2 whose key is in $1
  perl -e 'open(I, shift); while (<I>) { @a = split; $k{$a[0]} = 1 }
           while (<>) { /\s*(\S+)/; print if $k{$1} }' "$1" "$2"
}
deal() {  # lines of $2 to $4/<job>/$2, by the keys of $4/<job>/$3
  perl -e '($in, $n, $ids, $to) = @ARGV;
           for $j (1..$n) { open(I, "$to/$j/$ids"); while (<I>) { @a = split; push @{$k{$a[0]}}, $j }
                            open($o[$j], ">", "$to/$j/" . ($in =~ s/.*\///r)) }
           open(I, $in); while (<I>) { /(\S+)/; for $j (@{$k{$1}}) { print {$o[$j]} $_ } }' "$@"
}
sorted() { awk '{print $1}' "$1" | sort | uniq | cmp -s - <(awk '{print $1}' "$1"); }
validate() {
  awk 'NF != 2 {exit 1}' "$1/utt2spk"
  sort -k2 "$1/utt2spk" | cmp -s - "$1/utt2spk"
  cmp -s <(awk '{print $1, $2}' "$1/utt2spk") <(perl -ane '$s = shift @F; print "$_ $s\n" for @F' "$1/spk2utt")
  awk '{print $1}' "$1/utt2spk" > "$1/.utts"
  for f in utt2spk spk2utt text wav.scp feats.scp utt2dur spk2gender; do
    perl -ne 'substr($_, -1) eq "\n" or die' "$1/$f"
    sorted "$1/$f"
    case $f in
      spk*) cmp -s <(awk '{print $1}' "$1/$f") <(awk '{print $1}' "$1/spk2utt") ;;
      *) awk '{print $1}' "$1/$f" | cmp -s - "$1/.utts" ;;
    esac
  done
  perl -CSD -ne '/\S/ or die' "$1/text"
  for word in '<s>' '</s>' '#0'; do ! grep -qw "$word" "$1/text"; done
  ! grep -Eq '^\S+\s+~' "$1/wav.scp"
  awk 'NF != 2 || !($2 > 0) {exit 1}' "$1/utt2dur"
  rm "$1/.utts"
}
split_dir() {
  local n=$2 to=$1/split$2
  for j in $(seq "$n"); do mkdir -p "$to/$j"; done
  perl -e '($in, $n, $to) = @ARGV; open(I, $in);
           while (<I>) { @a = split; push @s, $a[1] unless $l{$a[1]}; push @{$l{$a[1]}}, $_ }
           for $i (0..$#s) { $j = 1 + int($i * $n / @s); open($o[$j], ">", "$to/$j/utt2spk") unless $o[$j];
                             print {$o[$j]} @{$l{$s[$i]}} }' "$1/utt2spk" "$n" "$to"
  for j in $(seq "$n"); do lists "$to/$j/utt2spk" > "$to/$j/spk2utt"; done
  for f in text wav.scp feats.scp utt2dur; do deal "$1/$f" "$n" utt2spk "$to"; done
  deal "$1/spk2gender" "$n" spk2utt "$to"
}
restrict() {  # the other files of $1 to what utt2spk and spk2utt of $2 have
  for f in text wav.scp feats.scp utt2dur; do keep "$2/utt2spk" "$1/$f" > "$2/$f"; done
  keep "$2/spk2utt" "$1/spk2gender" > "$2/spk2gender"
}
subset() {
  mkdir -p "$3"
  shuf -n "$2" "$1/utt2spk" | sort > "$3/utt2spk"
  lists "$3/utt2spk" > "$3/spk2utt"
  restrict "$1" "$3"
}
fix() {
  mkdir -p "$1/.backup"
  for f in utt2spk spk2utt text wav.scp feats.scp utt2dur spk2gender; do
    cp "$1/$f" "$1/.backup/$f"
    sort -k1,1 -u "$1/$f" > "$1/$f.tmp"
    if cmp -s "$1/$f" "$1/$f.tmp"; then rm "$1/$f.tmp"; else mv "$1/$f.tmp" "$1/$f"; fi
  done
  lists "$1/utt2spk" > "$1/spk2utt"
  awk '{print $1}' "$1/utt2spk" > "$1/.utts"
  for f in feats.scp text wav.scp; do keep "$1/$f" "$1/.utts" > "$1/.less"; mv "$1/.less" "$1/.utts"; done
  for f in utt2spk feats.scp text utt2dur wav.scp; do
    cmp -s "$1/$f" <(keep "$1/.utts" "$1/$f") || keep "$1/.utts" "$1/.backup/$f" > "$1/$f"
  done
  lists "$1/utt2spk" > "$1/spk2utt"
  rm "$1/.utts"
}
combine() {
  local to=$1; shift
  mkdir -p "$to"
  for f in utt2spk text wav.scp feats.scp utt2dur spk2gender; do
    (for d in "$@"; do cat "$d/$f"; done) | sort -k1 > "$to/$f"
  done
  lists "$to/utt2spk" > "$to/spk2utt"
  fix "$to"
}
copy() {
  mkdir -p "$2"
  awk '{print $1, "x-" $1}' "$1/utt2spk" > "$2/.map"
  for f in utt2spk text wav.scp feats.scp utt2dur; do
    perl -e 'open(I, shift); while (<I>) { @a = split; $m{$a[0]} = $a[1] }
             while (<>) { s/^(\S+)/$m{$1}/; print }' "$2/.map" "$1/$f" > "$2/$f"
  done
  perl -pe 's/ / x-/' "$2/utt2spk" > "$2/.new"; mv "$2/.new" "$2/utt2spk"
  perl -pe 's/^/x-/' "$1/spk2gender" > "$2/spk2gender"
  lists "$2/utt2spk" > "$2/spk2utt"
  validate "$2"
}
"""


def make_data_dir(path: Path, num_utterances: int, num_speakers: int) -> None:
    """Write a data directory with utt2spk, spk2utt, text, wav.scp, feats.scp, utt2dur and spk2gender."""
    path.mkdir(parents=True)

    def ids() -> Iterator[tuple[str, int]]:
        return ((f"s{i * num_speakers // num_utterances:06d}", i) for i in range(num_utterances))

    rows = {
        "utt2spk": "{0}-utt{1:08d} {0}\n",
        "text": "{0}-utt{1:08d} SHE HAD YOUR DARK SUIT IN GREASY WASH WATER ALL YEAR {1}\n",
        "wav.scp": "{0}-utt{1:08d} /corpora/some/where/{0}/utt{1:08d}.wav\n",
        "feats.scp": "{0}-utt{1:08d} /exp/make_mfcc/train/raw_mfcc_train.1.ark:{1}\n",
        "utt2dur": "{0}-utt{1:08d} 3.25\n",
    }
    for name, row in rows.items():
        with open(path / name, "w") as file:
            file.writelines(row.format(*fields) for fields in ids())
    with open(path / "spk2utt", "w") as lists, open(path / "spk2gender", "w") as genders:
        for speaker, utterances in groupby(ids(), key=itemgetter(0)):
            lists.write(" ".join([speaker, *(f"{speaker}-utt{number:08d}" for _, number in utterances)]) + "\n")
            genders.write(f"{speaker} {'mf'[int(speaker[1:]) % 2]}\n")


def tasks(work: Path, num_utterances: int) -> list[tuple[str, list[str], str]]:
    """Name, our command and the pipeline of each task; what both write is at `work`/out."""
    data, out = work / "data", work / "out"
    half = num_utterances // 2
    utils = TOP / "utils"
    first, second = work / "first", work / "second"
    return [
        (
            "utt2spk_to_spk2utt",
            [f"{utils}/utt2spk_to_spk2utt.pl {data}/utt2spk > {out}"],
            f"lists {data}/utt2spk > {out}",
        ),
        (
            "filter_scp",
            [f"{utils}/filter_scp.pl {first}/utt2spk {data}/wav.scp > {out}"],
            f"keep {first}/utt2spk {data}/wav.scp > {out}",
        ),
        ("validate", [f"{utils}/validate_data_dir.sh {data}"], f"validate {data}"),
        ("split 8", [f"{utils}/split_data.sh {data} 8"], f"split_dir {data} 8"),
        ("subset half", [f"{utils}/subset_data_dir.sh {data} {half} {out}"], f"subset {data} {half} {out}"),
        ("fix", [f"{utils}/fix_data_dir.sh {work}/whole"], f"fix {work}/whole"),
        ("combine 2", [f"{utils}/combine_data.sh {out} {second} {first}"], f"combine {out} {second} {first}"),
        ("copy", [f"{utils}/copy_data_dir.sh --utt-prefix x- --spk-prefix x- {data} {out}"], f"copy {data} {out}"),
    ]


def measure(script: str, work: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MiB of a bash script."""
    for leftover in (work / "out", work / "data" / "split8", work / "whole" / ".backup"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover.exists():
            leftover.unlink()
    start = time.perf_counter()
    process = subprocess.Popen(["bash", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{script[-200:]}: exit status {process.returncode}: {message.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--speakers", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work-dir", help="where to write; a new folder in $TMPDIR by default")
    parser.add_argument("--only", default="", help="names of tasks must contain this")
    args = parser.parse_args()
    os.environ["PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(dir=args.work_dir, prefix="data_dirs.") as folder:
        work = Path(folder)
        make_data_dir(work / "data", args.utterances, args.speakers)
        shutil.copytree(work / "data", work / "whole")
        half = args.utterances // 2
        for name, option in (("first", "--first"), ("second", "--last")):
            command = [TOP / "utils" / "subset_data_dir.sh", option, work / "data", str(half), work / name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print("task", "seconds", "pipeline", "ratio", "CPU seconds", "pipeline", "MiB", "pipeline", sep="\t")
        for name, command, pipeline in tasks(work, args.utterances):
            if args.only not in name:
                continue
            ours, theirs = [], []
            for _ in range(args.repeats):
                ours.append(measure(" ".join(command), work))
                theirs.append(measure(PIPELINES + pipeline, work))
            ours, theirs = min(ours), min(theirs)
            row = [f"{ours[0]:.2f}", f"{theirs[0]:.2f}", f"{theirs[0] / ours[0]:.1f}"]
            row += [f"{ours[1]:.2f}", f"{theirs[1]:.2f}", f"{ours[2]:.0f}", f"{theirs[2]:.0f}"]
            print(name, *row, sep="\t", flush=True)


if __name__ == "__main__":
    main()
