"""Every read and write of results."""
