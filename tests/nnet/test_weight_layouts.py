"""Weights in torchaudio's, fairseq's and Hugging Face's layout: found, converted, and checked tensor by tensor."""

import re

import pytest
import torch

from speechlib._torchaudio import import_torchaudio
from speechlib.nnet.self_supervised import CustomSizes, NetworkOptions, build_network
from speechlib.nnet.weight_layouts import convert_weights, find_layout

STEM = ((8, 10, 5), (8, 4, 4))


def hubert(stem_norm="group"):
    sizes = CustomSizes(STEM, stem_norm, width=8, num_layers=2, heads=2, feed_forward=12, position_frames=4,
                        position_groups=2)  # fmt: skip
    return build_network(NetworkOptions("custom", sizes), 1)


def wavlm():
    torch.manual_seed(0)
    return import_torchaudio().models.wavlm_model(
        "group_norm", list(STEM), False, 8, 0.0, 4, 2, 2, 2, 32, 64, 0.0, 12, 0.0, 0.0, False, 0.0, None
    )


def old_names(name):
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )


def split_projections(state):
    """WavLM's attention as others keep it: three tensors."""
    found = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"(.+attention\.)attention\.in_proj_(weight|bias)", name)
        if match:
            for kind, part in zip("qkv", tensor.chunk(3), strict=True):
                found[f"{match[1]}{kind}_proj.{match[2]}"] = part
        else:
            found[name.replace("attention.attention.out_proj", "attention.out_proj")] = tensor
    return found


def hugging_face(state, prefix=""):
    """Names as in transformers: HubertModel, Wav2Vec2ForPreTraining, WavLMModel."""
    found = {}
    for name, tensor in split_projections(state).items():
        name = name.replace("encoder.feature_projection", "feature_projection")
        name = name.replace("encoder.transformer", "encoder")
        found[prefix + old_names(name)] = tensor
    return {prefix + "masked_spec_embed": torch.zeros(8), **found, "lm_head.weight": torch.zeros(3, 8)}


