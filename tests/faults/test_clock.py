"""Clocks that jump: no date in the future or past makes a step take old files for new ones, or fail."""

import os
from pathlib import Path

MAKE = "steps/make_mfcc.sh --nj 2 --mfcc-config mfcc.conf data/train"
VAD = "steps/compute_vad.sh --nj 2 data/train"
FUTURE, PAST = 4102444800, 86400  # 2100 and 1970


def set_dates(folder: Path, seconds: int) -> None:
    """Give all files of a folder one and the same date."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (seconds, seconds))


def redone(recipe, command: str, log: str) -> list[bool]:
    """Run a step; which of its two jobs did something."""
    recipe.good(command)
    texts = [(recipe.data / f"log/{log}.{job}.log").read_text() for job in (1, 2)]
    return ["complete" not in text for text in texts]


def test_dates_never_hide_a_change(recipe):
    set_dates(recipe.folder.parent, FUTURE)
    assert redone(recipe, MAKE, "make_mfcc_train") == [True, True]
    assert redone(recipe, VAD, "vad_train") == [True, True]
    expected = recipe.files()
    # All is of one date, in the past of the audio: it is as complete as before, and the parts are those of now.
    set_dates(recipe.folder, PAST)
    assert redone(recipe, MAKE, "make_mfcc_train") == [False, False]
    assert recipe.files() == expected

    # Another order of the utterances in a list of the same size and date is another list.
    parts = recipe.data / "split2utt/1/utt2spk"
    utt2spk = recipe.data / "utt2spk"
    utt2spk.write_text(utt2spk.read_text().replace(" s0", " s9"))
    set_dates(recipe.data, PAST)
    recipe.good("utils/split_data.sh --per-utt data/train 2")
    assert " s9" in parts.read_text()
    utt2spk.write_text(utt2spk.read_text().replace(" s9", " s0"))

    # A recording that was written anew, with the clock set back, is read again, by its own job alone.
    path = recipe.write_audio("s3-0027", 0.5)
    os.utime(path, (PAST, PAST))
    assert redone(recipe, MAKE, "make_mfcc_train") == [False, True]
    assert redone(recipe, VAD, "vad_train") == [True, True]  # the first archive has another date than then
