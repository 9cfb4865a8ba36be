"""How the features of a network were made: prints their kind, and writes their options for make_feats.sh."""

import sys

import yaml

from speechlib.io.atomic import write_text
from speechlib.io.checkpoints import ModelFolder
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.kaldi_conf import read_options


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="network_features.py", description=__doc__)
    parser.add_argument("--config", default="", help="MFCC options, of a network that does not say")
    parser.add_argument("model", help="folder of a network")
    parser.add_argument("options", help="YAML file to write")
    args = parser.parse_args(argv)
    config = ModelFolder(args.model).read_config()
    found = config.get("features") or config.get("stored_features")
    if args.config:
        found = {"type": "mfcc", **read_options(args.config)}
    elif not found:
        raise ValueError(
            f"{args.model}/config.yaml does not say how the features of its training were made: name their "
            "options with --feats-config, such as ../voxceleb1/conf/mfcc_shon.conf"
        )
    found = dict(found)
    kind = found.pop("type")
    write_text(args.options, yaml.safe_dump(found, sort_keys=False))
    print(kind)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
