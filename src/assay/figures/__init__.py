"""Results in, pictures out: one module draws one artifact, from its saved result alone."""
