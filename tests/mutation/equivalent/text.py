"""Encoders of texts, and user encoders."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "morec/models/batches.py",
        "",
        "DRAWN_TOGETHER = 4096",
        "DRAWN_TOGETHER = (4097)",
    ): "negatives are drawn in blocks of another size",
    (
        "morec/models/batches.py",
        "train_batches",
        "num_drawn = max(1, DRAWN_TOGETHER // (batch_size * max(1, negatives.each))) * batch_size",
        "num_drawn = max(1, (DRAWN_TOGETHER * (batch_size * max(1, negatives.each)))) * batch_size",
    ): "negatives are drawn in blocks of another size",
    (
        "morec/models/batches.py",
        "train_batches",
        "num_drawn = max(1, DRAWN_TOGETHER // (batch_size * max(1, negatives.each))) * batch_size",
        "num_drawn = max((2), DRAWN_TOGETHER // (batch_size * max(1, negatives.each))) * "
        "batch_size",
    ): "negatives are drawn in blocks of another size",
    (
        "morec/models/batches.py",
        "train_batches",
        "num_drawn = max(1, DRAWN_TOGETHER // (batch_size * max(1, negatives.each))) * batch_size",
        "num_drawn = max(1, DRAWN_TOGETHER // (batch_size * max((2), negatives.each))) * "
        "batch_size",
    ): "negatives are drawn in blocks of another size",
    (
        "morec/models/batches.py",
        "_draw",
        "shared_M=np.zeros(0, dtype=np.int64),",
        "shared_M=(np.zeros(0)),",
    ): "every batch gets its own shared items in its place",
    (
        "morec/models/batches.py",
        "_draw",
        "shared_M=np.zeros(0, dtype=np.int64),",
        "shared_M=(np.ones(0, dtype=np.int64)),",
    ): "every batch gets its own shared items in its place",
    (
        "morec/models/batches.py",
        "_draw",
        "shared_M=np.zeros(0, dtype=np.int64),",
        "shared_M=np.zeros((1), dtype=np.int64),",
    ): "every batch gets its own shared items in its place",
    (
        "morec/models/batches.py",
        "_draw_targets",
        "is_drawn_BT: npt.NDArray[np.bool_] = (draws_BT < share) | (draws_BT == lowest_B1)",
        "is_drawn_BT: npt.NDArray[np.bool_] = ((draws_BT <= share)) | (draws_BT == lowest_B1)",
    ): "a draw is the share itself once in 2 ** 53 times",
    (
        "morec/models/negatives.py",
        "NegativeSampler.__init__",
        "self._catalogue = np.arange(1, num_items + 1 if negatives.catalogue else 1)",
        "self._catalogue = np.arange(1, num_items + 1 if negatives.catalogue else (0))",
    ): "a range from 1 to 0 is as empty as one from 1 to 1",
    (
        "morec/models/negatives.py",
        "NegativeSampler.draw_each",
        "negatives_BX = np.zeros(is_missing_RX.shape, dtype=np.int32)",
        "negatives_BX = (np.zeros(is_missing_RX.shape))",
    ): "items are whole numbers in float64, too; the result is made int64",
    (
        "morec/models/negatives.py",
        "_check_each_user",
        "if num_drawn > trained_UL1.shape[1]: return",
        "pass",
    ): "only quicker: no list holds more different items than it has places",
    (
        "morec/models/negatives.py",
        "check_others_exist",
        "if num_shared > trained_UL1.shape[1]: return",
        "pass",
    ): "only quicker: no list holds more different items than it has places",
    (
        "morec/models/negatives.py",
        "_num_distinct_U",
        "ordered_UL1 = np.sort(trained_UL1, axis=1)",
        "ordered_UL1 = (np.sort(trained_UL1))",
    ): "the last axis is the default, and the second is the last",
    (
        "morec/models/negatives.py",
        "_num_distinct_U",
        "is_new_UL1 = np.diff(ordered_UL1, axis=1, prepend=0) > 0",
        "is_new_UL1 = (np.diff(ordered_UL1, prepend=0)) > 0",
    ): "the last axis is the default, and the second is the last",
    (
        "morec/models/recommender.py",
        "",
        "ITEM_CHUNK = 1024",
        "ITEM_CHUNK = (1025)",
    ): "the catalogue is encoded in blocks of another size",
    (
        "morec/models/recommender.py",
        "",
        "USER_GROUPS = 4",
        "USER_GROUPS = (5)",
    ): "users are read in more groups",
    (
        "morec/models/recommender.py",
        "Recommender._last_states",
        "return cast(Tensor, states_B1D[:, -1])",
        "return cast(Tensor, states_B1D[:, -(0)])",
    ): "there is one state: the first is the last",
    (
        "morec/models/sasrec.py",
        "",
        "MASKED = -1e9",
        "MASKED = -(1000000001.0)",
    ): "a hidden key has weight 0 with either",
    (
        "morec/models/sasrec.py",
        "Packing._shape",
        "return len(self.last_B), self.mask_1BLL.shape[-1]",
        "return len(self.last_B), self.mask_1BLL.shape[-(2)]",
    ): "the mask is square",
    (
        "morec/models/sasrec.py",
        "_attention_mask",
        "is_seen_LL = torch.ones(length, length, dtype=torch.bool, device=is_item_BL.device)",
        "is_seen_LL = (torch.ones(length, length, dtype=torch.bool))",
    ): "tests run where there is one device; on a GPU the CPU's tensor is refused",
    (
        "morec/models/dssm.py",
        "DSSM.forward",
        "self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False",
        "self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = (True)",
    ): "the one state is the last, whether asked for or not",
    (
        "morec/models/user_encoder.py",
        "UserEncoder.forward",
        "self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = False",
        "self, items_BLD: Tensor, is_item_BL: Tensor, users_B: Tensor, *, last_only: bool = (True)",
    ): "an abstract method is not called",
    (
        "morec/encoders/text/encoder.py",
        "",
        "LENGTH_GROUPS = 8",
        "LENGTH_GROUPS = (9)",
    ): "items are encoded in groups of other sizes",
    (
        "morec/encoders/text/encoder.py",
        "",
        "MIN_GROUP = 8",
        "MIN_GROUP = (9)",
    ): "items are encoded in groups of other sizes",
    (
        "morec/encoders/text/families/deberta.py",
        "DebertaArchitecture.shared",
        "is_token = states_BTH.new_ones(states_BTH.shape[:2], dtype=torch.bool)",
        "is_token = (states_BTH.new_ones(states_BTH.shape[:2]))",
    ): "the library makes the mask boolean",
    (
        "morec/encoders/text/families/rotary.py",
        "RotaryArchitecture.__init__",
        "self.kinds = tuple(sorted(set(kinds)))",
        "self.kinds = tuple((set(kinds)))",
    ): "the order of kinds is read only where there is one",
    (
        "morec/encoders/text/families/rotary.py",
        "RotaryArchitecture.shared",
        "positions_1T = torch.arange(states_BTH.shape[1], device=states_BTH.device)[None]",
        "positions_1T = (torch.arange(states_BTH.shape[1]))[None]",
    ): "tests run where there is one device; on a GPU the CPU's tensor is refused",
    (
        "morec/encoders/text/family.py",
        "_own_stack",
        "if any(True for _ in stack.architecture.parameters()):",
        "if (all((True for _ in stack.architecture.parameters()))):",
    ): "what layers share is drawn again where it has no parameters",
    (
        "morec/encoders/text/family.py",
        "TransformerFamily.side_layers",
        "config = _blank_config(spec) or load_config(spec, vocab_size=0)",
        "config = _blank_config(spec) or load_config(spec, vocab_size=(1))",
    ): "no number of layers depends on the vocabulary",
    (
        "morec/encoders/text/family.py",
        "_blank_config",
        "return load_config(spec, vocab_size=0) if is_here else None",
        "return load_config(spec, vocab_size=(1)) if is_here else None",
    ): "the vocabulary is tiny-random's, which is in no folder",
    (
        "morec/encoders/text/family.py",
        "TransformerFamily.blank",
        "values: npt.NDArray[np.generic] = np.zeros(1, np.int64)",
        "values: npt.NDArray[np.generic] = np.zeros((2), np.int64)",
    ): "a second token that belongs to no item",
    (
        "morec/encoders/text/family.py",
        "TransformerFamily.blank",
        "values = np.zeros((1, stack.width), np.float32)",
        "values = np.zeros(((2), stack.width), np.float32)",
    ): "a second token that belongs to no item",
    (
        "morec/encoders/text/family.py",
        "_write_states",
        "states.flush()",
        "pass",
    ): "what is not yet on the disk is read from the same pages",
    (
        "morec/encoders/text/library_attention.py",
        "library_attention",
        "if dropout_p == 0 or is_special:",
        "if dropout_p == (1) or is_special:",
    ): "without dropout ours is the operation that the library's is",
    (
        "morec/encoders/text/saving.py",
        "_write_reading",
        "write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=False) "
        '+ "\\n")',
        'write_atomically(folder / name, (json.dumps(content, ensure_ascii=False)) + "\\n")',
    ): "the same JSON in another layout",
    (
        "morec/encoders/text/saving.py",
        "_write_reading",
        "write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=False) "
        '+ "\\n")',
        'write_atomically(folder / name, (json.dumps(content, indent=2)) + "\\n")',
    ): "the same JSON in another spelling",
    (
        "morec/encoders/text/saving.py",
        "_write_reading",
        "write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=False) "
        '+ "\\n")',
        "write_atomically(folder / name, json.dumps(content, indent=(3), "
        'ensure_ascii=False) + "\\n")',
    ): "the same JSON in another layout",
    (
        "morec/encoders/text/saving.py",
        "_write_reading",
        "write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=False) "
        '+ "\\n")',
        "write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=(True)) "
        '+ "\\n")',
    ): "the same JSON in another spelling",
    (
        "morec/encoders/text/stack.py",
        "_last_states",
        "return states_BTH[torch.arange(len(states_BTH), device=states_BTH.device), last_B]",
        "return states_BTH[(torch.arange(len(states_BTH))), last_B]",
    ): "tests run where there is one device; on a GPU the CPU's tensor is refused",
    (
        "morec/encoders/text/tokens.py",
        "_word_tokenizer",
        "tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)",
        "tokenizer.normalizer = (normalizers.BertNormalizer())",
    ): "lower-casing is the default",
    (
        "morec/encoders/text/tokens.py",
        "_word_tokenizer",
        "trainer = trainers.WordLevelTrainer( vocab_size=sys.maxsize, "
        "special_tokens=special_tokens, show_progress=False )",
        "trainer = (trainers.WordLevelTrainer(vocab_size=sys.maxsize, "
        "special_tokens=special_tokens) )",
    ): "shows a bar",
    (
        "morec/encoders/text/tokens.py",
        "_word_tokenizer",
        "vocab_size=sys.maxsize, special_tokens=special_tokens, show_progress=False",
        "vocab_size=sys.maxsize, special_tokens=special_tokens, show_progress=(True)",
    ): "shows a bar",
    (
        "morec/encoders/text/tokens.py",
        "_write_tokens",
        "lengths = np.array([len(row) for row in ids], dtype=np.int64)",
        "lengths = (np.array([len(row) for row in ids]))",
    ): "int64 is the default where tests run",
    (
        "morec/encoders/text/transformer.py",
        "_max_tokens",
        "if longest is None or longest < 1:",
        "if longest is None or (longest <= 1):",
    ): "no encoder reads only one token",
    (
        "morec/encoders/text/transformer.py",
        "_max_tokens",
        "if longest is None or longest < 1:",
        "if longest is None or longest < (2):",
    ): "no encoder reads only one token",
    (
        "morec/encoders/text/transformer.py",
        "_max_tokens",
        "if longest is None or longest < 1:",
        "if longest is None or longest < (0):",
    ): "positions without an end are -1, never 0",
    (
        "morec/encoders/text/word_vectors.py",
        "_dim",
        "if dim < 1:",
        "if (dim <= 1):",
    ): "a line of a word and one number is a header: no file has vectors of one number",
    (
        "morec/encoders/text/word_vectors.py",
        "_dim",
        "if dim < 1:",
        "if dim < (2):",
    ): "a line of a word and one number is a header: no file has vectors of one number",
    (
        "morec/encoders/text/word_vectors.py",
        "_vector",
        "return np.array(numbers, dtype=np.float32)",
        "return (np.array(numbers))",
    ): "the texts become the same numbers where they are put into the table",
    (
        "morec/encoders/text/word_vectors.py",
        "_is_number",
        "return False",
        "return None",
    ): "None is as false",
    (
        "morec/encoders/text/words.py",
        "_strongest",
        "places_S = torch.arange(responses_NFS.shape[2], device=responses_NFS.device)",
        "places_S = (torch.arange(responses_NFS.shape[2]))",
    ): "tests run where there is one device; on a GPU the CPU's tensor is refused",
    (
        "morec/encoders/text/words.py",
        "WordEncoder.encode_padded_item",
        "is_word_1T = torch.ones_like(ids_1T, dtype=torch.bool)",
        "is_word_1T = (torch.ones_like(ids_1T))",
    ): "words count by what is_word is multiplied and summed to",
    (
        "morec/encoders/text/encoder.py",
        "TextEncoder._normalized",
        "return F.normalize(pooled_NH, dim=1) if self.reading.normalizes else pooled_NH",
        "return (F.normalize(pooled_NH)) if self.reading.normalizes else pooled_NH",
    ): "the second dimension is the default",
}
