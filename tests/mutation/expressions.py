"""Small changes of an expression: operators swapped, constants moved, arguments left out."""

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("amin", "amax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("add", "sub"),
    ("mul", "div"),
)
NAMES = {**dict(_PAIRS), **{second: first for first, second in _PAIRS}}
"""Functions and methods that are called in place of each other."""
DROPPED = frozenset({"sorted", "reversed", "abs"})
"""Functions whose argument may stand for their result."""
CHANGES_NO_VALUE = frozenset({"strict", "encoding", "non_blocking", "copy", "stacklevel"})
"""Keywords that guard or hasten: without them a correct program does the same."""


def changed(node: Node, **fields: object) -> Node:
    """A copy of ``node`` with some fields replaced."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _without(items: list[ast.keyword], place: int) -> list[ast.keyword]:
    return [item for other, item in enumerate(items) if other != place]


def _compare(node: ast.Compare) -> Iterator[ast.expr]:
    for place, operator in enumerate(node.ops):
        new: list[ast.cmpop] = list(node.ops)
        new[place] = COMPARISONS[type(operator)]()
        yield changed(node, ops=new)


def _arithmetic(node: ast.BinOp) -> Iterator[ast.expr]:
    if type(node.op) in ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
        yield changed(node, op=ARITHMETIC[type(node.op)]())


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _junction(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield changed(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())


def _unary(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        if node.value == 1:
            yield ast.Constant(0)


def _condition(node: ast.IfExp) -> Iterator[ast.expr]:
    yield changed(node, body=node.orelse, orelse=node.body)


def _call(node: ast.Call) -> Iterator[ast.expr]:
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in CHANGES_NO_VALUE:
            yield changed(node, keywords=_without(node.keywords, place))
    if len(node.args) > 1:
        yield changed(node, args=node.args[:-1])
    match node.func:
        case ast.Name(name) if name in NAMES:
            yield changed(node, func=ast.Name(NAMES[name]))
        case ast.Name(name) if name in DROPPED and len(node.args) == 1:
            yield node.args[0]
        case ast.Attribute(attr=name) if name in NAMES:
            yield changed(node, func=changed(node.func, attr=NAMES[name]))


OPERATORS: dict[type[ast.AST], Callable[[Any], Iterator[ast.AST]]] = {
    ast.Compare: _compare,
    ast.BinOp: _arithmetic,
    ast.BoolOp: _junction,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.IfExp: _condition,
    ast.Call: _call,
}
