"""Weights of self-supervised networks in the layouts of torchaudio, fairseq (and WavLM's authors) and Hugging Face.

The names of the tensors tell the layouts apart. What only the pre-training or a task on top of the network needs is
left out; every other tensor must have its place in the network, and every place its tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

_TRANSFORMER = "encoder.transformer."
_FAIRSEQ = [
    (r"(feature_extractor\.conv_layers\.\d+)\.0\.(.+)", r"\1.conv.\2"),
    (r"(feature_extractor\.conv_layers\.\d+)\.2\.(?:1\.)?(.+)", r"\1.layer_norm.\2"),
    (r"post_extract_proj\.(.+)", r"encoder.feature_projection.projection.\1"),
    (r"layer_norm\.(.+)", r"encoder.feature_projection.layer_norm.\1"),
    (r"encoder\.pos_conv\.0\.(.+)", _TRANSFORMER + r"pos_conv_embed.conv.\1"),
    (r"encoder\.layer_norm\.(.+)", _TRANSFORMER + r"layer_norm.\1"),
    (r"encoder\.(layers\.\d+\.)self_attn\.relative_attention_bias\.(.+)",
     _TRANSFORMER + r"\1attention.rel_attn_embed.\2"),
    (r"encoder\.(layers\.\d+\.)self_attn\.grep_linear\.(.+)", _TRANSFORMER + r"\1attention.gru_rel_pos_linear.\2"),
    (r"encoder\.(layers\.\d+\.)self_attn\.grep_a", _TRANSFORMER + r"\1attention.gru_rel_pos_const"),
    (r"encoder\.(layers\.\d+\.)self_attn\.(.+)", _TRANSFORMER + r"\1attention.\2"),
    (r"encoder\.(layers\.\d+\.)self_attn_layer_norm\.(.+)", _TRANSFORMER + r"\1layer_norm.\2"),
    (r"encoder\.(layers\.\d+\.)fc1\.(.+)", _TRANSFORMER + r"\1feed_forward.intermediate_dense.\2"),
    (r"encoder\.(layers\.\d+\.)fc2\.(.+)", _TRANSFORMER + r"\1feed_forward.output_dense.\2"),
    (r"encoder\.(layers\.\d+\.final_layer_norm\..+)", _TRANSFORMER + r"\1"),
]  # fmt: skip
_HUGGING_FACE = [
    (r"(feature_extractor\..+)", r"\1"),
    (r"(feature_projection\..+)", r"encoder.\1"),
    (r"encoder\.(.+)", _TRANSFORMER + r"\1"),
]
_TORCHAUDIO = [(r"((?:feature_extractor|encoder)\..+)", r"\1")]
# By layout: what comes in front of the names, what is renamed, what a network without a task does not need.
_LAYOUTS = {
    "torchaudio": (r"wav2vec2\.", _TORCHAUDIO, r"aux\..+|mask_generator\..+|logit_generator\..+"),
    "fairseq": (r"(w2v_encoder\.)?(w2v_model\.)?", _FAIRSEQ,
                r"mask_emb|label_embs_concat|(final_proj|quantizer|project_q|target_glu|proj)\b.*"),
    "Hugging Face": (r"(hubert|wav2vec2|wavlm)\.", _HUGGING_FACE,
                     r"masked_spec_embed|layer_weights|(lm_head|quantizer|project_q|project_hid|classifier|projector)\b.*"),
}  # fmt: skip
# The weight of the convolution that tells positions is a direction and a length, whose names have changed in torch.
_NORMED = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}


def find_layout(names: Mapping[str, object]) -> str:
    """Whose names of tensors these are: `torchaudio`, `fairseq` or `Hugging Face`.

    Raises:
        ValueError: nobody's.
    """
    for layout, sign in (
        ("torchaudio", r"(wav2vec2\.)?encoder\.transformer\.layers\.0\."),
        ("fairseq", r"(w2v_encoder\.)?(w2v_model\.)?encoder\.layers\.0\.self_attn\."),
        ("Hugging Face", r"((hubert|wav2vec2|wavlm)\.)?encoder\.layers\.0\.attention\."),
    ):
        if any(re.match(sign, name) for name in names):
            return layout
    some = ", ".join(list(names)[:3]) or "none"
    raise ValueError(
        f"neither torchaudio's nor fairseq's nor Hugging Face's names of a HuBERT, wav2vec 2.0 or WavLM network, but "
        f"{some}"
    )


def convert_weights(state: Mapping[str, Tensor], network: nn.Module) -> tuple[str, dict[str, Tensor]]:
    """Weights by torchaudio's names, each checked against the network.

    Args:
        state: tensors by name, in any of the layouts.
        network: from `build_network`; it stays as it is.

    Returns:
        The layout, and float32 tensors that fit `network.load_state_dict`.

    Raises:
        ValueError: a tensor is missing, has no place in the network, has another shape, or is not finite; it is named
            as in the file where it is there.
    """
    layout = find_layout(state)
    prefix, renames, left_out = _LAYOUTS[layout]
    found: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for name, tensor in state.items():
        bare = re.sub(f"^(?:{prefix})", "", name)
        if re.fullmatch(left_out, bare):
            continue
        target = _renamed(bare, renames) or bare
        found[target], origin[target] = tensor, name
    wanted = network.state_dict()
    _join_projections(found, origin, wanted)

    unexpected = [origin[name] for name in found if name not in wanted]
    if unexpected:
        raise ValueError(
            f"{layout} layout: {len(unexpected)} tensors have no place in the network, the first is {unexpected[0]}; "
            "is it another architecture?"
        )
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(
            f"{layout} layout: {len(missing)} tensors of the network are missing, the first is {missing[0]}; is it "
            "another architecture?"
        )
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            raise ValueError(
                f"{layout} layout: {origin[name]} is {_sizes(tensor)}, the network has {_sizes(wanted[name])}; is it "
                "another architecture?"
            )
        if not tensor.is_floating_point():
            raise ValueError(f"{layout} layout: {origin[name]} holds {tensor.dtype}, expected floating-point numbers")
        if not tensor.isfinite().all():
            raise ValueError(f"{layout} layout: {origin[name]} holds NaN or infinity: fetch the file again")
    return layout, {name: found[name].float() for name in wanted}


def _renamed(name: str, renames: list[tuple[str, str]]) -> str | None:
    for pattern, replacement in renames:
        if re.fullmatch(pattern, name):
            name = re.sub(pattern, replacement, name)
            head, _, last = name.rpartition(".")
            return f"{head}.{_NORMED[last]}" if last in _NORMED else name
    return None


def _join_projections(found: dict[str, Tensor], origin: dict[str, str], wanted: Mapping[str, Tensor]) -> None:
    """WavLM's queries, keys and values are three tensors elsewhere and one in torchaudio."""
    for name in wanted:
        match = re.fullmatch(r"(.+\.attention\.)attention\.(?:in_proj_(weight|bias)|out_proj\.(weight|bias))", name)
        if match is None or name in found:
            continue
        front, joined, single = match.groups()
        sources = [f"{front}{kind}_proj.{joined or single}" for kind in (("q", "k", "v") if joined else ("out",))]
        if all(source in found for source in sources) and len({found[source].shape for source in sources}) == 1:
            found[name] = torch.cat([found.pop(source) for source in sources])
            origin[name] = origin[sources[0]]


def _sizes(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
