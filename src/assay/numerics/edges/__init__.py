"""Which function may drive which: scores, tests and recovery of edges, on arrays of pairs."""
