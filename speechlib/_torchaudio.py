"""torchaudio without its compiled extension, for pretrained models' architectures and for the oracles of tests.

torchaudio's wheel is linked against CUDA: beside a CPU build of torch its import fails. What needs no compiled code
works once the module that loads it is replaced: compliance.kaldi, functional, MelSpectrogram, MFCC, models, pipelines.
Loading and saving of audio, forced_align and rnnt_loss do not.
"""

from __future__ import annotations

import sys
import types
from types import ModuleType


def import_torchaudio() -> ModuleType:
    """Import torchaudio, with a stand-in for its extension where torch has no CUDA.

    Raises:
        ImportError: torchaudio is not installed.
    """
    import torch

    if "torchaudio" not in sys.modules and torch.version.cuda is None:
        stand_in = types.ModuleType("torchaudio._extension")
        stand_in._IS_TORCHAUDIO_EXT_AVAILABLE = False
        stand_in._IS_ALIGN_AVAILABLE = False
        stand_in._check_cuda_version = lambda: None
        stand_in.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = stand_in
    import torchaudio

    return torchaudio