def fairseq(state, prefix="", layer_norm=False):
    """Names as in fairseq's Wav2Vec2Model and HubertModel, and in WavLM's own repository."""
    norm = "2.1" if layer_norm else "2"
    table = [
        (r"(feature_extractor\.conv_layers\.\d+)\.conv\.", r"\1.0."),
        (r"(feature_extractor\.conv_layers\.\d+)\.layer_norm\.", rf"\1.{norm}."),
        (r"encoder\.feature_projection\.projection\.", "post_extract_proj."),
        (r"encoder\.feature_projection\.layer_norm\.", "layer_norm."),
        (r"encoder\.transformer\.pos_conv_embed\.conv\.", "encoder.pos_conv.0."),
        (r"encoder\.transformer\.", "encoder."),
        (r"\.attention\.rel_attn_embed\.", ".self_attn.relative_attention_bias."),
        (r"\.attention\.gru_rel_pos_linear\.", ".self_attn.grep_linear."),
        (r"\.attention\.gru_rel_pos_const", ".self_attn.grep_a"),
        (r"\.attention\.", ".self_attn."),
        (r"(layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
        (r"feed_forward\.intermediate_dense", "fc1"),
        (r"feed_forward\.output_dense", "fc2"),
    ]
    found = {prefix + "mask_emb": torch.zeros(8), "label_embs_concat": torch.zeros(2, 3)}
    for name, tensor in split_projections(state).items():
        for pattern, replacement in table:
            name = re.sub(pattern, replacement, name)
        found[prefix + old_names(name)] = tensor
    return {**found, "final_proj.weight": torch.zeros(3, 8), "final_proj.bias": torch.zeros(3)}


CASES = {
    "torchaudio": (hubert, lambda state: state),
    "torchaudio of before": (hubert, lambda state: {old_names(name): value for name, value in state.items()}),
    "torchaudio pre-training": (
        hubert, lambda state: {**{f"wav2vec2.{name}": value for name, value in state.items()},
                               "mask_generator.mask_embedding": torch.zeros(8)},
    ),
    "Hugging Face": (hubert, lambda state: hugging_face(state, "hubert.")),
    "Hugging Face without prefix": (lambda: hubert("layer"), hugging_face),
    "Hugging Face WavLM": (wavlm, hugging_face),
    "fairseq": (hubert, fairseq),
    "fairseq, layer norm, fine-tuned": (
        lambda: hubert("layer"), lambda state: fairseq(state, "w2v_encoder.w2v_model.", layer_norm=True),
    ),
    "fairseq WavLM": (wavlm, fairseq),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_weights_in_any_layout_are_the_networks(case):
    make, rename = CASES[case]
    model = make()
    wanted = model.state_dict()
    layout, found = convert_weights(rename({name: value.half() for name, value in wanted.items()}), make())
    assert case.startswith(layout)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value.half().float()), name
    model.load_state_dict(found)


def test_converted_names_are_those_of_torchaudios_own_importer():
    """What torchaudio's importer makes of fairseq's names, it being the reference for them."""
    from torchaudio.models.wav2vec2.utils.import_fairseq import _convert_state_dict

    state = fairseq(hubert().state_dict())
    theirs = _convert_state_dict({name: value for name, value in state.items() if name != "label_embs_concat"})
    _, ours = convert_weights(state, hubert())
    assert {old_names(name) for name in ours} == set(theirs)
    assert all(torch.equal(value, theirs[old_names(name)]) for name, value in ours.items())


@pytest.mark.parametrize("rename", [fairseq, hugging_face])
def test_a_missing_tensor_is_named(rename):
    state = rename(hubert().state_dict())
    del state[next(name for name in state if "layers.1" in name and "final_layer_norm.bias" in name)]
    with pytest.raises(ValueError, match=r"1 tensors .* missing, the first is .*layers\.1\.final_layer_norm\.bias"):
        convert_weights(state, hubert())


def test_a_tensor_without_place_is_named_as_in_the_file():
    state = fairseq(hubert().state_dict())
    state["encoder.layers.2.fc1.weight"] = state["encoder.layers.1.fc1.weight"]
    with pytest.raises(ValueError, match=r"fairseq layout: 1 tensors have no place.*encoder\.layers\.2\.fc1\.weight"):
        convert_weights(state, hubert())
    state = hugging_face(hubert().state_dict())
    state["adapter.layers.0.weight"] = torch.zeros(2)
    with pytest.raises(ValueError, match=r"no place in the network, the first is adapter\.layers\.0\.weight"):
        convert_weights(state, hubert())


def test_a_tensor_of_another_shape_is_named_as_in_the_file():
    state = fairseq(hubert().state_dict())
    state["encoder.layers.1.fc1.weight"] = torch.zeros(3, 8)
    with pytest.raises(ValueError, match=r"encoder\.layers\.1\.fc1\.weight is 3 x 8, the network has 12 x 8"):
        convert_weights(state, hubert())


def test_projections_of_different_shapes_are_not_joined():
    state = hugging_face(wavlm().state_dict())
    name = "encoder.layers.0.attention.k_proj.weight"
    state[name] = torch.zeros(8, 5)
    with pytest.raises(ValueError, match=r"no place in the network, the first is encoder\.layers\.0\.attention\.[qkv]"):
        convert_weights(state, wavlm())


@pytest.mark.parametrize(
    "values, message",
    [(torch.full((8,), torch.nan), "holds NaN or infinity"),
     (torch.zeros(8, dtype=torch.int64), "holds torch.int64, expected floating-point")],
)  # fmt: skip
def test_numbers_that_are_none(values, message):
    bias = "encoder.transformer.layer_norm.bias"
    state = {**hubert().state_dict(), bias: values}
    with pytest.raises(ValueError, match=f"{re.escape(bias)} {message}"):
        convert_weights(state, hubert())


@pytest.mark.parametrize("names", [{}, {"conv1.weight": 0, "fc.bias": 0}])
def test_nobodys_names(names):
    with pytest.raises(ValueError, match="of a HuBERT, wav2vec 2.0 or WavLM network, but (conv1.weight, fc.bias|none)"):
        find_layout(names)
