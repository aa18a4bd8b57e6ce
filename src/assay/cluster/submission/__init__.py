"""One job for some artifacts of one checkpoint, sent through submitit."""
