"""Back-ends of speaker verification: LDA, PLDA, scoring; arrays in, arrays out."""
