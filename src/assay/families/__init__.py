"""One module a model family: networks, load(), answers to the protocols."""
