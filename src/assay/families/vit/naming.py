"""The namings of vision transformers' state dicts, each translated to that of timm and of the MAE paper."""

from collections.abc import Mapping

from torch import Tensor

from assay.families.state import cleaned
from assay.families.state_names import Named, joined, parted, renamed, without_prefixes

LEFT_OUT = r"decoder[._].*|.*\bmask_token|pooler\..*"
_TORCHVISION = r"encoder\.layers\.encoder_layer_(\d+)\."
_BLOCK = r"(?:(?:encoder\.)?layers?|blocks)\.(\d+)\."
RENAMES = [
    # transformers
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.patch_embeddings\.projection\.(.*)", r"patch_embed.proj.\1"),
    (_BLOCK + r"attention\.(?:attention\.)?(q|k|v)(?:uery|ey|alue|_proj)\.(.*)", r"blocks.\1.attn.\2.\3"),
    (_BLOCK + r"attention\.(?:output\.dense|o_proj)\.(.*)", r"blocks.\1.attn.proj.\2"),
    (_BLOCK + r"layernorm_before\.(.*)", r"blocks.\1.norm1.\2"),
    (_BLOCK + r"layernorm_after\.(.*)", r"blocks.\1.norm2.\2"),
    (_BLOCK + r"intermediate\.dense\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (_BLOCK + r"output\.dense\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (_BLOCK + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
    (_BLOCK + r"mlp\.(?:weights_in|w12)\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (_BLOCK + r"mlp\.(?:weights_out|w3|down_proj)\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (r"layernorm\.(.*)", r"norm.\1"),
    # torchvision
    (r"class_token", "cls_token"),
    (r"conv_proj\.(.*)", r"patch_embed.proj.\1"),
    (r"encoder\.pos_embedding", "pos_embed"),
    (_TORCHVISION + r"self_attention\.in_proj_(.*)", r"blocks.\1.attn.qkv.\2"),
    (_TORCHVISION + r"self_attention\.out_proj\.(.*)", r"blocks.\1.attn.proj.\2"),
    (_TORCHVISION + r"ln_([12])\.(.*)", r"blocks.\1.norm\2.\3"),
    (_TORCHVISION + r"mlp\.(?:0|linear_1)\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (_TORCHVISION + r"mlp\.(?:3|linear_2)\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (r"encoder\.ln\.(.*)", r"norm.\1"),
    (r"heads\.head\.(.*)", r"head.\1"),
    # a plain transformer, whose tokens are `cls` and `pos`
    (r"cls", "cls_token"),
    (r"pos", "pos_embed"),
    (r"patch_embed\.(weight|bias)", r"patch_embed.proj.\1"),
    (_BLOCK + r"(qkv|proj)\.(.*)", r"blocks.\1.attn.\2.\3"),
    (_BLOCK + r"mlp\.0\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (_BLOCK + r"mlp\.2\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    # DINOv2's own
    (r"register_tokens", "reg_token"),
    # any
    (_BLOCK + r"(.*)", r"blocks.\1.\2"),
    (r"(?:head|classifier|fc)\.(?:\d+\.)?(weight|bias)", r"head.\1"),
]
TOKENS = ("cls_token", "reg_token", "pos_embed")


def canonical(tensors: Mapping[str, Tensor]) -> Named:
    """The tensors by timm's names; a decoder, mask tokens and a pooler are left out, and named.

    Queries, keys and values become one matrix, and so do the two halves of a gated perceptron. Tokens get three
    axes: [1, tokens, width].

    Raises:
        Refused: two names that mean one tensor.
    """
    bare, prefix = without_prefixes(cleaned(tensors))
    bare = renamed(bare, [(r"(?:vit|dinov2_with_registers)\.(.*)", r"\1")])
    kept, left_out = parted(bare, LEFT_OUT)
    named = renamed(kept, RENAMES)
    named = joined(named, (".attn.q.", ".attn.k.", ".attn.v."), ".attn.qkv.")
    named = joined(named, (".mlp.gate_proj.", ".mlp.up_proj."), ".mlp.fc1.")
    for name in TOKENS:
        while name in named and named[name].ndim in (1, 2):
            named[name] = named[name][None]
    return Named(named, prefix, left_out)
