"""States of a network that are looked at: untrained, some on the way, trained; with the updates and epochs behind each.

Writes `state update epoch weights` lines: weights is a file, or `untrained`.
"""

import json
import math
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, run


def choose_evenly(updates: list[int], count: int) -> list[int]:
    """So many of the rising numbers, the first among them, about evenly spread by their logarithms."""
    if count <= 0 or not updates:
        return []
    chosen = [updates[0]]
    low, high = math.log(updates[0]), math.log(updates[-1])
    for step in range(1, count):
        wanted = low + (high - low) * step / count
        left = [update for update in updates if update not in chosen]
        if left:
            chosen.append(min(left, key=lambda update: abs(math.log(update) - wanted)))
    return sorted(chosen)


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="list_states.py", description=__doc__)
    parser.add_argument(
        "--snapshots", type=int, default=2, help="so many of model.<update>.pt, the earliest among them"
    )
    parser.add_argument("model", type=Path, help="folder of a network")
    parser.add_argument("states", type=Path, help="list to write")
    args = parser.parse_args(argv)
    folder = ModelFolder(args.model)
    if not folder.weights.is_file():
        raise FileNotFoundError(f"{folder.weights}: no such file: is {args.model} the folder of a trained network?")
    report = folder.path / "training.json"
    about = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    total, per_epoch = about.get("updates"), about.get("updates_per_epoch")
    by_update = {int(path.name.split(".")[1]): path for path in folder.snapshots()}
    on_the_way = [update for update in by_update if total is None or update < total]
    if total is None:
        total = max(by_update, default=1)

    def line(state: str, update: int, weights: str | Path) -> str:
        epoch = f"{update / per_epoch:.4g}" if per_epoch else "-"
        return f"{state} {update} {epoch} {weights}\n"

    lines = [line("untrained", 0, "untrained")]
    for update in choose_evenly(sorted(on_the_way), args.snapshots):
        lines.append(line(f"update{update}", update, by_update[update]))
    lines.append(line("trained", total, folder.weights))
    args.states.parent.mkdir(parents=True, exist_ok=True)
    write_text(args.states, "".join(lines))
    print(f"list_states: {', '.join(entry.split()[0] for entry in lines)}")
    return 0


if __name__ == "__main__":
    run(main)
