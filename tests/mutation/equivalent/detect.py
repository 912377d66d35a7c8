"""Recognising data sets and reading their files."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "morec/data/detect/columns.py",
        "",
        "NUM_TRIED = 2_000",
        "NUM_TRIED = (2001)",
    ): "a column is judged from one value more",
    (
        "morec/data/detect/columns.py",
        "_numbers",
        "if (known != np.floor(known)).any():",
        "if (known != (np.ceil(known))).any():",
    ): "a whole number is its ceiling, too",
    (
        "morec/data/detect/headerless.py",
        "_are_lists",
        "words = values.head(1000).str.split()",
        "words = values.head((1001)).str.split()",
    ): "a column is judged from one row more",
    (
        "morec/data/detect/table.py",
        "",
        "NUM_ROWS = 200_000",
        "NUM_ROWS = (200001)",
    ): "one row more is looked at",
    (
        "morec/data/detect/table.py",
        "_parquet_columns",
        "batches = islice(read_parquet(path, plain), 1 + NUM_ROWS // 65_536)",
        "batches = islice(read_parquet(path, plain), 1 + NUM_ROWS // (65537))",
    ): "as many batches are read for any number of rows that is looked at",
    (
        "morec/data/detect/table.py",
        "_parquet_columns",
        "batches = islice(read_parquet(path, plain), 1 + NUM_ROWS // 65_536)",
        "batches = islice(read_parquet(path, plain), (2) + NUM_ROWS // 65_536)",
    ): "one batch more is read than rows are looked at",
    (
        "morec/data/detect/table.py",
        "_parquet_columns",
        "batches = islice(read_parquet(path, plain), 1 + NUM_ROWS // 65_536)",
        "batches = islice(read_parquet(path, plain), 1 + (NUM_ROWS * 65536))",
    ): "more batches are read than rows are looked at",
    (
        "morec/data/files/arrays.py",
        "load_array",
        "found: npt.NDArray[Any] = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)",
        "found: npt.NDArray[Any] = (np.load(path, mmap_mode=mmap_mode))",
    ): "numpy's default, which a reader of the code should see",
    (
        "morec/data/files/likely.py",
        "",
        "NUM_ODD_LINES = 2000",
        "NUM_ODD_LINES = (2001)",
    ): "one line more is looked at",
    (
        "morec/data/files/likely.py",
        "",
        "LONGEST = 1 << 16",
        "LONGEST = (2) << 16",
    ): "more of a long line is looked at",
    (
        "morec/data/files/likely.py",
        "",
        "LONGEST = 1 << 16",
        "LONGEST = 1 << (17)",
    ): "more of a long line is looked at",
    (
        "morec/data/files/likely.py",
        "encoding_of",
        "is_big = start[::2].count(0) > start[1::2].count(0)",
        "is_big = (start[::2].count(0) >= start[1::2].count(0))",
    ): "zeros at even and at odd places are as many: neither is likelier",
    (
        "morec/data/files/gather.py",
        "",
        "MERGE_ROWS = 1_000_000",
        "MERGE_ROWS = (1000001)",
    ): "texts are merged one row later",
    (
        "morec/data/files/gather.py",
        "gather",
        "if sum(table.num_rows for table in waiting) >= MERGE_ROWS:",
        "if (sum((table.num_rows for table in waiting)) > MERGE_ROWS):",
    ): "texts are merged one row later",
    (
        "morec/data/files/gather.py",
        "gather",
        "table = whole.to_pandas(types_mapper=integers.get, date_as_object=False, "
        "self_destruct=True)",
        "table = (whole.to_pandas(types_mapper=integers.get, date_as_object=False))",
    ): "only the memory that it takes changes",
    (
        "morec/data/files/gather.py",
        "gather",
        "table = whole.to_pandas(types_mapper=integers.get, date_as_object=False, "
        "self_destruct=True)",
        "table = whole.to_pandas(types_mapper=integers.get, date_as_object=False, "
        "self_destruct=(False))",
    ): "only the memory that it takes changes",
    (
        "morec/data/files/gather.py",
        "gather",
        "whole = _merged(merged, waiting) if waiting or merged is None else merged",
        "whole = _merged(merged, waiting) if waiting or (merged is not None) else merged",
    ): "one table merged with no other stays as it is",
    (
        "morec/data/files/json_lines.py",
        "",
        "CHUNK = 10_000",
        "CHUNK = (10001)",
    ): "a batch has one row more",
    (
        "morec/data/files/json_lines.py",
        "read_json_lines",
        "read = pa.json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)",
        "read = (pa.json.ReadOptions(block_size=BLOCK_BYTES))",
    ): "threads do not change what is read",
    (
        "morec/data/files/json_lines.py",
        "read_json_lines",
        "read = pa.json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)",
        "read = pa.json.ReadOptions(use_threads=(True), block_size=BLOCK_BYTES)",
    ): "threads do not change what is read",
    (
        "morec/data/files/json_lines.py",
        "_lines",
        'lines = iter(partial(stream.readline, BLOCK_BYTES + 1), b"")',
        'lines = iter(partial(stream.readline, BLOCK_BYTES + (2)), b"")',
    ): "one byte more of a line that is too long is read",
    (
        "morec/data/files/delimited.py",
        "read_batches",
        "read = pa.csv.ReadOptions( use_threads=False, block_size=BLOCK_BYTES, "
        "column_names=list(names) or header, skip_rows_after_names=0 if names else 1, )",
        "read = (pa.csv.ReadOptions(block_size=BLOCK_BYTES, column_names=list(names) "
        "or header, skip_rows_after_names=0 if names else 1) )",
    ): "threads do not change what is read",
    (
        "morec/data/files/delimited.py",
        "read_batches",
        "use_threads=False,",
        "use_threads=(True),",
    ): "threads do not change what is read",
    (
        "morec/data/files/delimited.py",
        "header_of",
        "return names_of(first_rows(path, text, 1)[0])",
        "return names_of(first_rows(path, text, (2))[0])",
    ): "one row more is read, and not looked at",
    (
        "morec/data/files/text_stream.py",
        "",
        "BLOCK_BYTES = 1 << 24",
        "BLOCK_BYTES = 1 << (25)",
    ): "the size of a block",
    (
        "morec/data/files/text_stream.py",
        "_chunks",
        "while chunk := stream.read(BLOCK_BYTES >> 4):",
        "while chunk := stream.read(BLOCK_BYTES >> (5)):",
    ): "the size of a block",
    (
        "morec/data/files/text_stream.py",
        "",
        "BLOCK_BYTES = 1 << 24",
        "BLOCK_BYTES = (2) << 24",
    ): "the size of a block",
    (
        "morec/data/files/text_stream.py",
        "_well_quoted",
        "yield whole[:end] if end < len(whole) else whole",
        "yield whole[:end] if (end <= len(whole)) else whole",
    ): "a slice of all is all",
    (
        "morec/data/files/text_stream.py",
        "_end_of_good",
        "if b'\"' not in lines or _alternates(lines, delimiter): return len(lines)",
        "pass",
    ): "the pattern below gives the same answer, later",
    (
        "morec/data/files/text_stream.py",
        "_end_of_good",
        "if b'\"' not in lines or _alternates(lines, delimiter):",
        "if (b'\"' not in lines and _alternates(lines, delimiter)):",
    ): "the pattern below gives the same answer, later",
    (
        "morec/data/files/text_stream.py",
        "_whole_lines",
        'cut = chunk.rfind(b"\\n") + 1',
        'cut = chunk.rfind(b"\\n") + (0)',
    ): "the end of a line begins the next piece",
    (
        "morec/data/files/time_formats.py",
        "",
        "NUM_TRIED = 200",
        "NUM_TRIED = (201)",
    ): "a format is tried on one time more",
    (
        "morec/data/files/time_formats.py",
        "likely_formats",
        "if 2 * most < max(len(tried), 1):",
        "if 2 * most < max(len(tried), (2)):",
    ): "one time that no format reads is less than half of two, too",
    (
        "morec/data/files/times.py",
        "_as_numbers",
        "whole = np.append(_whole_numbers(times), 0)",
        "whole = np.append(_whole_numbers(times), (1))",
    ): "the number below a missing time is never seen",
    (
        "morec/data/files/times.py",
        "_whole_fractions",
        "is_exact = np.abs(numbers).max(initial=0) < 2**53",
        "is_exact = np.abs(numbers).max(initial=(1)) < 2**53",
    ): "both are less than 2**53",
    (
        "morec/data/files/times.py",
        "_known",
        "new_codes = np.append(np.where(is_known, np.cumsum(is_known) - 1, -1), -1)",
        "new_codes = np.append(np.where(is_known, np.cumsum(is_known) - 1, -(2)), -1)",
    ): "every negative code is a missing time",
    (
        "morec/data/files/times.py",
        "_known",
        "new_codes = np.append(np.where(is_known, np.cumsum(is_known) - 1, -1), -1)",
        "new_codes = np.append(np.where(is_known, np.cumsum(is_known) - 1, -1), -(2))",
    ): "every negative code is a missing time",
    (
        "morec/data/files/times.py",
        "_known",
        "if pd.api.types.is_datetime64_any_dtype(distinct) or "
        "pd.api.types.is_numeric_dtype(distinct): return codes, distinct",
        "pass",
    ): "numbers and dates are read from their text, later",
    (
        "morec/data/files/times.py",
        "_known",
        "if pd.api.types.is_datetime64_any_dtype(distinct) or "
        "pd.api.types.is_numeric_dtype(distinct):",
        "if (pd.api.types.is_datetime64_any_dtype(distinct) and "
        "pd.api.types.is_numeric_dtype(distinct)):",
    ): "numbers and dates are read from their text, later",
    (
        "morec/data/files/times.py",
        "_parse_times",
        "if pd.api.types.is_datetime64_any_dtype(values): return values",
        "pass",
    ): "dates are read from their text, later",
    (
        "morec/data/files/times.py",
        "_whole_numbers",
        "return np.asarray(times, dtype=np.int64)",
        "return (np.asarray(times))",
    ): "they have this type",
    (
        "morec/data/files/times.py",
        "_whole_fractions",
        "if is_exact and (numbers == np.floor(numbers)).all():",
        "if is_exact and (numbers == (np.ceil(numbers))).all():",
    ): "a whole number is its ceiling, too",
    (
        "morec/data/files/vectors.py",
        "",
        "BLOCK_ROWS = 4096",
        "BLOCK_ROWS = (4097)",
    ): "a block has one row more",
    (
        "morec/data/files/headers.py",
        "_found",
        "near = get_close_matches(name, found, n=NUM_NEAREST, cutoff=0)",
        "near = (get_close_matches(name, found, cutoff=0))",
    ): "three is difflib's default, too",
    (
        "morec/data/files/parquet.py",
        "read_parquet",
        "for batch in parquet.iter_batches(columns=[stored[name] for name in columns]):",
        "for batch in (parquet.iter_batches()):",
    ): "other columns are read, too, and forgotten",
    (
        "morec/data/detect/items.py",
        "_is_text",
        "return False",
        "return None",
    ): "None is as false where the answer is asked",
}
