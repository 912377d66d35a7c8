"""A package that is installed for one test: modules, and entry points that add to our tables."""

from collections.abc import Mapping
from pathlib import Path


def write_package(
    folder: Path,
    name: str,
    *,
    modules: Mapping[str, str],
    entries: Mapping[str, Mapping[str, str]],
    version: str = "1.2",
) -> None:
    """Write what an installer would leave in ``folder``, which then belongs on Python's path.

    ``modules``: file name -> source. ``entries``: group -> entry name -> ``module:object``.
    """
    for file_name, source in modules.items():
        (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
        (folder / file_name).write_text(source)
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, named in entries.items():
        lines += [f"[{group}]", *(f"{entry} = {value}" for entry, value in named.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
