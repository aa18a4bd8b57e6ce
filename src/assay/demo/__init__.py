"""Makes the small data and checkpoints that the demo analyses."""
