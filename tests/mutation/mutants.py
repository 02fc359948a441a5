"""Small changes to a module, one at a time: what a slip of the pen would make of it. Pure: source in, mutants out."""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

OPPOSITE = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
ARITHMETIC = {ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}
# A word that the code compares or hands on; sentences for people are not what this is about.
WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Mutant:
    """`owner`: qualified name of the innermost function, empty at the top of the module; `statement`: line of the statement it is in;
    `tree`: the whole module, changed.
    """

    path: str
    line: int
    statement: int
    owner: str
    change: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.owner or 'module'}: {self.change}"


def mutants(path: str, source: str) -> Iterator[Mutant]:
    tree = ast.parse(source)
    places = list(_places(tree))
    for number, (node, owner, statement) in enumerate(places):
        for change, replacement in _changes(node):
            changed = copy.deepcopy(tree)
            target = list(_places(changed))[number][0]
            tree_now = ast.fix_missing_locations(_replaced(changed, target, replacement))
            yield Mutant(path, node.lineno, statement, owner, change, tree_now)


def marked(path: str, source: str) -> ast.Module:
    """The module with a call of `_reached(path, line)` before each statement of each function."""

    class Mark(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, None)
                if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                    setattr(node, field, [part for one in block for part in (_mark(path, one), one)])
            return node

    return ast.fix_missing_locations(Mark().visit(ast.parse(source)))


def _mark(path: str, statement: ast.stmt) -> ast.stmt:
    said = [ast.Constant(path), ast.Constant(statement.lineno)]
    return ast.copy_location(ast.Expr(ast.Call(ast.Name("_reached", ast.Load()), said, [])), statement)


Place = tuple[ast.AST, str, int]


def _places(tree: ast.Module) -> Iterator[Place]:
    """Every node that may change, with its function and its statement. Annotations, decorators, class bodies, docstrings are left out."""

    def walk(node: ast.AST, owner: str, inside: str, line: int) -> Iterator[Place]:
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_params", "ctx"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_docstring(child):
                    yield from visit(child, owner, inside, line)

    def visit(node: ast.AST, owner: str, inside: str, line: int) -> Iterator[Place]:
        line = node.lineno if isinstance(node, ast.stmt) else line
        if isinstance(node, ast.FunctionDef):
            name = f"{inside}{node.name}"
            # What an argument is when it is left out belongs to no statement of the body: the first one stands for it.
            yield from walk(node.args, f"{name}()", inside, node.body[0].lineno)
            for child in node.body:
                if not _is_docstring(child):
                    yield from visit(child, name, f"{name}.<locals>.", line)
        elif isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef):
                    yield from visit(child, owner, f"{inside}{node.name}.", line)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            if hasattr(node, "lineno"):
                yield node, owner, line
            yield from walk(node, owner, inside, line)

    yield from walk(tree, "", "", 0)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(what is done, what stands there instead), for one node."""
    match node:
        case ast.Compare(ops=[op]):
            yield from _operators(node, op, OPPOSITE, lambda new: ast.Compare(node.left, [new], node.comparators))
            yield from _operators(node, op, BOUNDARY, lambda new: ast.Compare(node.left, [new], node.comparators))
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"{_text(node.op)} → {_text(other)}", ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield "not … → …", node.operand
        case ast.BinOp(op=ast.Add()):
            yield f"… + {_text(node.right)} → …", node.left
            yield f"{_text(node.left)} + … → …", node.right
        case ast.BinOp():
            yield from _operators(node, node.op, ARITHMETIC, lambda new: ast.BinOp(node.left, new, node.right))
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f"{value} → {value + 1}", ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if WORD.match(value):
            yield f"{value!r} → another word", ast.Constant(f"{value}_x")
        case ast.If() | ast.IfExp() if isinstance(node.test, ast.Name | ast.Call | ast.Attribute):
            yield f"if {_text(node.test)} → if not", _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=ast.AST() as value) if not isinstance(value, ast.Constant):
            yield f"return {_text(value)} → return None", ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Assign(targets=[ast.Attribute()]):
            yield f"{_text(node)} → nothing", ast.Pass()


def _operators(node, op, table: dict, make) -> Iterator[tuple[str, ast.AST]]:
    if new := table.get(type(op)):
        yield f"{_text(node)}: {type(op).__name__} → {new.__name__}", make(new())


def _with(node: ast.AST, **fields) -> ast.AST:
    return type(node)(**{name: fields.get(name, value) for name, value in ast.iter_fields(node)})


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.boolop):
        return type(node).__name__.lower()
    return " ".join(ast.unparse(node).split())[:60]


def _replaced(tree: ast.Module, target: ast.AST, replacement: ast.AST) -> ast.Module:
    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return ast.copy_location(replacement, node) if node is target else self.generic_visit(node)

    return Swap().visit(tree)
