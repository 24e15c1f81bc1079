"""Knowledge: documents read into chunks, searched by meaning and by words, and cited."""
