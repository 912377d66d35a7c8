"""Gives one module of the project another source than its file has, in this process.

Only the standard library is imported: processes that a test starts read this file at their start.
"""

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

AT_START = """\
import importlib.util
spec = importlib.util.spec_from_file_location("changed_module", {file!r})
changed_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(changed_module)
changed_module.change({root!r}, {path!r}, {source!r})
"""


class _ChangedSource(SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The given source, never what Python keeps of the file."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _ChangedModule(importlib.abc.MetaPathFinder):
    def __init__(self, root: str, path: str, source: str) -> None:
        self._file, self._source = str(Path(root, path)), source
        self._name = ".".join(Path(path).with_suffix("").parts)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ours for that module, and nobody's for another."""
        if fullname != self._name:
            return None
        loader = _ChangedSource(fullname, self._file, self._source)
        return importlib.util.spec_from_file_location(fullname, self._file, loader=loader)


def change(root: str, path: str, source: str) -> None:
    """Import ``path``, which lies below ``root``, with this source from now on."""
    sys.meta_path.insert(0, _ChangedModule(root, path, source))


def change_below(folder: Path, root: str, path: str, source: str) -> None:
    """Let every Python process that this one starts import ``path`` so; ``folder`` is theirs."""
    start = AT_START.format(file=__file__, root=root, path=path, source=source)
    (folder / "sitecustomize.py").write_text(start)
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *([before] if before else [])])
