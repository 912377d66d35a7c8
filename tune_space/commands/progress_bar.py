"""A bar of what is done, in a terminal."""

from rich.console import Console
from rich.progress import Progress


def progress_bar() -> Progress:
    """A progress bar on stderr; where that is no terminal, nothing is shown."""
    console = Console(stderr=True)
    return Progress(console=console, disable=not console.is_terminal)
