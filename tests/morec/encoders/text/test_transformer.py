"""Transformer encoders: what a configuration allows, and where their weights come from."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn

from morec.config import TextSpec
from morec.encoders.text.stack import TransformerStack
from morec.encoders.text.transformer import load_config, load_model, load_stack
from morec.encoders.token_embedding import TokenTable
from morec.errors import DataError, SpecError
from tests.morec.encoders.conftest import CAUSAL, CUT, WHOLE

PAPER = ("bert", "roberta", "opt")
KNOWN = (
    "bert, camembert, deberta-v2, distilbert, gemma, gemma2, gemma3_text, llama, mistral, "
    "modernbert, mpnet, opt, qwen2, qwen3, roberta, xlm-roberta"
)


def spec_of(folder: Path, **changes: Any) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), "pooling": "mean", **changes})


@pytest.mark.parametrize("family", CUT)
def test_num_layers_keeps_the_lower_layers(saved_encoders: dict[str, Path], family: str) -> None:
    spec = spec_of(saved_encoders[family])
    whole = load_stack(spec, load_config(spec, 0))
    two = spec.model_copy(update={"num_layers": 2})
    kept = load_stack(two, load_config(two, 0))
    assert len(kept.layers) == 2
    for name, tensor in kept.layers[1].state_dict().items():
        assert torch.equal(tensor, whole.layers[1].state_dict()[name])
    states_BTH, mask_BT = torch.randn(2, 9, whole.width), torch.arange(9) < torch.tensor([[9], [6]])
    found, expected = kept.below(2)(states_BTH, mask_BT), whole.below(2)(states_BTH, mask_BT)
    assert torch.equal(found[mask_BT], expected[mask_BT])


def test_no_pooler_is_ever_built(saved_encoders: dict[str, Path]) -> None:
    for family in (*CUT, *WHOLE):
        spec = spec_of(saved_encoders[family])
        names = [name for name, _ in load_stack(spec, load_config(spec, 0)).named_parameters()]
        assert names
        assert not [name for name in names if "pooler" in name]


def test_random_weights_follow_torchs_random_state(saved_encoders: dict[str, Path]) -> None:
    spec = spec_of(saved_encoders["bert"], pretrained=False)

    def first_weight(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return next(load_stack(spec, load_config(spec, 0)).parameters())

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))


def test_weights_that_lack_a_tensor_are_refused(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    config = load_config(spec_of(saved_encoders["bert"]), 0)
    hf.BertModel(config).save_pretrained(tmp_path)
    config.num_hidden_layers = 4
    config.save_pretrained(tmp_path)
    spec = spec_of(tmp_path)
    with pytest.raises(DataError, match=r"the weights lack 16 tensors: \['encoder.layer.3"):
        load_stack(spec, load_config(spec, 0))


def test_a_cut_off_weight_file_is_refused(saved_encoders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(saved_encoders["bert"], tmp_path / "copy")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    spec = spec_of(folder)
    with pytest.raises(DataError, match=r"copy: the weights cannot be read: .+"):
        load_stack(spec, load_config(spec, 0))


def test_a_configuration_of_nothing_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "no-such-type"}')
    with pytest.raises(DataError, match=r"config.json: .*no-such-type"):
        load_config(spec_of(tmp_path, pretrained=False), 0)


def test_one_error_lists_everything_that_a_specification_cannot_have(
    saved_encoders: dict[str, Path],
) -> None:
    name = str(saved_encoders["bert"])
    with pytest.raises(SpecError) as caught:
        load_config(
            TextSpec(name=name, num_layers=9, trainable_layers=7, max_tokens=41),
            0,
        )
    assert caught.value.problems == (
        f"item.text.num_layers: 9, but {name!r} has 3 layers; allowed: 1 to 3, or all",
        f"item.text.trainable_layers: 7, but only 3 layers of {name!r} are kept; "
        "allowed: 0 to 3, or all",
        f"item.text.max_tokens: 41, but {name!r} reads at most 40",
    )


def test_robertas_positions_start_behind_its_padding_index(
    saved_encoders: dict[str, Path],
) -> None:
    with pytest.raises(SpecError, match=r"max_tokens: 40, but .* reads at most 39"):
        load_config(spec_of(saved_encoders["roberta"], max_tokens=40), 0)


@pytest.mark.parametrize("family", [*CAUSAL, "gpt2"])
def test_the_first_token_of_a_causal_encoder_is_refused(
    saved_encoders: dict[str, Path], family: str
) -> None:
    with pytest.raises(SpecError, match=r"pooling: 'cls' of .* allowed: mean"):
        load_config(spec_of(saved_encoders[family], pooling="cls"), 0)


def test_the_first_token_of_a_decoder_that_looks_both_ways_is_read(
    saved_encoders: dict[str, Path],
) -> None:
    for family in ("llama both ways", "gemma3_text both ways"):
        load_config(spec_of(saved_encoders[family], pooling="cls"), 0)


@pytest.mark.parametrize("family", WHOLE)
def test_an_encoder_that_is_not_cut_trains_altogether_or_not_at_all(
    saved_encoders: dict[str, Path], family: str
) -> None:
    name = saved_encoders[family]
    expected = (
        f"item.text.trainable_layers: 2, but {str(name)!r} is of type {family!r}, which is not "
        f"cut into layers; allowed: 0, or all (any number with {KNOWN})"
    )
    with pytest.raises(SpecError, match=re.escape(expected)):
        load_config(spec_of(name, trainable_layers=2), 0)
    spec = spec_of(name, trainable_layers="all", num_layers=1)
    whole = load_stack(spec_of(name), load_config(spec_of(name), 0))
    short = load_stack(spec, load_config(spec, 0))
    assert len(list(short.parameters())) < len(list(whole.parameters()))


@pytest.mark.parametrize("config", [hf.ViTConfig(), hf.BartConfig(), hf.CLIPConfig()])
def test_what_is_no_text_encoder_is_refused_with_what_is(tmp_path: Path, config: Any) -> None:
    config.save_pretrained(tmp_path)
    expected = (
        f"is of type {config.model_type!r}, which is no text encoder; supported: {KNOWN}, and "
        "with trainable_layers 0 or all every masked or causal "
    )
    with pytest.raises(SpecError, match=expected):
        load_config(spec_of(tmp_path, pretrained=False), 0)


@pytest.mark.parametrize(
    "config",
    [hf.XLNetConfig(d_model=8, n_layer=1, n_head=2), hf.BloomConfig(hidden_size=8, n_layer=1)],
)
def test_relative_positions_have_no_end(tmp_path: Path, config: Any) -> None:
    config.save_pretrained(tmp_path)
    load_config(spec_of(tmp_path, pretrained=False, max_tokens=100_000), 0)


@pytest.mark.parametrize("family", PAPER)
def test_from_scratch_weights_are_normal_biases_zero_and_norms_one(
    saved_encoders: dict[str, Path], tmp_path: Path, family: str
) -> None:
    config = hf.AutoConfig.from_pretrained(saved_encoders[family])
    config.update({"hidden_size": 64, "vocab_size": 900})
    config.update({"init_std": 0.02} if family == "opt" else {"initializer_range": 0.02})
    config.save_pretrained(tmp_path)
    torch.manual_seed(3)
    spec = spec_of(tmp_path, pretrained=False)
    stack = load_stack(spec, load_config(spec, 0))
    weights = {name: tensor for name, tensor in stack.named_parameters() if tensor.dim() == 2}
    drawn = torch.cat([tensor[tensor != 0] for tensor in weights.values()])
    # Of some 80,000 numbers: the deviation is known to 0.3 %, the mean to 0.4 % of it.
    assert drawn.std().item() == pytest.approx(0.02, rel=0.01)
    assert abs(drawn.mean().item()) < 0.0004
    for name, tensor in stack.named_parameters():
        if name.endswith("bias"):
            assert not tensor.any(), name
        elif tensor.dim() == 1:
            assert (tensor == 1).all(), name


@pytest.mark.parametrize("family", CUT)
def test_every_dropout_of_a_stack_is_the_quick_one_with_the_configurations_probability(
    saved_encoders: dict[str, Path], family: str
) -> None:
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0))
    assert isinstance(stack, TransformerStack)
    library = hf.AutoModel.from_pretrained(saved_encoders[family])
    found, expected = (
        [part.p for part in model.modules() if isinstance(part, nn.Dropout)]
        for model in (stack, library)
    )
    assert sorted(found) == sorted(expected)
    assert not [part for part in stack.modules() if type(part) is nn.Dropout]
    assert stack.embedding is not None
    tables = [part for part in stack.embedding.modules() if isinstance(part, nn.Embedding)]
    assert [type(one) for one in tables].count(TokenTable) == 1


def test_kept_layers_keep_their_kinds(saved_encoders: dict[str, Path]) -> None:
    spec = spec_of(saved_encoders["gemma2"], num_layers=2)
    config = load_config(spec, 0)
    assert config.num_hidden_layers == 2
    assert config.layer_types == ["sliding_attention", "full_attention"]


@pytest.mark.parametrize(
    ("family", "expected"),
    [("bert", "morec"), ("llama", "morec"), ("deberta-v2", "eager"), ("electra", "sdpa")],
)
def test_a_family_that_is_cut_runs_our_attention_where_it_can(
    saved_encoders: dict[str, Path], family: str, expected: str
) -> None:
    spec = spec_of(saved_encoders[family])
    config = load_config(spec, 0)
    model = load_model(spec, config, hf.MODEL_MAPPING[type(config)])
    assert model.config._attn_implementation == expected


def test_tiny_random_is_a_small_bert_over_the_catalogues_words() -> None:
    spec = TextSpec(name="tiny-random", pretrained=False)
    config = load_config(spec, 33)
    expected = hf.BertConfig(
        vocab_size=33,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
    )
    assert config.to_dict() == expected.to_dict()
    with pytest.raises(SpecError) as caught:
        load_config(spec.model_copy(update={"pretrained": True}), 33)
    assert caught.value.problems == (
        "item.text.pretrained: true, but 'tiny-random' always starts from scratch; "
        "set pretrained: false",
    )


def test_all_layers_and_positions_may_be_used(saved_encoders: dict[str, Path]) -> None:
    spec = spec_of(saved_encoders["bert"], num_layers=3, trainable_layers=3, max_tokens=40)
    assert load_config(spec, 0).num_hidden_layers == 3
    load_config(spec_of(saved_encoders["roberta"], max_tokens=39), 0)
    with pytest.raises(SpecError) as caught:
        load_config(spec_of(saved_encoders["bert"], num_layers=2, trainable_layers=3), 0)
    assert caught.value.problems == (
        f"item.text.trainable_layers: 3, but only 2 layers of {str(saved_encoders['bert'])!r} "
        "are kept; allowed: 0 to 2, or all",
    )


def test_a_folders_own_code_is_not_run_whoever_says_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    ours = {"model_type": "ours", "auto_map": {"AutoConfig": "ours.Ours"}}
    (tmp_path / "config.json").write_text(json.dumps(ours))
    canary = tmp_path / "ran"
    (tmp_path / "ours.py").write_text(f"open({str(canary)!r}, 'w')\nclass Ours: pass\n")
    with pytest.raises(DataError, match=r"config\.json: "):
        load_config(spec_of(tmp_path, pretrained=False), 0)
    assert not canary.exists()
