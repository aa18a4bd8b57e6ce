"""Files of the user, read so that damage and claims of size are seen, and nothing in them is run."""
