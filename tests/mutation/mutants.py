"""One small change of a module's source at a time: what a mutant is, and every mutant of a source.

Not changed, since no test should care: docstrings, annotations, decorators, ``__repr__``, asserts,
texts, and what is logged, printed, warned or raised.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutation import expressions, statements

OPERATORS = {**expressions.OPERATORS, **statements.OPERATORS}
SAYS = frozenset({"print", "log", "debug", "info", "warning", "error", "warn", "exception"})
"""Functions and methods that tell a person something."""
NOT_TESTED = frozenset({"__repr__", "__str__"})
UNTOUCHED = (ast.JoinedStr, ast.Assert, ast.Raise, ast.Import, ast.ImportFrom)
UNTOUCHED_FIELDS = frozenset({"annotation", "returns", "decorator_list"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Key = tuple[str, str, str, str]
"""The module, the function, its lines before and its lines after."""


@dataclass(frozen=True)
class Mutant:
    """A changed module."""

    path: str
    function: str
    line: int
    change: str
    """The normalised source that is changed, an arrow, and what stands in its place."""
    old: str
    new: str
    """The lines around it, before and after, as one."""
    source: str
    """The whole changed module, with as many lines as before."""

    @property
    def key(self) -> Key:
        """Names the change where lines have moved."""
        return self.path, self.function, self.old, self.new


def mutants_of(source: str, path: str) -> list[Mutant]:
    """Every mutant of a module."""
    return [
        _mutant(source, path, function, node, new)
        for function, node, new in _changes(ast.parse(source), "")
        if not (isinstance(node, ast.If) and _starts_with_elif(source, node))
    ]


def _mutant(
    source: str, path: str, function: str, node: ast.expr | ast.stmt, new: ast.AST
) -> Mutant:
    changed = _replaced(source, node, new)
    old_line, new_line = (_lines(whole, node) for whole in (source, changed))
    change = f"{_words(node)} => {_words(new)}"
    return Mutant(path, function, node.lineno, change, old_line, new_line, changed)


def _lines(source: str, node: ast.expr | ast.stmt) -> str:
    """The lines of a node as one."""
    return " ".join(" ".join(source.splitlines()[node.lineno - 1 : node.end_lineno]).split())


def _changes(node: ast.AST, function: str) -> Iterator[tuple[str, ast.expr | ast.stmt, ast.AST]]:
    """The function, the node in it and the node in its place, of every change below ``node``."""
    if isinstance(node, UNTOUCHED) or _is_untested(node):
        return
    if isinstance(node, FUNCTIONS):
        function = f"{function}.{node.name}".lstrip(".")
    for new in OPERATORS.get(type(node), lambda _: ())(node):
        yield function, node, new
    for field, value in ast.iter_fields(node):
        if field not in UNTOUCHED_FIELDS:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _changes(child, function)


def _is_untested(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name=name):
            return name in NOT_TESTED
        case ast.keyword(arg=name):
            return name in expressions.CHANGES_NO_VALUE
        case ast.Expr(ast.Constant()):
            return True
        case ast.Expr(ast.Call(func=ast.Name(name))) | ast.Expr(
            ast.Call(func=ast.Attribute(attr=name))
        ):
            return name in SAYS
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
    return False


def _replaced(source: str, node: ast.expr | ast.stmt, new: ast.AST) -> str:
    """The source with ``new`` in place of ``node``; positions in a tree count bytes."""
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    text = ast.unparse(new)
    blank = "\n" * max(0, node.end_lineno - node.lineno - text.count("\n"))
    if isinstance(node, ast.stmt):
        text = text.replace("\n", "\n" + " " * node.col_offset) + blank
    else:
        text = f"({text}{blank})"
    whole = source.encode()
    return (whole[:start] + text.encode() + whole[end:]).decode()


def _starts_with_elif(source: str, node: ast.If) -> bool:
    return source.splitlines()[node.lineno - 1].lstrip().startswith("elif")


def _words(node: ast.AST) -> str:
    """Normalised source on one line; of a block only its head."""
    return ast.unparse(node).split("\n")[0]
