"""INI files of experiments for a corpus: the templates of a folder, with name, root, data and target filled in."""

import configparser
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.cli import KaldiArgumentParser, run


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(
        prog="make_inis.py",
        description=__doc__,
        epilog="e.g.: local/make_inis.py --target emotion data/emodb/all exp/emodb/experiments conf/experiments/*.ini",
    )
    parser.add_argument("--target", default="emotion", help="label to predict")
    parser.add_argument("--allow-leak", default="", metavar="A,B", help="leaks that the corpus cannot avoid")
    parser.add_argument("--seed", type=int, default=1, help="of splits and models")
    parser.add_argument("data_dir", metavar="<data-dir>", help="the database of the experiments")
    parser.add_argument("root", metavar="<root>", type=Path, help="of the experiments; the files go to <root>/ini")
    parser.add_argument("templates", metavar="<template.ini>", nargs="+", type=Path, help="without paths")
    args = parser.parse_args(argv)

    (args.root / "ini").mkdir(parents=True, exist_ok=True)
    for template in args.templates:
        ini = configparser.ConfigParser()
        ini.optionxform = str
        with open(template, encoding="utf-8") as file:
            ini.read_file(file, str(template))
        own = {
            "EXP": {"root": args.root, "name": template.stem, "seed": args.seed},
            "DATA": {"databases": "['corpus']", "corpus": args.data_dir, "corpus.type": "kaldi", "target": args.target,
                     "allow_leak": [kind for kind in args.allow_leak.split(",") if kind]},
        }  # fmt: skip
        lines = []
        for section in dict.fromkeys([*own, *ini.sections()]):
            values = {**own.get(section, {}), **(dict(ini[section]) if ini.has_section(section) else {})}
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
        write_text(args.root / "ini" / template.name, "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    run(main)
