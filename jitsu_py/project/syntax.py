"""The parsing of JavaScript, TypeScript and JSX for what a file asks for and reads."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.project.aliases import env_names, require_names
from jitsu_py.project.facts import LOCAL, LONGEST_EXPRESSION, Dynamic, EnvRead, Facts, Import

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language, Node, Tree

_TYPES: Final = ("type_annotation", "type_alias_declaration", "interface_declaration", "type_arguments")
_GRAMMARS: Final = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}

_QUERY: Final = """
(call_expression function: [(identifier) (member_expression) (import)] @callee arguments: (arguments) @given
  (#match? @callee "^(require|import|%(requires)s|(module|require|import[.]meta)[.](require|resolve))$"))
(import_statement source: (string)) @import
(export_statement source: (string)) @import
(member_expression object: (_) @env property: (property_identifier) @name (#any-of? @env %(env)s)) @read
(subscript_expression object: (_) @env index: (string) @name (#any-of? @env %(env)s)) @read
(variable_declarator name: (object_pattern) @names value: (_) @env (#any-of? @env %(env)s))
(assignment_expression left: (object_pattern) @names right: (_) @env (#any-of? @env %(env)s))
"""
_TYPESCRIPT: Final = "(import_require_clause source: (string)) @import"


def parse(data: bytes, suffix: str) -> Facts:
    """Return what a file asks for and reads.

    Args:
        data: the source.
        suffix: of the file's name, which tells the language: `.js`, `.tsx` …
    """
    grammar, tree = _parsed(data, suffix)
    query = _query(grammar, tuple(sorted(set(require_names(data)))), env_names(data))
    facts = Facts()
    for captures in _matches(query, tree):
        if "import" in captures:
            _take_import(captures["import"][0], facts)
        elif "callee" in captures:
            _take_call(captures["callee"][0], captures["given"][0], facts)
        else:
            _take_read(captures, facts)
    return facts


def _parsed(data: bytes, suffix: str) -> tuple[str, Tree]:
    from tree_sitter import Parser

    grammar = _GRAMMARS.get(suffix, "javascript")
    tree = Parser(_language(grammar)).parse(data)
    if grammar == "javascript" and tree.root_node.has_error:
        # Flow's types, and TypeScript under a wrong name.
        other = Parser(_language("tsx")).parse(data)
        if not other.root_node.has_error:
            return "tsx", other
    return grammar, tree


@cache
def _language(grammar: str) -> Language:
    from tree_sitter import Language

    if grammar == "javascript":
        import tree_sitter_javascript

        return Language(tree_sitter_javascript.language())
    import tree_sitter_typescript

    if grammar == "tsx":
        return Language(tree_sitter_typescript.language_tsx())
    return Language(tree_sitter_typescript.language_typescript())


@cache
def _query(grammar: str, requires: tuple[str, ...], env: tuple[str, ...]) -> Any:
    from tree_sitter import Query

    names = "|".join(map(re.escape, requires or ("require",))).replace("\\", "\\\\")
    text = _QUERY % {"requires": names, "env": " ".join(f'"{name}"' for name in env)}
    return Query(_language(grammar), text + ("" if grammar == "javascript" else _TYPESCRIPT))


def _matches(query: Any, tree: Tree) -> Iterator[dict[str, list[Node]]]:
    from tree_sitter import QueryCursor

    for _pattern, captures in QueryCursor(query).matches(tree.root_node):
        yield captures


def _take_import(node: Node, facts: Facts) -> None:
    source = node.child_by_field_name("source")
    if source is not None and not _only_types(node):
        facts.imports.append(Import(_string(source), _line(node), optional=False))


def _only_types(node: Node) -> bool:
    """Say whether nothing is left of an import when the types are gone."""
    words = [child.type for child in node.children[:2]]
    if words[-1] in ("type", "typeof"):
        return True
    named = [
        child
        for clause in node.children
        for child in _descendants(clause, ("import_specifier", "export_specifier"))
    ]
    others = [
        child for clause in node.children if clause.type == "import_clause" for child in clause.named_children
    ]
    if not named or any(child.type != "named_imports" for child in others):
        return False
    return all(child.children and child.children[0].type in ("type", "typeof") for child in named)


def _descendants(node: Node, kinds: tuple[str, ...]) -> Iterator[Node]:
    for child in node.named_children:
        if child.type in kinds:
            yield child
        elif child.type in ("named_imports", "import_clause", "export_clause"):
            yield from _descendants(child, kinds)


def _take_call(callee: Node, arguments: Node, facts: Facts) -> None:
    first = next((child for child in arguments.named_children if child.type != "comment"), None)
    if first is None or _shadowed(callee) or (callee.type == "import" and _in_type(callee)):
        return
    if (specifier := _literal(first)) is not None:
        facts.imports.append(Import(specifier, _line(callee), _in_try(callee)))
    elif not LOCAL.match(_text(first)):
        facts.dynamic.append(Dynamic(_text(first)[:LONGEST_EXPRESSION], _line(callee)))


def _literal(node: Node) -> str | None:
    if node.type == "string":
        return _string(node)
    if node.type == "template_string" and not any(
        child.type == "template_substitution" for child in node.children
    ):
        return _text(node)[1:-1]
    return None


def _shadowed(callee: Node) -> bool:
    """Say whether `require` is a parameter, as in bundles and AMD modules, and not Node's."""
    if callee.type != "identifier":
        return False
    name, node = callee.text, callee.parent
    while node is not None:
        parameters = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
        if parameters is not None and any(
            child.text == name
            for child in (parameters, *parameters.named_children)
            if child.type == "identifier"
        ):
            return True
        node = node.parent
    return False


def _in_type(node: Node) -> bool:
    """Say whether a place is within a type, where `import("x").T` names one."""
    parent = node.parent
    while parent is not None and parent.type not in _TYPES:
        parent = parent.parent
    return parent is not None


def _in_try(node: Node) -> bool:
    child, parent = node, node.parent
    while parent is not None:
        if parent.type == "try_statement" and parent.child_by_field_name("body") == child:
            return parent.child_by_field_name("handler") is not None
        child, parent = parent, parent.parent
    return False


def _take_read(captures: dict[str, list[Node]], facts: Facts) -> None:
    if "names" in captures:
        facts.env += _destructured(captures["names"][0])
        return
    read, name = captures["read"][0], captures["name"][0]
    parent = read.parent
    kind = parent.type if parent is not None else ""
    if parent is not None and kind == "assignment_expression" and parent.child_by_field_name("left") == read:
        return
    if parent is not None and kind == "unary_expression" and _text(parent).startswith("delete"):
        return
    called = _string(name) if name.type == "string" else _text(name)
    facts.env.append(EnvRead(called, _line(read), _has_default(read)))


def _has_default(read: Node) -> bool:
    """Say whether something follows for where there is nothing: `a || b || "c"` has it for both names."""
    child, parent = read, read.parent
    while parent is not None and parent.type in ("binary_expression", "augmented_assignment_expression"):
        operator, left = parent.child_by_field_name("operator"), parent.child_by_field_name("left") == child
        if operator is None or operator.type not in ("||", "??", "||=", "??=", "&&") or left:
            return left and operator is not None and operator.type in ("||", "??", "||=", "??=")
        child, parent = parent, parent.parent
    return False


def _destructured(pattern: Node) -> Iterator[EnvRead]:
    for child in pattern.named_children:
        key = child.child_by_field_name("key") or child.child_by_field_name("left") or child
        if child.type in ("rest_pattern", "comment") or key.type == "computed_property_name":
            continue
        value = child.child_by_field_name("value")
        default = "assignment_pattern" in (child.type, value.type if value else "")
        default = default or child.type == "object_assignment_pattern"
        yield EnvRead(_string(key) if key.type == "string" else _text(key), _line(child), default)


def _string(node: Node) -> str:
    """Return the content of a text, its escapes as JSON has them."""
    inner = _text(node)[1:-1]
    if "\\" not in inner:
        return inner
    return re.sub(
        r"\\(?:u\{?([0-9a-fA-F]+)\}?|x([0-9a-fA-F]{2})|\r?\n|(.))", _unescaped, inner, flags=re.DOTALL
    )


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else ""
    return found[3] or ""


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _line(node: Node) -> int:
    return node.start_point[0] + 1
