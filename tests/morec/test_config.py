"""What a configuration accepts and refuses, and how a trial is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from morec.config import (
    LEAVE_ONE_OUT,
    EvaluationSpec,
    ItemSpec,
    OptimSpec,
    SASRecSpec,
    TrialConfig,
    canonical_json,
)
from morec.config.losses import OUR_LOSSES, losses_with

ID_ONLY: dict[str, Any] = {"dataset": {"kind": "movielens"}, "item": {"id": True}}
TEXT = {"name": "minilm", "trainable_layers": "all"}
IMAGE = {"name": "resnet18"}
LORA_TEXT = TEXT | {"lora": {}, "second_round": {}}
FROM_CONTENT: dict[str, Any] = {
    "dataset": {"kind": "synthetic"},
    "item": {
        "id": True,
        "id_init": {"text": {"name": "minilm"}},
        "text": {"name": "minilm", "side": {}},
        "image": {"name": "tiny-random-mae", "side": {}},
        "fusion": "add",
    },
}
MAE_IMAGE = {"name": "tiny-random-mae", "trainable_layers": 1, "lora": {}, "second_round": {}}
EVERYTHING: dict[str, Any] = {
    "dataset": {"kind": "synthetic"},
    "item": {"id": True, "text": LORA_TEXT, "image": MAE_IMAGE, "fusion": "add"},
    "optim": {"encoder_lr": 1e-5},
}
OTHER_VALUES: dict[str, Any] = {
    "dataset.max_seq_len": 10,
    "dataset.min_seq_len": 6,
    "dataset.warm": 20,
    "dataset.max_users": 50,
    "dataset.ties": "item",
    "dataset.num_users": 201,
    "dataset.num_items": 121,
    "dataset.num_tastes": 7,
    "dataset.mean_seq_len": 17,
    "dataset.late_items": 0.5,
    "dataset.image_size": 33,
    "dataset.seed": 1,
    "item.id": False,
    "item.text.name": "tiny-random",
    "item.text.pretrained": False,
    "item.text.num_layers": 2,
    "item.text.trainable_layers": 1,
    "item.text.pooling": "mean",
    "item.text.max_tokens": 31,
    "item.text.dnn_layers": 8,
    "item.text.control": "shuffle",
    "item.text.lora.rank": 4,
    "item.text.lora.alpha": 8.0,
    "item.text.second_round.max_epochs": 5,
    "item.text.second_round.lr": 1e-5,
    "item.text.second_round.weight_decay": 0.0,
    "item.text.second_round.batch_size": 16,
    "item.text.template": "{title}. {brand}",
    "item.text.lowercase": False,
    "item.text.prompt": "query: ",
    "item.text.prompt_name": "query",
    "item.text.second_round.valid_share": 0.2,
    "item.text.second_round.seed": 1,
    "item.text.second_round.mask_share": 0.3,
    "item.image.name": "resnet34",
    "item.image.pretrained": False,
    "item.image.trainable_layers": "all",
    "item.image.control": "constant",
    "item.image.size": 32,
    "item.image.normalization": "half",
    "item.image.dnn_layers": 8,
    "item.image.lora.rank": 4,
    "item.image.lora.alpha": 8.0,
    "item.image.second_round.max_epochs": 5,
    "item.image.second_round.lr": 1e-5,
    "item.image.second_round.weight_decay": 0.0,
    "item.image.second_round.batch_size": 16,
    "item.image.second_round.valid_share": 0.2,
    "item.image.second_round.seed": 1,
    "item.image.second_round.mask_share": 0.5,
    "item.fusion": "concat",
    "item.fusion_layers": 2,
    "model.dim": 64,
    "model.num_blocks": 3,
    "model.num_heads": 4,
    "model.dropout": 0.2,
    "optim.lr": 5e-4,
    "optim.encoder_lr": 5e-5,
    "optim.weight_decay": 0.01,
    "optim.beta2": 0.98,
    "optim.clip_norm": 1.0,
    "optim.warmup_steps": 100,
    "optim.schedule": "cosine",
    "training.loss": "in_batch_ce",
    "training.batch_size": 128,
    "training.max_epochs": 10,
    "training.patience": 10,
    "training.precision": "bf16",
    "training.micro_items": 64,
    "evaluation.ks": [5, 10],
    "evaluation.select": "NDCG@10",
    "evaluation.batch_size": 256,
    "evaluation.candidates": "trained",
    "evaluation.mask_history": False,
    "evaluation.split": {"by_time": {"target": "first"}},
    "evaluation.test": True,
    "seed": 1,
}
"""Another legal value of every field of ``EVERYTHING`` spelled out."""
ONLY_VALUE = {
    *("dataset.kind", "model.kind", "item.text.word_vectors"),
    *("item.id_init", "item.text.side", "item.image.side"),
}
CONTENT_VALUES = {
    "item.id_init.text.name": "tiny-random",
    "item.id_init.text.pooling": "mean",
    "item.id_init.text.control": "shuffle",
    "item.id_init.scale": "random",
    "item.id_init.max_distance": 0.5,
    "item.id_init.freeze": True,
    "item.text.side.layers": [0, 3],
    "item.text.side.width": 32,
    "item.image.side.layers": [1],
    "item.image.side.width": 32,
}
"""The same for options of ``FROM_CONTENT``, which do not go with an encoder that trains."""


LOSS_VALUES = {
    "training.negatives": 5,
    "training.shared_negatives": True,
    "training.negatives_by": "popularity",
    "training.calibration": 0.5,
}
"""The same for options that a loss of ``LOSSES_OF`` reads, with items that all of them allow."""
OWN = {"file": "v.parquet", "ids": "item", "column": "v"}
FROZEN: dict[str, Any] = {
    "dataset": {"kind": "movielens"},
    "item": {
        "text": {"name": "minilm"},
        "image": IMAGE,
        "vectors": {"own": OWN, "two": OWN},
        "fusion": "add",
    },
}
PROCESSING_VALUES = {"pca": 8, "whiten": True, "normalize": True}
FROZEN_VALUES: dict[str, Any] = {
    f"item.{part}.{option}": value
    for part in ("text", "image", "vectors.own")
    for option, value in PROCESSING_VALUES.items()
} | {
    "item.vectors.own.file": "w.parquet",
    "item.vectors.own.ids": "id",
    "item.vectors.own.column": None,
    "item.vectors.own.dnn_layers": 8,
    "item.vectors.own.control": "noise",
    "item.vectors.own": None,
}
"""Another legal value of every option of ``FROZEN`` that encoders which train do not have."""


def config(values: dict[str, Any]) -> TrialConfig:
    return TrialConfig.model_validate_json(json.dumps(values))


def leaves(values: dict[str, Any], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for key, value in values.items():
        is_section = isinstance(value, dict)
        paths += leaves(value, f"{prefix}{key}.") if is_section else [prefix + key]
    return paths


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    key, _, rest = path.partition(".")
    return values | {key: changed(values[key], rest, value) if rest else value}


def shuffled(values: Any, draw: st.DrawFn) -> Any:
    if not isinstance(values, dict):
        return values
    keys = draw(st.permutations(list(values)))
    return {key: shuffled(values[key], draw) for key in keys}


@pytest.mark.parametrize(
    ("values", "sources", "expected"),
    [
        (ID_ONLY, {"data": "abc"}, "sasrec-id-s0-422d615a"),
        (ID_ONLY | {"seed": 3}, {"data": "abc"}, "sasrec-id-s3-a1d99992"),
        (
            EVERYTHING,
            {"data": "abc", "text": "t", "image": "i"},
            "sasrec-id+text+image-lora-e2e-lora-top1-s0-cffe7ecc",
        ),
        (
            ID_ONLY | {"item": {"text": {"name": "minilm", "trainable_layers": 2}}},
            {},
            "sasrec-text-top2-s0-ba9e18da",
        ),
        (
            ID_ONLY | {"item": {"image": {"name": "resnet18", "dnn_layers": 8}}},
            {},
            "sasrec-image-dnn8-s0-65cb125a",
        ),
    ],
)
def test_trial_ids_never_change_by_accident(values, sources, expected: str) -> None:
    """Whoever changes what a configuration means raises SCHEMA_VERSION and writes new ids here."""
    assert config(values).trial_id(sources) == expected


@st.composite
def reordered(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = shuffled(EVERYTHING, draw)
    return values


@given(reordered())
def test_the_id_ignores_the_order_of_keys(values) -> None:
    assert config(values).trial_id({}) == config(EVERYTHING).trial_id({})


def test_the_id_ignores_the_order_of_sources() -> None:
    trial = config(ID_ONLY)
    assert trial.trial_id({"a": "1", "b": "2"}) == trial.trial_id({"b": "2", "a": "1"})


@pytest.mark.parametrize("values", [ID_ONLY, EVERYTHING])
def test_the_id_ignores_defaults_that_are_spelled_out(values) -> None:
    trial = config(values)
    assert config(trial.model_dump(mode="json")).trial_id({}) == trial.trial_id({})


def test_an_integer_where_a_number_is_asked_for_is_that_number() -> None:
    whole, decimal = (config(ID_ONLY | {"optim": {"lr": lr}}) for lr in (1, 1.0))
    assert whole.trial_id({}) == decimal.trial_id({})


def split_of(value: Any) -> Any:
    return config(ID_ONLY | {"evaluation": {"split": value}}).evaluation.split


def test_a_split_by_time_is_another_trial_and_its_defaults_are_left_out() -> None:
    assert split_of("leave_one_out") == config(ID_ONLY).evaluation.split == LEAVE_ONE_OUT
    spelled = {"by_time": {"test": 0.1, "valid": 0.1, "target": "last"}}
    one, same, other = (
        config(ID_ONLY | {"evaluation": {"split": value}}).trial_id({})
        for value in ({"by_time": {}}, spelled, {"by_time": {"target": "first"}})
    )
    assert one == same
    assert len({one, other, config(ID_ONLY).trial_id({})}) == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "leave_one",
            r"'leave_one'; allowed: leave_one_out, .* mean 'leave_one_out'",
        ),
        (3, r"found 3; allowed: leave_one_out, or a mapping: \{by_time: \{test: 0.1"),
        ({"by_time": {"target": "all"}}, "by_time.target\n.*'first' or 'last'"),
        ({"by_time": {"test": 0.5, "valid": 0.5}}, "0.5 and valid 0.5 leave nothing to train on"),
        ({"by_time": {"test": 0}}, "greater than 0"),
        ({"by_times": {}}, "by_time\n.*required"),
    ],
)
def test_a_wrong_split_is_refused_with_what_is_allowed(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        split_of(value)


def test_every_field_has_another_value_to_test_with() -> None:
    spelled_out = config(EVERYTHING).model_dump(mode="json")
    # Members of a late fusion: tests/morec/test_late_fusion.py.
    known = set(OTHER_VALUES) | ONLY_VALUE | set(LOSS_VALUES) | {"ensemble"}
    processing = {path for path in FROZEN_VALUES if not path.startswith("item.vectors.")}
    assert set(leaves(spelled_out)) == known | processing
    frozen = config(FROZEN).model_dump(mode="json")["item"]["vectors"]["own"]
    paths = {f"item.vectors.own.{option}" for option in frozen}
    assert paths <= set(FROZEN_VALUES)


@pytest.mark.parametrize("path", OTHER_VALUES)
def test_every_field_is_part_of_the_identity(path: str) -> None:
    spelled_out = config(EVERYTHING).model_dump(mode="json")
    other = config(changed(spelled_out, path, OTHER_VALUES[path]))
    assert other.trial_id({}) != config(EVERYTHING).trial_id({})


@pytest.mark.parametrize("path", FROZEN_VALUES)
def test_every_option_of_frozen_features_is_part_of_the_identity(path: str) -> None:
    spelled_out = config(FROZEN).model_dump(mode="json")
    other = config(changed(spelled_out, path, FROZEN_VALUES[path]))
    assert other.trial_id({}) != config(FROZEN).trial_id({})


def test_vectors_that_are_switched_off_or_written_in_another_order_are_no_other_trial() -> None:
    item = FROZEN["item"]
    turned = {"two": OWN, "own": OWN, "off": None}
    same = config(FROZEN | {"item": item | {"vectors": turned}})
    assert same == config(FROZEN)
    assert same.trial_id({}) == config(FROZEN).trial_id({})
    assert hash(same) == hash(config(FROZEN))
    without = {key: value for key, value in item.items() if key != "vectors"}
    for none in ({}, {"off": None}, None):
        trial = config(FROZEN | {"item": without | {"vectors": none}})
        assert trial.trial_id({}) == config(FROZEN | {"item": without}).trial_id({})


@pytest.mark.parametrize("name", ["text", "id", "image", "a.b", "", "-a", "a b", "ä"])
def test_a_name_of_vectors_fits_into_a_dotted_path(name: str) -> None:
    with pytest.raises(ValidationError, match="no name for vectors; allowed: letters, digits, - "):
        ItemSpec.model_validate({"vectors": {name: OWN}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": "v.npy", "ids": "i", "column": "v"}, "'v' has no effect: a .npy has no columns"),
        ({"file": "v.parquet", "ids": "v", "column": "v"}, "'v' has no effect: it holds the ids"),
    ],
)
def test_a_column_of_vectors_without_effect_is_refused(values: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ItemSpec.model_validate({"vectors": {"own": values}})


@pytest.mark.parametrize("part", ["text", "image"])
@pytest.mark.parametrize("option", PROCESSING_VALUES)
def test_features_of_an_encoder_that_trains_are_not_processed(part: str, option: str) -> None:
    encoder = {"name": "minilm", "trainable_layers": 1, option: PROCESSING_VALUES[option]}
    with pytest.raises(ValidationError, match=f"{option}: for frozen features, and this encoder"):
        ItemSpec.model_validate({part: encoder})


def test_vectors_alone_with_a_constant_leave_items_no_difference() -> None:
    with pytest.raises(ValidationError, match="control: constant leaves items no difference"):
        ItemSpec.model_validate({"vectors": {"own": OWN | {"control": "constant"}}})


@pytest.mark.parametrize("path", CONTENT_VALUES)
def test_every_option_of_content_and_side_networks_is_part_of_the_identity(path: str) -> None:
    spelled_out = config(FROM_CONTENT).model_dump(mode="json")
    plain = config(FROM_CONTENT).trial_id({})
    assert config(spelled_out).trial_id({}) == plain
    assert config(changed(spelled_out, path, CONTENT_VALUES[path])).trial_id({}) != plain


@pytest.mark.parametrize("path", LOSS_VALUES)
def test_every_option_of_a_loss_is_part_of_the_identity_and_of_no_other_loss(path: str) -> None:
    option = path.removeprefix("training.")
    for loss in OUR_LOSSES:
        plain = ID_ONLY | {"training": {"loss": loss}}
        other = changed(plain, path, LOSS_VALUES[path])
        if loss in losses_with(option):
            assert config(other).trial_id({}) != config(plain).trial_id({})
        else:
            with pytest.raises(ValidationError) as error:
                config(other)
            assert (
                f"training.{option} has no effect with training.loss: {loss}; losses that read "
                f"it: {', '.join(losses_with(option))}"
            ) in str(error.value)


@pytest.mark.parametrize("sources", [{"data": "abd"}, {"data": "abc", "text": "abc"}, {}])
def test_other_data_or_weights_are_another_trial(sources) -> None:
    trial = config(ID_ONLY)
    assert trial.trial_id(sources) != trial.trial_id({"data": "abc"})


@pytest.mark.parametrize(
    ("item", "prefix"),
    [
        ({"id": True}, "sasrec-id-s0-"),
        ({"text": {"name": "minilm"}}, "sasrec-text-ts-s0-"),
        ({"text": {"name": "minilm", "dnn_layers": 8}}, "sasrec-text-dnn8-s0-"),
        ({"text": {"name": "minilm", "trainable_layers": 2}}, "sasrec-text-top2-s0-"),
        ({"text": {"name": "minilm", "control": "shuffle"}}, "sasrec-text-ts-shuffle-s0-"),
        ({"image": IMAGE | {"trainable_layers": "all"}}, "sasrec-image-e2e-s0-"),
        ({"vectors": {"own": OWN}}, "sasrec-vectors.own-ts-s0-"),
        ({"text": {"name": "minilm", "side": {}}}, "sasrec-text-side-ts-s0-"),
        (
            {"id": True, "id_init": {"text": {"name": "minilm"}, "freeze": True}},
            "sasrec-id-init-frozen-s0-",
        ),
        (
            {"id": True, "id_init": {"image": IMAGE}, "text": {"name": "minilm"}, "fusion": "add"},
            "sasrec-id+text-init-ts-s0-",
        ),
        (
            {"id": True, "text": TEXT, "image": IMAGE, "fusion": "add"},
            "sasrec-id+text+image-e2e-ts-s0-",
        ),
    ],
)
def test_the_id_begins_with_what_a_reader_wants_to_know(item, prefix: str) -> None:
    assert config(ID_ONLY | {"item": item}).trial_id({}).startswith(prefix)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no item representation: set id: true, or give text:, image: or vectors:"),
        ({"id": True, "text": TEXT}, "id and text need fusion: add or fusion: concat"),
        ({"id": True, "fusion": "add"}, "fusion has nothing to fuse: id is the only part"),
        ({"text": TEXT, "fusion_layers": 1}, "fusion has nothing to fuse: text is the only part"),
    ],
)
def test_an_item_says_what_its_parts_lack(values, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ItemSpec.model_validate(values)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValidationError, match="dim 10 is not divisible by num_heads 4"):
        SASRecSpec(dim=10, num_heads=4)


def test_the_selected_metric_must_be_computed() -> None:
    with pytest.raises(
        ValidationError,
        match=r"select 'HR@5' is not computed with ks \[10, 50\]; "
        r"allowed: HR@10, HR@50, NDCG@10, NDCG@50, MRR@10, MRR@50\. Did you mean 'HR@50'\?",
    ):
        EvaluationSpec(ks=(10, 50), select="HR@5")


@pytest.mark.parametrize("item", [{"id": True}, {"text": {"name": "minilm"}}, {"image": IMAGE}])
def test_a_learning_rate_that_nothing_uses_is_refused(item) -> None:
    with pytest.raises(
        ValidationError,
        match=r"optim\.encoder_lr has no effect: no encoder layer trains \(set trainable_layers\)",
    ):
        config(ID_ONLY | {"item": item, "optim": {"encoder_lr": 1e-5}})


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("optim.lr", 0, "greater than 0"),
        ("optim.lr", "1e-4", "valid number"),
        ("optim.learning_rate", 1e-4, "Extra inputs are not permitted"),
        ("model.dim", True, "valid integer"),
        ("model.dropout", 1.0, "less than 1"),
        ("training.batch_size", 64.5, "valid integer"),
        ("training.loss", "bpr", "'bce', 'in_batch_ce', 'gbce', 'sampled_ce' or 'full_ce'"),
        ("evaluation.ks", [0], "greater than or equal to 1"),
        ("item.image.trainable_layers", -1, "greater than or equal to 0"),
        ("item.image.trainable_layers", False, "valid integer"),
        ("dataset.kind", "movielense", "'movielens', 'files', 'sequences', 'mind', 'hm', 'pairs'"),
        ("seed", -1, "greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(path: str, value: Any, complaint: str) -> None:
    spelled_out = config(EVERYTHING).model_dump(mode="json")
    with pytest.raises(ValidationError, match=complaint) as caught:
        config(changed(spelled_out, path, value))
    places = [".".join(map(str, error["loc"])) for error in caught.value.errors()]
    assert all(path.split(".")[0] in place for place in places)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_is_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        OptimSpec(lr=value)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            {"text": {"name": "minilm", "lora": {}}},
            r"lora has no effect: no layer trains \(set trainable_layers\)",
        ),
        (
            {"image": {"name": "resnet18", "lora": {}}},
            r"lora has no effect: no layer trains \(set trainable_layers\)",
        ),
        (
            {"text": {"name": "minilm", "word_vectors": "glove.txt"}},
            "word_vectors has no effect with the encoder 'minilm'",
        ),
        (
            {"text": {"name": "text-cnn", "pretrained": False, "second_round": {}}},
            "second_round: 'text-cnn' is no transformer",
        ),
        (
            {"text": {"name": "text-cnn", "pretrained": False, "trainable_layers": 2}},
            "'text-cnn' has no layers to choose from: it is frozen or trains",
        ),
        (
            {"text": {"name": "word-average"}},
            "'word-average' needs word_vectors, or pretrained: false without them",
        ),
    ],
)
def test_an_option_that_an_encoder_cannot_use_is_refused(item, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(ID_ONLY | {"item": item})


@pytest.mark.parametrize("trainable", [1, "all"])
def test_noise_for_an_encoder_that_trains_is_refused(trainable: int | str) -> None:
    for part, name in (("text", "minilm"), ("image", "resnet18")):
        encoder = {"name": name, "control": "noise", "trainable_layers": trainable}
        with pytest.raises(
            ValidationError,
            match="control: noise has the moments of frozen features, and this encoder trains; "
            "allowed: shuffle, constant, or trainable_layers: 0",
        ):
            config(ID_ONLY | {"item": {part: encoder}})


def test_items_that_a_constant_leaves_equal_are_refused() -> None:
    constant = {part: TEXT | {"control": "constant"} for part in ("text", "image")}
    message = "control: constant leaves items no difference, .* allowed: shuffle, noise, or another"
    for item in ({"text": constant["text"]}, {**constant, "fusion": "add"}):
        with pytest.raises(ValidationError, match=message):
            ItemSpec.model_validate(item)
    for other in ({"id": True}, {"image": IMAGE}):
        item = {"text": constant["text"], "fusion": "add", **other}
        assert ItemSpec.model_validate(item).text is not None


@pytest.mark.parametrize("loss", ["in_batch_ce", "sampled_ce", "full_ce"])
def test_a_loss_that_hides_what_a_user_knows_needs_a_history(loss: str) -> None:
    with pytest.raises(
        ValidationError,
        match=rf"training\.loss: {loss} needs a model that reads the history, dssm does not",
    ):
        config(ID_ONLY | {"model": {"kind": "dssm"}, "training": {"loss": loss}})


def test_shared_negatives_need_a_history() -> None:
    pairs = ID_ONLY | {"model": {"kind": "dssm"}}
    config(pairs | {"training": {"loss": "gbce", "negatives": 8}})
    with pytest.raises(
        ValidationError,
        match=r"training\.shared_negatives: needs a model that reads the history, .* dssm does not",
    ):
        config(pairs | {"training": {"loss": "gbce", "shared_negatives": True}})


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (
            {"loss": "full_ce"},
            r"training\.loss: full_ce would encode the whole catalogue in every step with an "
            r"encoder that trains; allowed: item IDs and frozen features \(trainable_layers: 0\)",
        ),
        (
            {"loss": "gbce", "negatives": 8},
            r"training\.negatives: 8 for each target are as many items to encode at every position "
            r"with an encoder that trains; allowed: 1, or shared_negatives: true",
        ),
    ],
)
def test_a_trained_encoder_allows_only_what_is_affordable(training, message: str) -> None:
    frozen = ID_ONLY | {"item": {"text": {"name": "minilm"}}, "training": training}
    config(frozen)
    trained = {"text": {"name": "minilm", "trainable_layers": 1}}
    with pytest.raises(ValidationError, match=message):
        config(frozen | {"item": trained})
    shared = {"loss": "sampled_ce", "negatives": 8, "shared_negatives": True}
    config(frozen | {"item": trained, "training": shared})


def test_the_model_is_sasrec_unless_said() -> None:
    named = config(ID_ONLY | {"model": {"kind": "sasrec", "dim": 64}})
    assert named == config(ID_ONLY | {"model": {"dim": 64}})


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "sasrec", "num_heads": 4},
        {"kind": "dssm", "mlp_layers": 1},
        {"kind": "gru4rec", "num_blocks": 1},
        {"kind": "nextitnet", "dilations": [1, 2, 8]},
        {"kind": "bert4rec", "mask_share": 0.5},
    ],
)
def test_every_model_crosses_files_and_processes_as_json(model) -> None:
    plain = {"dataset": {"kind": "synthetic"}, "item": {"id": True}, "model": model}
    trial = TrialConfig.model_validate_json(json.dumps(plain))
    assert TrialConfig.model_validate_json(trial.model_dump_json()) == trial
    assert json.loads(trial.model_dump_json())["model"].items() >= model.items()


def test_a_specification_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config(ID_ONLY).seed = 1  # type: ignore[misc]


def test_every_encoder_of_an_item_has_a_place_and_can_be_replaced_there() -> None:
    item = config(FROM_CONTENT).item
    assert item.id_init is not None and item.text is not None
    assert item.encoders == {
        "text": item.text,
        "image": item.image,
        "id_init": item.id_init.text,
    }
    other = item.text.model_copy(update={"name": "other"})
    changed = item.with_encoders({"id_init": other})
    assert changed.encoders == item.encoders | {"id_init": other}
    assert item.with_encoders({"text": other}).encoders == item.encoders | {"text": other}
    assert item.with_encoders({}) == item


def test_parts_stand_in_the_order_they_are_fused() -> None:
    item = ItemSpec.model_validate({"image": IMAGE, "text": TEXT, "id": True, "fusion": "concat"})
    assert item.parts == ("id", "text", "image")
    assert list(item.modalities) == ["text", "image"]
    assert item.trains_encoder


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=4))
def test_canonical_json_is_one_spelling_that_reads_back(values) -> None:
    backwards = dict(reversed(values.items()))
    assert canonical_json(values) == canonical_json(backwards)
    assert json.loads(canonical_json(values)) == values
