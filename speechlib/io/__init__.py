"""Files: archives, audio, data directories, scores and results in Kaldi's formats."""
