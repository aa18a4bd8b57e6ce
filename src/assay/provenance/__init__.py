"""What exists, of which inputs, and whether that is still so."""
