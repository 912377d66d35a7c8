"""What a pickle may ask for: that something is run while it is read."""

from pathlib import Path
from typing import Any


class RunsCode:
    """Makes a folder when it is unpickled by someone who runs what pickles ask for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.mkdir, (self.path,)
