"""Run folders read in: what lies there, proposed as rows of a sheet. Only headers of checkpoints are read."""
