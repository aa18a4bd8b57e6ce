"""The preflight: a plan held against a Slurm cluster, before anything is sent."""
