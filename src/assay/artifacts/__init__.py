"""One module an artifact: a frozen result and a pure compute()."""
