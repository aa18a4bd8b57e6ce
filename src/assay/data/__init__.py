"""One module a data source: raw files in, prepared splits out."""
