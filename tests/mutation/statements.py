"""Small changes of a statement: left out, its condition turned round, its result forgotten."""

import ast
from collections.abc import Callable, Iterator
from typing import Any

from tests.mutation.expressions import changed

_HAS_OWN_OPPOSITE = (ast.Compare, ast.BoolOp, ast.UnaryOp)


def _left_out(_: ast.stmt) -> Iterator[ast.AST]:
    yield ast.Pass()


def _assignment(node: ast.Assign) -> Iterator[ast.AST]:
    """A name that nobody has set fails at once: only attributes and entries are left unset."""
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _accumulation(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield ast.Pass()
    yield ast.copy_location(ast.Assign([node.target], node.value), node)


def _condition(node: ast.If) -> Iterator[ast.AST]:
    if not isinstance(node.test, _HAS_OWN_OPPOSITE):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    if not node.orelse:
        yield ast.Pass()


def _result(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not _is_none(node.value):
        yield changed(node, value=ast.Constant(None))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _jump(node: ast.stmt) -> Iterator[ast.AST]:
    yield ast.Break() if isinstance(node, ast.Continue) else ast.Pass()


OPERATORS: dict[type[ast.AST], Callable[[Any], Iterator[ast.AST]]] = {
    ast.Expr: _left_out,
    ast.Delete: _left_out,
    ast.Assign: _assignment,
    ast.AugAssign: _accumulation,
    ast.If: _condition,
    ast.Return: _result,
    ast.Continue: _jump,
    ast.Break: _jump,
}
