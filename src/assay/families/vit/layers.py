"""Where a vision transformer can be cut, and what lies before and behind each place."""

from collections.abc import Callable

from assay.families.vit.network import Tokens, VitNetwork


def layer_names(depth: int) -> tuple[str, ...]:
    """Of each block its two norms and itself, input side first."""
    return tuple(f"blocks.{i}{part}" for i in range(depth) for part in (".norm1", ".norm2", ""))


def split_at(network: VitNetwork, tokens: Tokens, layer: str) -> tuple[Tokens, Callable[[Tokens], Tokens]]:
    """What the layer gives of the tokens before the first block, and the last block's tokens as a function of it.

    Behind a norm, what passes the norm by is held fixed.
    """
    number, _, norm = layer.removeprefix("blocks.").partition(".")
    index = int(number)
    block, entering = network.depths()[index], network.through(tokens, last=int(number))
    if norm == "norm1":
        return block.norm1(entering), lambda normed: network.through(
            block.after_norm1(entering, normed), index + 1
        )
    attended = block.attended(entering, block.norm1(entering))
    if norm == "norm2":
        return block.norm2(attended), lambda normed: network.through(block.fed(attended, normed), index + 1)
    return block.fed(attended, block.norm2(attended)), lambda out: network.through(out, index + 1)
