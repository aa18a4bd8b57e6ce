"""The published fusion policies: what the two experts say of a graph in, one score of attack out."""
