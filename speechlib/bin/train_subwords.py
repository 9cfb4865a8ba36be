"""Train a subword inventory (sentencepiece, unigram) on the texts of a data directory, and check that nothing is lost.

Texts are brought to lower case, without punctuation but the apostrophe. <lang-dir> gets subwords.model, subwords.vocab
and text, what the model was trained on. Where the texts do not hold as many units as asked for, there are fewer.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from speechlib.io.atomic import atomic_write, write_text
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.texts import normalise_text


def main(argv: Sequence[str] | None = None) -> None:
    """Read text, write the model."""
    parser = KaldiArgumentParser(
        prog="train_subwords",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.train_subwords --vocab-size 150 data/train data/lang_spm",
    )
    parser.add_argument("--vocab-size", type=int, default=150, help="units, the unknown one and the marks included")
    parser.add_argument("data_dir", metavar="<data-dir>", help="with text")
    parser.add_argument("lang_dir", metavar="<lang-dir>", help="folder to write to")
    args = parser.parse_args(argv)

    import sentencepiece

    data = DataDir(args.data_dir)
    if not data.text:
        raise FileNotFoundError(
            f"{data.path}/text: {'no utterance in it' if data.has('text') else 'no such file'}: the "
            "subword probe needs transcripts, `utterance word word ..` lines"
        )
    texts = sorted({text for text in map(normalise_text, data.text.values()) if text})
    if not texts:
        raise ValueError(f"{data.path}/text: no letter in any of its {len(data.text)} lines")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, model_type="unigram", vocab_size=args.vocab_size,
            character_coverage=1.0, hard_vocab_limit=False, normalization_rule_name="identity", num_threads=1,
            bos_id=-1, eos_id=-1, minloglevel=2,
        )  # fmt: skip
    except RuntimeError as error:
        raise ValueError(
            f"{data.path}/text: no {args.vocab_size} subword units can be made of its {len(texts)} different "
            f"texts: {str(error).splitlines()[-1].strip()}: try another --vocab-size"
        ) from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    for text in texts:
        if processor.decode(processor.encode(text)) != text:
            raise ValueError(
                f"{data.path}/text: {text!r} comes back from its units as {processor.decode(processor.encode(text))!r}"
            )
    folder = Path(args.lang_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / "subwords.model") as file:
        file.write(model.getvalue())
    pieces = [processor.id_to_piece(number) for number in range(processor.get_piece_size())]
    write_text(folder / "subwords.vocab", "".join(f"{piece}\n" for piece in pieces))
    write_text(folder / "text", "".join(f"{text}\n" for text in texts))
    print(f"train_subwords: {len(pieces)} units from {len(texts)} different texts in {folder}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
