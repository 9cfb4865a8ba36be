"""Small synthetic corpora from espeak-ng: one synthesiser, several corpus layouts."""
