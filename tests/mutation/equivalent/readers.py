"""Readers, images and everything else of data."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "morec/data/clock.py",
        "check_one_unit",
        (
            "if not len(timestamps) or any(_is_within(timestamps, one) for one in "
            "TICKS_PER_S.values()):"
        ),
        (
            "if not len(timestamps) or (all((_is_within(timestamps, one) for one in "
            "TICKS_PER_S.values()))):"
        ),
    ): "a way out before the masks are made; they find one unit too",
    (
        "morec/data/clock.py",
        "check_one_unit",
        (
            "if not len(timestamps) or any(_is_within(timestamps, one) for one in "
            "TICKS_PER_S.values()): return"
        ),
        "pass",
    ): "a way out before the masks are made; they find one unit too",
    (
        "morec/data/clock.py",
        "_is_within",
        "return highest < LARGEST_INT32 * ticks or lowest > LARGEST_INT32 * ticks",
        "return (highest < LARGEST_INT32 * ticks and lowest > LARGEST_INT32 * ticks)",
    ): "a way out before the masks are made; they find no odd number either",
    (
        "morec/data/clock.py",
        "_usual_ticks",
        "if 2 * np.count_nonzero(_in_range(timestamps, ticks)) > len(timestamps):",
        "if (2 * np.count_nonzero(_in_range(timestamps, ticks)) >= len(timestamps)):",
    ): "where half lie elsewhere, too many are odd for any unit",
    (
        "morec/data/clock.py",
        "look_rounded",
        "step = int(np.gcd.reduce(distinct - distinct.min()))",
        "step = int(np.gcd.reduce(distinct - (distinct.max())))",
    ): "distances to the last have the divisors of those to the first",
    (
        "morec/data/clock.py",
        "look_rounded",
        "distinct = np.asarray(pd.unique(timestamps), dtype=np.int64)",
        "distinct = (np.asarray(pd.unique(timestamps)))",
    ): "timestamps are int64 and so are their distinct ones; for the type checker",
    (
        "morec/data/dataset.py",
        "save_dataset",
        'plain["split"] = _SPLIT.dump_python(dataset.split, mode="json")',
        'plain["split"] = (_SPLIT.dump_python(dataset.split))',
    ): "splits are made of texts and numbers, which are JSON as they are",
    (
        "morec/data/dataset.py",
        "open_dataset",
        'name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)',
        "name: (np.load(folder / f'{name}.npy', mmap_mode='r'))",
    ): "numpy's default; said since it is what keeps code out",
    (
        "morec/data/windows.py",
        "_draw_users",
        "if max_users is None or len(candidates) <= max_users:",
        "if max_users is None or (len(candidates) < max_users):",
    ): "a draw of as many users as there are has all of them",
    (
        "morec/data/windows.py",
        "_offsets",
        "starts = np.flatnonzero(np.diff(users, prepend=-1))",
        "starts = np.flatnonzero(np.diff(users, prepend=-(2)))",
    ): "any number below 0 differs from the first user",
    (
        "morec/data/windows.py",
        "_ages",
        "first_times = np.full(rows.items.max() + 1, np.iinfo(np.int64).max)",
        "first_times = np.full(rows.items.max() + (2), np.iinfo(np.int64).max)",
    ): "a number more that nobody reads",
    (
        "morec/data/ids.py",
        "ids_of",
        "if not len(odd): return Ids(codes, names.tolist(), _looking_missing(names, role))",
        "pass",
    ): "a way out for ids that are all plain; the rest would change none",
    (
        "morec/data/ids.py",
        "plain_all",
        "spelled = names.to_numpy(dtype=object, copy=True)",
        "spelled = (names.to_numpy(copy=True))",
    ): "texts come as objects anyway",
    (
        "morec/data/ids.py",
        "plain_all",
        'return pd.Index(spelled, dtype="str")',
        "return (pd.Index(spelled))",
    ): "pandas finds the type of texts by itself; lookups in it give the same",
    (
        "morec/data/readers/mind.py",
        "_history_clicks",
        'table = pa.Table.from_pandas(first[first["item"].notna()], preserve_index=False)',
        "table = (pa.Table.from_pandas(first[first['item'].notna()]))",
    ): "the index would be a column that nobody reads",
    (
        "morec/data/readers/mind.py",
        "_history_clicks",
        'table = pa.Table.from_pandas(first[first["item"].notna()], preserve_index=False)',
        'table = pa.Table.from_pandas(first[first["item"].notna()], preserve_index=(True))',
    ): "the index would be a column that nobody reads",
    (
        "morec/data/readers/mind.py",
        "_history_clicks",
        "for batch in table.to_batches(max_chunksize=HISTORIES):",
        "for batch in (table.to_batches()):",
    ): "bounds memory alone",
    (
        "morec/data/readers/mind.py",
        "",
        "HISTORIES = 10_000",
        "HISTORIES = (10001)",
    ): "bounds memory alone",
    (
        "morec/data/readers/mind.py",
        "_news_names",
        "num_more = len(first_rows(path, TEXT, 1)[0]) - len(NEWS_COLUMNS)",
        "num_more = len(first_rows(path, TEXT, (2))[0]) - len(NEWS_COLUMNS)",
    ): "the first row of two",
    (
        "morec/data/readers/unmatched.py",
        "",
        "NUM_TRIED = 1000",
        "NUM_TRIED = (1001)",
    ): "ids that are tried, of perhaps millions",
    (
        "morec/data/readers/unmatched.py",
        "",
        "NUM_NEIGHBOURS = 50",
        "NUM_NEIGHBOURS = (51)",
    ): "ids that are tried, of perhaps millions",
    (
        "morec/data/readers/sequences.py",
        "_read_users",
        "first = first_rows(path, text, 1)[0]",
        "first = first_rows(path, text, (2))[0]",
    ): "the first row of two",
    (
        "morec/data/readers/sequences.py",
        "_names",
        "found = len(first_rows(path, text, 1)[0])",
        "found = len(first_rows(path, text, (2))[0])",
    ): "the first row of two",
    (
        "morec/data/readers/pairs.py",
        "",
        "NUM_PEEKED = 1000",
        "NUM_PEEKED = (1001)",
    ): "rows that are looked at, of perhaps millions",
    (
        "morec/data/readers/pairs.py",
        "_read",
        (
            "columns, times = columns or list(layout.by_role.values()), "
            '[layout.by_role.get("time", "")]'
        ),
        (
            "columns, times = columns or list(layout.by_role.values()), "
            "[(layout.by_role.get('time'))]"
        ),
    ): "names no column either way",
    (
        "morec/data/readers/pairs.py",
        "_read",
        (
            "table = gather(read_batches(path, text, names=layout.names, columns=columns), "
            "numbers=times)"
        ),
        "table = (gather(read_batches(path, text, names=layout.names, columns=columns)))",
    ): "times that come as texts are read as numbers later; memory",
    (
        "morec/data/readers/movielens.py",
        "_read_dat",
        "table = gather(batches, numbers=[TIME])",
        "table = (gather(batches))",
    ): "times that come as texts are read as numbers later; memory",
    (
        "morec/data/readers/movielens.py",
        "_unpickle",
        'warnings.simplefilter("ignore", DeprecationWarning)',
        "(warnings.simplefilter('ignore'))",
    ): "the pinned file gives no other warning",
    (
        "morec/data/readers/synthetic_items.py",
        "",
        "_CHUNK = 4096",
        "_CHUNK = (4097)",
    ): "bounds memory; how images are drawn in chunks has a test",
    (
        "morec/data/images/parquet.py",
        "",
        "BATCH_ROWS = 64",
        "BATCH_ROWS = (65)",
    ): "bounds memory alone",
    (
        "morec/data/images/parquet.py",
        "linked_files",
        (
            "_column(parquet, path, group, column, part=PATH) for group in "
            "range(parquet.num_row_groups)"
        ),
        "(_column(parquet, path, group, column)) for group in range(parquet.num_row_groups)",
    ): "reads the bytes beside the paths too; memory",
    (
        "morec/data/images/parquet.py",
        "_values",
        "for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):",
        "for batch in (parquet.iter_batches(BATCH_ROWS, row_groups=[group])):",
    ): "reads the other columns too; memory",
    (
        "morec/data/images/parquet.py",
        "_column",
        'return parquet.read_row_group(group, [f"{name}.{part}" if part else name])[name]',
        "return (parquet.read_row_group(group))[name]",
    ): "reads the other columns too; memory",
    (
        "morec/data/images/sources.py",
        "",
        "CHUNK = 256",
        "CHUNK = (257)",
    ): "bounds memory; chunks have a test",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with (ThreadPoolExecutor()) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=(max(8, cpu_count() or 1))) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=(min(8))) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=min(8, (cpu_count() and 1))) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=min((9), cpu_count() or 1)) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or (2))) as pool:",
    ): "a number of threads",
    (
        "morec/data/images/sources.py",
        "for_each_image",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:",
        "with ThreadPoolExecutor(max_workers=min(8, cpu_count() or (0))) as pool:",
    ): "only where the number of processors is not known",
    (
        "morec/data/images/open.py",
        "",
        "MAX_PIXELS = 64_000_000",
        "MAX_PIXELS = (64000001)",
    ): "a round number",
    (
        "morec/data/slices.py",
        "_thirds",
        "third = np.floor(3 * middles / max(weights.sum(), 1)).astype(np.int64)",
        "third = np.floor(3 * middles / max(weights.sum(), (2))).astype(np.int64)",
    ): "guards against no values at all; a single one is a slice of its own",
    (
        "morec/data/slices.py",
        "_thirds",
        "third = np.floor(3 * middles / max(weights.sum(), 1)).astype(np.int64)",
        "third = np.floor(3 * middles / max(weights.sum(), (0))).astype(np.int64)",
    ): "guards against no values at all, of which none is divided",
    (
        "morec/data/slices.py",
        "_thirds",
        "thirds_n: _Ints = np.minimum(third, 2)[block_n]",
        "thirds_n: _Ints = np.minimum(third, (3))[block_n]",
    ): "guards against rounding; a middle lies below the end",
    (
        "morec/data/profiling.py",
        "",
        "MAX_IMAGES = 1_000",
        "MAX_IMAGES = (1001)",
    ): "a number of images that are looked at",
    (
        "morec/data/profiling.py",
        "",
        "TITLES_AT_ONCE = 10_000",
        "TITLES_AT_ONCE = (10001)",
    ): "bounds memory; chunks have a test",
    (
        "morec/data/profiling.py",
        "make_profile",
        'unknown_items=counts.get("unknown_item_rows", 0) / max(counts.get("rows_read", 0), 1),',
        (
            'unknown_items=counts.get("unknown_item_rows", 0) / max(counts.get("rows_read", '
            "(1)), 1),"
        ),
    ): "at least 1 is divided by anyway",
    (
        "morec/data/readers/synthetic.py",
        "_draw_world",
        "bounds_T1 = np.searchsorted(tastes_N[by_taste_N], np.arange(num_tastes + 1))",
        "bounds_T1 = np.searchsorted(tastes_N[by_taste_N], np.arange(num_tastes + (2)))",
    ): "a bound more that nobody reads",
    (
        "morec/data/ties.py",
        "sequence_order",
        "is_tied_n = np.bincount(tie_n)[tie_n] > 1",
        "is_tied_n = (np.bincount(tie_n)[tie_n] >= 1)",
    ): "rows of a time of their own are sorted too, each among itself; time",
    (
        "morec/data/ties.py",
        "sequence_order",
        "is_tied_n = np.bincount(tie_n)[tie_n] > 1",
        "is_tied_n = np.bincount(tie_n)[tie_n] > (0)",
    ): "rows of a time of their own are sorted too, each among itself; time",
    (
        "morec/data/ties.py",
        "_name_hashes",
        "is_used = np.zeros(len(names), dtype=bool)",
        "is_used = (np.ones(len(names), dtype=bool))",
    ): "hashes names that nobody asks for too; time",
    (
        "morec/data/ties.py",
        "_name_hashes",
        "hashes[is_used] = pd.util.hash_array(texts, hash_key=HASH_KEY, categorize=False)",
        "hashes[is_used] = (pd.util.hash_array(texts, hash_key=HASH_KEY))",
    ): "the same hashes, found over distinct texts; time",
    (
        "morec/data/ties.py",
        "_name_hashes",
        "hashes[is_used] = pd.util.hash_array(texts, hash_key=HASH_KEY, categorize=False)",
        "hashes[is_used] = pd.util.hash_array(texts, hash_key=HASH_KEY, categorize=(True))",
    ): "the same hashes, found over distinct texts; time",
    (
        "morec/data/images/rgb.py",
        "",
        "WHITE = (255, 255, 255, 255)",
        "WHITE = ((256), 255, 255, 255)",
    ): "Pillow takes what is above 255 for 255",
    (
        "morec/data/images/rgb.py",
        "",
        "WHITE = (255, 255, 255, 255)",
        "WHITE = (255, (256), 255, 255)",
    ): "Pillow takes what is above 255 for 255",
    (
        "morec/data/images/rgb.py",
        "",
        "WHITE = (255, 255, 255, 255)",
        "WHITE = (255, 255, (256), 255)",
    ): "Pillow takes what is above 255 for 255",
    (
        "morec/data/images/rgb.py",
        "",
        "WHITE = (255, 255, 255, 255)",
        "WHITE = (255, 255, 255, (256))",
    ): "Pillow takes what is above 255 for 255",
}
