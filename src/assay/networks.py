"""How the border hands a network that a checkpoint stores over to its family: kinds of nodes, lists of edges."""

KINDS = ("input", "function", "output")
ENDS = (("input", "function"), ("function", "function"), ("function", "output"))
EDGES = {ends: f"network/{ends[0]}/{ends[1]}" for ends in ENDS}  # its tensor: int64 [2, edges], by position
