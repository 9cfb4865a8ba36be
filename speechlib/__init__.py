"""Who speaks and how: speaker identification, verification, clustering, diarization and emotion, Kaldi style."""

__version__ = "0.1.0"
