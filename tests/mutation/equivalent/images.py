"""Encoders of images, their weights, and item encoders."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "morec/encoders/image/encoder.py",
        "",
        "ENCODE_IMAGES = 64",
        "ENCODE_IMAGES = (65)",
    ): "more images are encoded at once; the features are the same",
    (
        "morec/encoders/image/encoder.py",
        "ImageFamily.inputs",
        '"seed": None if spec.pretrained else FROZEN_SEED,',
        '"seed": (FROZEN_SEED if spec.pretrained else None),',
    ): "only names the artefact; the weights' hash tells fresh weights from others",
    (
        "morec/encoders/image/backbones.py",
        "output_dim",
        "dim = backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]",
        "dim = backbone.eval()((torch.ones(1, 3, size, size))).shape[1]",
    ): "only the shape of what comes out is read",
    (
        "morec/encoders/image/backbones.py",
        "output_dim",
        "dim = backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]",
        "dim = backbone.eval()(torch.zeros((2), 3, size, size)).shape[1]",
    ): "only the width of what comes out is read, however many images there are",
    (
        "morec/encoders/image/backbones.py",
        "output_dim",
        "dim = backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]",
        "dim = backbone.eval()(torch.zeros((0), 3, size, size)).shape[1]",
    ): "only the width of what comes out is read, however many images there are",
    (
        "morec/encoders/image/backbones.py",
        "_packaged",
        "stored: dict[str, Tensor] = torch.load(weights, weights_only=True)",
        "stored: dict[str, Tensor] = (torch.load(weights))",
    ): "torch's default; said, since packaged files must never run code",
    (
        "morec/encoders/image/pixels.py",
        "image_pixels.make",
        "pixels.flush()",
        "pass",
    ): "the array is written when it is dropped; the system writes it to the disk either way",
    (
        "morec/encoders/image/vit_mae.py",
        "ViTMAEEncoder.__init__",
        "noise_P = torch.arange(num_patches, dtype=torch.float32)",
        "noise_P = (torch.arange(num_patches))",
    ): "only the order of the numbers is read",
    (
        "morec/encoders/artefacts.py",
        "",
        "FORMAT = 2",
        "FORMAT = (3)",
    ): "any number serves; another one names all artefacts anew",
    (
        "morec/encoders/artefacts.py",
        "ArtefactStore.publish",
        "for name in sorted(self._asked_for):",
        "for name in (self._asked_for):",
    ): "the order in which whole artefacts are uploaded does not matter",
    (
        "morec/encoders/artefacts.py",
        "_digest",
        "return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:16]",
        "return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:(17)]",
    ): "a longer name of the same artefact",
    (
        "morec/encoders/artefacts.py",
        "_make",
        "made = _open(path, verify=False)",
        "made = _open(path, verify=(True))",
    ): "the files that were just written are read once more, and are whole",
    (
        "morec/encoders/artefacts.py",
        "_fetch",
        "return _open(path, verify=False)",
        "return _open(path, verify=(True))",
    ): "the files that were just checked are read once more",
    (
        "morec/encoders/artefacts.py",
        "_write_meta",
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\\n")',
        'write_atomically(folder / META, (json.dumps(meta, sort_keys=True)) + "\\n")',
    ): "layout of a file that is read as JSON",
    (
        "morec/encoders/artefacts.py",
        "_write_meta",
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\\n")',
        'write_atomically(folder / META, (json.dumps(meta, indent=1)) + "\\n")',
    ): "layout of a file that is read as JSON",
    (
        "morec/encoders/artefacts.py",
        "_write_meta",
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\\n")',
        'write_atomically(folder / META, json.dumps(meta, indent=(2), sort_keys=True) + "\\n")',
    ): "layout of a file that is read as JSON",
    (
        "morec/encoders/artefacts.py",
        "_write_meta",
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\\n")',
        'write_atomically(folder / META, json.dumps(meta, indent=(0), sort_keys=True) + "\\n")',
    ): "layout of a file that is read as JSON",
    (
        "morec/encoders/artefacts.py",
        "_write_meta",
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=True) + "\\n")',
        'write_atomically(folder / META, json.dumps(meta, indent=1, sort_keys=(False)) + "\\n")',
    ): "layout of a file that is read as JSON",
    (
        "morec/encoders/processing.py",
        "",
        "CHUNK = 4096",
        "CHUNK = (4097)",
    ): "the rows of a chunk; the numbers are the same",
    (
        "morec/encoders/processing.py",
        "processed_features",
        "is_train_N = train_popularity_N1(dataset)[1:] > 0",
        "is_train_N = train_popularity_N1(dataset)[(0):] > 0",
    ): "the padding's number, which is the same in all data sets, is part of the key",
    (
        "morec/encoders/processing.py",
        "processed",
        "chunk = chunk / np.where(lengths_m1 > 0, lengths_m1, 1)",
        "chunk = chunk / np.where(lengths_m1 > 0, lengths_m1, (2))",
    ): "the divisor of features that are all 0",
    (
        "morec/encoders/processing.py",
        "_oriented",
        "oriented_HR: _Floats = axes_HR * signs_R",
        "oriented_HR: _Floats = (axes_HR / signs_R)",
    ): "a sign is 1 or -1, whether it multiplies or divides",
    (
        "morec/encoders/processing.py",
        "_write",
        "written.flush()",
        "pass",
    ): "the array is written when it is dropped; the system writes it to the disk either way",
    (
        "morec/encoders/frozen.py",
        "",
        "ENCODE_ITEMS = 512",
        "ENCODE_ITEMS = (513)",
    ): "more items are encoded at once; the features are the same",
    (
        "morec/encoders/frozen.py",
        "write_layer_states",
        "states_NKH.flush()",
        "pass",
    ): "the array is written when it is dropped; the system writes it to the disk either way",
    (
        "morec/encoders/frozen.py",
        "write_layer_states",
        "width = encoder(chunks[0][:1]).shape[1] // num_layers",
        "width = encoder(chunks[0][:(2)]).shape[1] // num_layers",
    ): "only the width of what comes out is read, however many items there are",
    (
        "morec/encoders/frozen.py",
        "write_layer_states",
        "width = encoder(chunks[0][:1]).shape[1] // num_layers",
        "width = encoder(chunks[0][:(0)]).shape[1] // num_layers",
    ): "only the width of what comes out is read, however many items there are",
    (
        "morec/encoders/frozen.py",
        "frozen_randomness",
        "with torch.random.fork_rng(devices=[]):",
        "with (torch.random.fork_rng()):",
    ): "also keeps the random states of GPUs, from which nothing is drawn inside",
    (
        "morec/encoders/item.py",
        "prepare_item_inputs",
        "with torch.random.fork_rng(devices=[]):",
        "with (torch.random.fork_rng()):",
    ): "also keeps the random states of GPUs, from which nothing is drawn inside",
    (
        "morec/encoders/item.py",
        "IdPart.encode_padded_item",
        "return self.forward(torch.zeros(1, dtype=torch.long))",
        "return self.forward((torch.ones(1, dtype=torch.long)))",
    ): "any item's vector costs the same",
    (
        "morec/encoders/item.py",
        "ItemEncoder.by_length",
        "return lengths_N.argsort(stable=True)",
        "return (lengths_N.argsort())",
    ): "torch sorts stably on the host either way",
    (
        "morec/encoders/item.py",
        "ItemEncoder.by_length",
        "return lengths_N.argsort(stable=True)",
        "return lengths_N.argsort(stable=(False))",
    ): "torch sorts stably on the host either way",
    (
        "morec/encoders/controls.py",
        "Controls._others_N",
        "others_N[self._order_N] = self._order_N.roll(-1)",
        "others_N[self._order_N] = self._order_N.roll((1))",
    ): "the circle is walked the other way round; it is drawn at random",
    (
        "morec/encoders/second_round.py",
        "second_round",
        'full_key = {**key, "second_round": spec.model_dump(mode="json")}',
        'full_key = {**key, "second_round": (spec.model_dump())}',
    ): "the options are numbers, which are the same in JSON",
    (
        "morec/encoders/second_round.py",
        "second_round",
        "torch.cuda.empty_cache()",
        "pass",
    ): "gives memory of a GPU back earlier",
    (
        "morec/encoders/second_round.py",
        "_draw_from",
        "torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))",
        "torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state((2))[0]))",
    ): "the first of two numbers is that of one",
    (
        "morec/encoders/second_round.py",
        "_own_randomness",
        "with torch.random.fork_rng(devices=range(torch.cuda.device_count())):",
        "with (torch.random.fork_rng()):",
    ): "all GPUs are the default",
    (
        "morec/encoders/interface.py",
        "",
        'SpecT = TypeVar("SpecT", TextSpec, ImageSpec, VectorsSpec)',
        "SpecT = (TypeVar('SpecT', TextSpec, ImageSpec))",
    ): "only type checkers read it",
    (
        "morec/encoders/lora.py",
        "",
        'ModuleT = TypeVar("ModuleT", bound=nn.Module)',
        "ModuleT = (TypeVar('ModuleT'))",
    ): "only type checkers read it",
    (
        "morec/encoders/macs.py",
        "_guarded",
        "count._get_raw = True # type: ignore[attr-defined]",
        "pass # type: ignore[attr-defined]",
    ): "torch turns tensors to shapes once more, and shapes stay what they are",
    (
        "morec/encoders/macs.py",
        "_guarded",
        "count._get_raw = True # type: ignore[attr-defined]",
        "count._get_raw = (False) # type: ignore[attr-defined]",
    ): "torch turns tensors to shapes once more, and shapes stay what they are",
    (
        "morec/encoders/macs.py",
        "_Uncounted.__init__",
        "super().__init__() # type: ignore[no-untyped-call]",
        "pass # type: ignore[no-untyped-call]",
    ): "torch makes up for it where the mode is entered",
    (
        "morec/encoders/fusion.py",
        "ConcatFusion.forward",
        "return cast(Tensor, self.mix(torch.cat(tuple(parts_ND), dim=-1)))",
        "return cast(Tensor, self.mix(torch.cat(tuple(parts_ND), dim=(1))))",
    ): "the last dimension is the second",
    (
        "morec/encoders/id_vectors.py",
        "BoundedEmbedding.forward",
        "bound_N1 = self.max_distance * torch.linalg.vector_norm(start_ND, dim=-1, keepdim=True)",
        "bound_N1 = self.max_distance * torch.linalg.vector_norm(start_ND, dim=(1), keepdim=True)",
    ): "the last dimension is the second",
    (
        "morec/encoders/id_vectors.py",
        "BoundedEmbedding.forward",
        "length_N1 = torch.linalg.vector_norm(change_ND, dim=-1, keepdim=True)",
        "length_N1 = torch.linalg.vector_norm(change_ND, dim=(1), keepdim=True)",
    ): "the last dimension is the second",
    (
        "morec/encoders/id_vectors.py",
        "_starts",
        "starts_ND = F.normalize(starts_ND, dim=1)",
        "starts_ND = (F.normalize(starts_ND))",
    ): "the second dimension is the default",
    (
        "morec/encoders/weights/pretrained.py",
        "_load_pretrained",
        (
            "model, report = model_class.from_pretrained( folder, config=config, "
            "weights_only=True, output_loading_info=True, **options )"
        ),
        (
            "model, report = (model_class.from_pretrained(folder, config=config, "
            "output_loading_info=True, **options) )"
        ),
    ): "the library's default; said, since weights must never run code",
    (
        "morec/encoders/weights/onnx.py",
        "_check_fits",
        "model.load_state_dict(state, assign=True)",
        "(model.load_state_dict(state))",
    ): "the names and shapes are compared all the same, and the model is dropped",
    (
        "morec/encoders/weights/onnx.py",
        "_check_fits",
        "model.load_state_dict(state, assign=True)",
        "model.load_state_dict(state, assign=(False))",
    ): "the names and shapes are compared all the same, and the model is dropped",
}
