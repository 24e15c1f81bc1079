"""Search over knowledge bases: by meaning, by words, and by both."""
