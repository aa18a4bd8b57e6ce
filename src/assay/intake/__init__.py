"""The border: an untrusted checkpoint in, tensors and plain hyper-parameters out."""
