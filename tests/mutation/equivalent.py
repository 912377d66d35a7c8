"""Changes that no test can notice, and why: (module, function, lines before, lines after)."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {}
