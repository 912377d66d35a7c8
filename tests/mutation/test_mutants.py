"""Every kind of change, on sources of a few lines."""

import ast

import pytest

from tests.mutation.mutants import mutants_of


def changes(source: str) -> list[str]:
    return [one.change for one in mutants_of(source, "module.py")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b => a <= b"]),
        ("x = a <= b", ["a <= b => a < b"]),
        ("x = a == b != c", ["a == b != c => a != b != c", "a == b != c => a == b == c"]),
        ("x = a is None", ["a is None => a is not None"]),
        ("x = a in b", ["a in b => a not in b"]),
        ("x = a + b", ["a + b => a - b"]),
        ("x = a * b // c", ["a * b // c => a * b * c", "a * b => a / b"]),
        ("x = a & b", ["a & b => a | b"]),
        ("x = a or b", ["a or b => a and b"]),
        ("x = not a", ["not a => a"]),
        ("x = -a", ["-a => a"]),
        ("x = 0", ["0 => 1"]),
        ("x = 1", ["1 => 2", "1 => 0"]),
        ("x = 0.5", ["0.5 => 1.5"]),
        ("x = True", ["True => False"]),
        ("x = a if b else c", ["a if b else c => c if b else a"]),
        ("x = f(a, b)", ["f(a, b) => f(a)"]),
        ("x = f(a, b=c)", ["f(a, b=c) => f(a)"]),
        ("x = min(a)", ["min(a) => max(a)"]),
        ("x = a.argmax()", ["a.argmax() => a.argmin()"]),
        ("x = sorted(a)", ["sorted(a) => a"]),
        ("x += a", ["x += a => pass", "x += a => x = a"]),
        ("x.y = a", ["x.y = a => pass"]),
        ("f(a)", ["f(a) => pass"]),
        ("del a", ["del a => pass"]),
        ("def f():\n    return a", ["return a => return None"]),
        ("for a in b:\n    continue", ["continue => break"]),
        ("for a in b:\n    break", ["break => pass"]),
        ("if a:\n    x = b", ["if a: => if not a:", "if a: => pass"]),
        ("if a:\n    x = b\nelif c:\n    x = d", ["if a: => if not a:"]),
    ],
)
def test_each_kind_of_change(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of 1 line."""',
        "def f(a: int | None) -> dict[int, 1]:\n    return None",
        "x: list[a < b]",
        "@f(a=1)\nclass A:\n    pass",
        "def __repr__(self):\n    return 1",
        "assert a < b",
        "raise ValueError(f(1))",
        "print(1)",
        "log.warning(a, b)",
        'x = f"{a + 1}"',
        'x = "a" + b',
        "if TYPE_CHECKING:\n    x = 1",
        "x = zip(a, strict=True)",
        "x = f(*a, **b)",
        "import a",
    ],
)
def test_what_no_test_should_care_for_is_left_alone(source: str) -> None:
    assert changes(source) == []


def test_a_change_stays_in_its_place_and_keeps_every_other_line() -> None:
    source = 'x = (é, (a +\n      b) * c)\nif a:\n    f(\n        "é", 2\n    )\ny = x\n'
    for one in mutants_of(source, "module.py"):
        ast.parse(one.source)
        assert one.source.splitlines()[-1] == "y = x"
        assert one.source.count("\n") == source.count("\n")
        assert one.source.startswith("x = (é, ") and one.source != source
    (swapped,) = (one for one in mutants_of(source, "module.py") if one.change == "a + b => a - b")
    assert swapped.source.startswith("x = (é, ((a - b\n)) * c)\nif a:")
    assert (swapped.old, swapped.new) == ("x = (é, (a + b) * c)", "x = (é, ((a - b )) * c)")


def test_a_change_is_named_by_its_module_and_function_without_lines() -> None:
    (one,) = mutants_of("\n\nclass A:\n    def f(self):\n        return a\n", "module.py")
    assert one.key == ("module.py", "A.f", "return a", "return None")
    assert one.line == 5
