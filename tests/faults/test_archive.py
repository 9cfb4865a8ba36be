"""An archive that was cut off behind an intact script: named with the utterances lost, and made again by its job."""

import os
import re

STEP = "steps/make_mfcc.sh --nj 2 --mfcc-config mfcc.conf data/train"


def test_truncated_archive(recipe):
    recipe.good(STEP)
    expected = recipe.files()
    archives = [recipe.data / f"data/raw_mfcc_train.{job}.ark" for job in (1, 2)]
    lost = [line.split()[0] for line in (recipe.data / "data/raw_mfcc_train.2.scp").read_text().splitlines()][7:]
    os.truncate(archives[1], archives[1].stat().st_size // 2)
    for step in ("compute_vad.sh --nj 2 data/train", "pool_features.sh --nj 2 data/train exp/vectors"):
        status, output = recipe.run(f"steps/{step}")
        assert status == 1 and "(JOB=2)" in output and f"{archives[1]}: utterance '{lost[0]}'" in output, output
        assert re.search(rf"of its 14 utterances {len(lost)} are lost \({', '.join(lost)}\)", output), output
    assert not (recipe.data / "vad.scp").exists() and not (recipe.folder / "exp/vectors/embedding.scp").exists()

    intact = archives[0].stat()
    recipe.good(STEP)
    assert (archives[0].stat().st_ino, archives[0].stat().st_mtime_ns) == (intact.st_ino, intact.st_mtime_ns)
    assert {name: content for name, content in recipe.files().items() if name in expected} == expected
    recipe.good("steps/compute_vad.sh --nj 2 data/train")
