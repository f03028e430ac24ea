"""Tokens to nodes, by recursive descent and precedence.

expression = or ["?" expression ":" expression]
or         = and {"||" and}
and        = relation {"&&" relation}
relation   = sum [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") sum]
sum        = product {("+" | "-") product}
product    = unary {("*" | "/" | "%") unary}
unary      = {"!" | "-"} postfix
postfix    = primary {"." ["?"] name ["(" arguments ")"]}
primary    = constant | name ["(" arguments ")"] | "(" expression ")" | "[" arguments "]"
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from covey.expressions.errors import ExpressionError
from covey.expressions.expression import Expression
from covey.expressions.functions import (
    FUNCTIONS,
    METHODS,
    QUANTIFIERS,
    ROOTS,
    call,
    unknown_function,
)
from covey.expressions.nodes import (
    RELATION,
    STRENGTHS,
    Binary,
    Call,
    Comprehension,
    Conditional,
    Fetch,
    ListLiteral,
    Literal,
    Name,
    Node,
    Unary,
)
from covey.expressions.tokens import (
    CONSTANTS,
    KEPT,
    OTHER_LANGUAGES,
    RESERVED,
    Token,
    tokenize,
)

MAX_LENGTH = 2_000
MAX_QUOTED = 40  # of the text, in messages
MAX_NODES = 200
MAX_DEPTH = 32
MAX_COSTLY = 4  # of exists(), all() and matches()
_REMEMBERED = 128  # texts: a filter that is asked again is neither parsed nor compiled again


@lru_cache(maxsize=_REMEMBERED)
def parse(text: str) -> Expression:
    """The expression that a text says.

    Raises ExpressionError with the position of the first fault, also for a text over 2,000
    characters, 200 nodes or 32 levels of nesting.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"Longer than {MAX_LENGTH} characters", MAX_LENGTH)
    if not text.strip(" \t\r\n"):
        raise ExpressionError("Nothing is written", 0, 'write "true" for always')
    parser = _Parser(tokenize(text))
    root = parser.expression()
    parser.end()
    return Expression(root, text)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._nodes = 0
        self._depth = 0
        self._costly = 0

    # ---- tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _is(self, operator: str) -> bool:
        token = self._token
        return token.kind == "operator" and token.written == operator

    def _take(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _expect(self, operator: str, why: str) -> None:
        if not self._is(operator):
            raise self._unexpected(f"{operator!r} {why}")
        self._next += 1

    def _unexpected(self, wanted: str) -> ExpressionError:
        token, before = self._token, self._tokens[max(0, self._next - 1)]
        found = token.written if token.kind == "end" else repr(token.written[:MAX_QUOTED])
        other = OTHER_LANGUAGES.get(token.written) or OTHER_LANGUAGES.get(before.written)
        hint = f"write {other}" if other else ""
        return ExpressionError(f"Expected {wanted}, found {found}", token.position, hint)

    def end(self) -> None:
        """Refuse whatever follows the expression."""
        if self._token.kind != "end":
            raise self._unexpected("an operator or the end")

    # ---- limits

    def _count(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExpressionError(f"More than {MAX_NODES} parts", node.position)
        return node

    def _enter(self, position: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"Nested deeper than {MAX_DEPTH} levels", position)

    # ---- the grammar, one method a line

    def expression(self) -> Node:
        """``or ["?" expression ":" expression]``."""
        position = self._token.position
        self._enter(position)
        node = self._binary(1)
        if self._is("?"):
            mark = self._take().position
            then = self.expression()
            self._expect(":", "between the two outcomes")
            node = self._count(Conditional(node, then, self.expression(), mark))
        self._depth -= 1
        return node

    def _strength(self) -> int:
        """How strongly the next operator binds; 0 of what is no operator between two values."""
        token = self._token
        return STRENGTHS.get(token.written, 0) if token.kind in ("operator", "word") else 0

    def _binary(self, least: int) -> Node:
        """Operators at least this strong, left to right: one frame a level that is in use."""
        entered = self._depth
        node = self._unary()
        while (strength := self._strength()) >= least:
            token = self._take()
            right = self._binary(strength + 1)
            node = self._count(Binary(token.written, node, right, token.position))
            if strength == RELATION and self._strength() == RELATION:
                hint = "write a < b && b < c, or parentheses"
                raise ExpressionError("Comparisons do not chain", self._token.position, hint)
            self._depth = entered
            if strength > RELATION:
                self._chain(node)
        self._depth = entered
        return node

    def _chain(self, node: Node) -> None:
        """Count a chain of arithmetic as nesting; long chains of && and || are common."""
        while isinstance(node, Binary) and STRENGTHS[node.operator] > RELATION:
            self._enter(node.position)
            node = node.left

    def _unary(self) -> Node:
        token = self._token
        if token.kind != "operator" or token.written not in ("!", "-"):
            return self._postfix()
        self._next += 1
        number = self._token
        if token.written == "-" and number.kind == "number":
            self._next += 1
            value = number.value
            value = -value if isinstance(value, int) else value.copy_negate()
            return self._count(Literal(value, token.position))
        self._enter(token.position)
        node = self._count(Unary(token.written, self._unary(), token.position))
        self._depth -= 1
        return node

    def _postfix(self) -> Node:
        return self._members(self._primary())

    def _members(self, node: Node) -> Node:
        entered = self._depth
        while self._is("."):
            self._next += 1
            optional = self._is("?")
            self._next += optional
            member = self._token
            if member.kind != "word":
                raise self._unexpected("a name after '.'")
            self._next += 1
            if optional:
                node = self._optional(node, member)
                continue
            if self._is("("):
                self._enter(member.position)
                node = self._method(node, member)
            elif isinstance(node, Name):
                node = self._count(Name((*node.path, member.written), node.position))
            elif isinstance(node, Fetch):
                path = (*node.path, member.written)
                node = self._count(Fetch(node.collection, node.id, path, node.position))
            else:
                raise ExpressionError("Only names have members", member.position)
        self._depth = entered
        return node

    def _optional(self, node: Node, member: Token) -> Node:
        if not isinstance(node, Name):
            raise ExpressionError("Only names have members", member.position)
        name = self._count(Name((*node.path, member.written), node.position))
        return self._count(Call("optional", (name,), node.position))

    def _method(self, receiver: Node, name: Token) -> Node:
        if name.written in QUANTIFIERS:
            return self._comprehension(receiver, name)
        if name.written not in METHODS:
            raise unknown_function(name.written, name.position, METHODS)
        arguments = self._arguments(")")
        return self._called((receiver, *arguments), name, METHODS)

    def _comprehension(self, source: Node, name: Token) -> Node:
        self._spend(name)
        self._expect("(", "")
        variable = self._take()
        if variable.kind != "word" or variable.written in RESERVED | ROOTS:
            raise ExpressionError(
                "Expected a new name for the items", variable.position, "tags.exists(t, t == 'a')"
            )
        self._expect(",", "after the name")
        body = self.expression()
        self._expect(")", f"at the end of {name.written}()")
        node = Comprehension(name.written, source, variable.written, body, name.position)
        return self._count(node)

    def _spend(self, name: Token) -> None:
        self._costly += 1
        if self._costly > MAX_COSTLY:
            message = f"More than {MAX_COSTLY} of exists(), all() and matches()"
            raise ExpressionError(message, name.position)

    def _called(self, arguments: tuple[Node, ...], name: Token, known: Mapping[str, int]) -> Node:
        if name.written == "matches":
            self._spend(name)
        return self._count(call(name.written, arguments, name.position, known))

    def _arguments(self, closing: str) -> tuple[Node, ...]:
        self._next += 1
        items: list[Node] = []
        while not self._is(closing):
            items.append(self.expression())
            if not self._is(","):
                break
            self._next += 1
        self._expect(closing, "or ','")
        return tuple(items)

    def _primary(self) -> Node:
        token = self._token
        if token.kind in ("number", "text"):
            self._next += 1
            return self._count(Literal(token.value, token.position))
        if token.kind == "word":
            return self._word()
        if self._is("("):
            self._next += 1
            node = self.expression()
            self._expect(")", "to close the parenthesis")
            return node
        if self._is("["):
            return self._count(ListLiteral(self._arguments("]"), token.position))
        raise self._unexpected("a value")

    def _word(self) -> Node:
        token = self._token
        word = token.written
        if word in KEPT or word == "in":
            raise self._unexpected("a value")
        self._next += 1
        if word in CONSTANTS:
            return self._count(Literal(CONSTANTS[word], token.position))
        if self._is("("):
            if word not in FUNCTIONS:
                raise unknown_function(word, token.position, FUNCTIONS)
            return self._called(self._arguments(")"), token, FUNCTIONS)
        return self._count(Name((word,), token.position))
