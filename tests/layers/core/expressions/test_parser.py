"""What the parser makes of a text, and what it refuses."""

from __future__ import annotations

import inspect
import sys
import time
from decimal import Decimal

import pytest

from covey.expressions import (
    Duration,
    ExpressionError,
    Timestamp,
    Type,
    bind,
    check,
    conjuncts,
    explain,
    parse,
)
from covey.expressions.nodes import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    ListLiteral,
    Literal,
    Name,
    Unary,
)
from covey.expressions.render import render
from tests.layers.core.expressions.trees import Values

A, B, C = Name(("a",)), Name(("b",)), Name(("c",))

TREES = {
    "a name": ("title", Name(("title",))),
    "a member": ("auth.id", Name(("auth", "id"))),
    "a deep member": ("auth.team.name", Name(("auth", "team", "name"))),
    "a member named as a word of the language": ("auth.in", Name(("auth", "in"))),
    "names that are words elsewhere": ("or || is", Binary("||", Name(("or",)), Name(("is",)))),
    "true": ("true", Literal(True)),
    "null": ("null", Literal(None)),
    "an integer": ("007", Literal(7)),
    "38 digits": ("9" * 38, Literal(int("9" * 38))),
    "a decimal": ("1.50", Literal(Decimal("1.50"))),
    "an exponent": ("2.5e-3", Literal(Decimal("0.0025"))),
    "a decimal without its zero": (".5", Literal(Decimal("0.5"))),
    "a negative number": ("-5", Literal(-5)),
    "a negative decimal of 38 digits": (
        "-1." + "1" * 37,
        Literal(Decimal("-1." + "1" * 37)),
    ),
    "a minus before a name": ("-a", Unary("-", A)),
    "two minuses": ("--5", Unary("-", Literal(-5))),
    "a difference without spaces": ("a-5", Binary("-", A, Literal(5))),
    "double quotes": ('"it\'s"', Literal("it's")),
    "single quotes": ("'say \"hi\"'", Literal('say "hi"')),
    "escapes": (r'"\a\b\f\n\r\t\v\\\?\"\'\`"', Literal("\a\b\f\n\r\t\v\\?\"'`")),
    "codes": (r'"\x41\u00e9\U0001F600\101"', Literal("Aé😀A")),
    "raw text": (r'r"\d+"', Literal(r"\d+")),
    "text beyond ASCII": ('"żółć 😀"', Literal("żółć 😀")),
    "or binds weakest": ("a || b && c", Binary("||", A, Binary("&&", B, C))),
    "and left to right": ("a && b && c", Binary("&&", Binary("&&", A, B), C)),
    "parentheses": ("(a || b) && c", Binary("&&", Binary("||", A, B), C)),
    "not binds strongest": ("!a && b", Binary("&&", Unary("!", A), B)),
    "comparison over and": ("a == b && c", Binary("&&", Binary("==", A, B), C)),
    "sums over comparison": ("a + b < c", Binary("<", Binary("+", A, B), C)),
    "products over sums": ("a + b * c", Binary("+", A, Binary("*", B, C))),
    "differences left to right": ("a - b - c", Binary("-", Binary("-", A, B), C)),
    "a condition": ("a ? b : c", Conditional(A, B, C)),
    "conditions right to left": (
        "a ? b : c ? a : b",
        Conditional(A, B, Conditional(C, A, B)),
    ),
    "membership": ('a in ["x", 1]', Binary("in", A, ListLiteral((Literal("x"), Literal(1))))),
    "an empty list": ("a in []", Binary("in", A, ListLiteral(()))),
    "a method": ('a.startsWith("x")', Call("startsWith", (A, Literal("x")))),
    "a method of a member": ("auth.id.size()", Call("size", (Name(("auth", "id")),))),
    "a method of text": ('"abc".contains(a)', Call("contains", (Literal("abc"), A))),
    "a function": ("size(a)", Call("size", (A,))),
    "has": ("has(auth.team)", Call("has", (Name(("auth", "team")),))),
    "a function's name is a name too": ("size == a", Binary("==", Name(("size",)), A)),
    "a timestamp": (
        'timestamp("1970-01-01T00:00:01Z")',
        Literal(Timestamp(1000)),
    ),
    "a timestamp of a day": ('timestamp("1970-01-02")', Literal(Timestamp(86_400_000))),
    "a duration": ('duration("1h30m0.5s")', Literal(Duration(5_400_500))),
    "a negative duration": ('duration("-250ms")', Literal(Duration(-250))),
    "exists": (
        "a.exists(x, x == b)",
        Comprehension("exists", A, "x", Binary("==", Name(("x",)), B)),
    ),
    "a comment": ("a // why\n && b", Binary("&&", A, B)),
}


@pytest.mark.parametrize("name", TREES)
def test_text_becomes_its_tree(name: str) -> None:
    text, tree = TREES[name]
    assert parse(text).root == tree


REFUSED = {
    # name: (text, position, part of the message, part of the hint)
    "nothing": ("", 0, "Nothing", "true"),
    "blanks": (" \n\t", 0, "Nothing", ""),
    "only a comment": ("// a", 4, "Expected a value", ""),
    "assignment": ("a = b", 2, "Unexpected '='", "=="),
    "three equals": ("a === b", 4, "Unexpected '='", "=="),
    "one ampersand": ("a & b", 2, "Unexpected '&'", "&&"),
    "one bar": ("a | b", 2, "Unexpected '|'", "||"),
    "SQL's and": ("a and b", 2, "found 'and'", "&&"),
    "SQL's or": ("a or b", 2, "found 'or'", "||"),
    "Python's not": ("not a", 4, "found 'a'", "write !"),
    "a long name out of place": ("a " + "b" * 500, 2, "found '" + "b" * 40 + "'", ""),
    "SQL's unequal": ("a <> b", 3, "found '>'", ""),
    "a chain of comparisons": ("1 < a < 5", 6, "do not chain", "&&"),
    "an open parenthesis": ("(a", 2, "Expected ')'", ""),
    "a close parenthesis": ("a)", 1, "Expected an operator", ""),
    "an open list": ("[a", 2, "Expected ']'", ""),
    "an operator at the end": ("a &&", 4, "found the end", ""),
    "two values": ("a b", 2, "Expected an operator", ""),
    "half a condition": ("a ? b", 5, "':'", ""),
    "a dangling dot": ("a.", 2, "name after", ""),
    "a call of what is no function": ("foo(a)", 0, "No function foo", ""),
    "a misspelt method": ("a.startswith('x')", 2, "No method", "startsWith"),
    "a misspelt function": ("hass(a)", 0, "No function", "has"),
    "a method written as a function": ("contains(a, 'x')", 0, "No function", "x.contains"),
    "a function written as a method": ("a.has()", 2, "No method", "has(x)"),
    "dunder": ("a.__class__()", 2, "No method", ""),
    "an index": ("a[0]", 1, "Expected an operator", ""),
    "a map": ("{'a': 1}", 0, "Unexpected '{'", "maps"),
    "bytes": ("b'a'", 1, "Expected an operator", ""),
    "unsigned": ("1u", 1, "ends in a letter", ""),
    "hexadecimal": ("0x1F", 1, "ends in a letter", ""),
    "an open exponent": ("1e", 1, "ends in a letter", ""),
    "39 digits": ("1" * 39, 0, "38 digits", ""),
    "39 digits with a point": ("1." + "1" * 38, 0, "38 digits", ""),
    "a huge exponent": ("1e3000000", 0, "out of range", ""),
    "an exponent over the range": ("1e126", 0, "out of range", ""),
    "a tiny number": ("1e-300", 0, "out of range", ""),
    "digits beyond ASCII": ("١", 0, "U+0661", ""),
    "a name beyond ASCII": ("naïve", 2, "U+00EF", "a-z"),
    "a Cyrillic look-alike": ("аuth.id", 0, "U+0430", "a-z"),
    "a null byte": ("a\0b", 1, "U+0000", ""),
    "a null byte in text": ("'a\0b'", 2, "U+0000", "escape"),
    "a newline in text": ("'a\nb'", 2, "U+000A", "\\n"),
    "a lone surrogate in text": ("'\ud800'", 1, "U+D800", ""),
    "a lone surrogate as an escape": (r"'\ud800'", 1, "no character", ""),
    "a code beyond Unicode": (r"'\U00110000'", 1, "no character", ""),
    "an unknown escape": (r"'\q'", 1, "does not exist", ""),
    "a cut escape": (r"'\u12'", 1, "does not exist", ""),
    "an open quote": ("a == 'b", 5, "closing quote", "'"),
    "an escaped closing quote": (r"'a\'", 0, "closing quote", ""),
    "a lone backslash": ("'\\", 1, "does not exist", ""),
    "triple quotes": ("'''a'''", 0, "triple", ""),
    "a word that CEL keeps": ("for == 1", 0, "found 'for'", ""),
    "has of a value": ("has(1)", 4, "takes a name", "has("),
    "has of nothing": ("has()", 0, "1 argument", ""),
    "a method with too little": ("a.contains()", 2, "1 argument", ""),
    "a method with too much": ("a.contains('x', 'y')", 2, "1 argument", ""),
    "a member of a call": ("size(a).b", 8, "Only names", ""),
    "a timestamp that is none": ("timestamp('soon')", 10, "Not a timestamp", ""),
    "a day that is none": ("timestamp('2026-02-30')", 10, "Not a timestamp", ""),
    "a duration that is none": ("duration('1 day')", 9, "Not a duration", ""),
    "an endless duration": ("duration('999999999999999h')", 9, "out of range", ""),
    "exists without a variable": ("a.exists(1, true)", 9, "new name", ""),
    "exists over auth": ("a.exists(auth, true)", 9, "new name", ""),
    "a pattern that is no text": ("a.matches(b)", 10, "quoted text", ""),
    "a pattern that is none": ("a.matches('(')", 10, "The pattern has a ( without )", ""),
    "a back-reference": (r"a.matches('(a)\\1')", 10, "The pattern has an escape", ""),
    "a look-ahead": ("a.matches('(?=a)')", 10, "The pattern has a group", ""),
    "a pattern of many states": ("a.matches('(a{30}b){10}')", 10, "more than 64", ""),
    "a pattern of very many states": ("a.matches('(a{400}b){400}')", 10, "The pattern", ""),
    "a fifth matches": (
        " && ".join(["a.matches('x')"] * 5),
        4 * len("a.matches('x') && ") + 2,
        "More than 4",
        "",
    ),
    "a fifth exists": (
        " && ".join(["a.exists(x, x)"] * 5),
        4 * len("a.exists(x, x) && ") + 2,
        "More than 4",
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_expression_says_where_and_why(name: str) -> None:
    text, position, message, hint = REFUSED[name]
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert (refused.value.position, message in refused.value.message) == (position, True), (
        refused.value
    )
    assert hint in refused.value.hint


ATTACKS = {
    "parentheses": "(" * 2000,
    "closed parentheses": "(" * 999 + "a" + ")" * 999,
    "lists": "[" * 2000,
    "not": "!" * 2000,
    "minus": "-" * 2000,
    "not and parentheses": "!(" * 1000,
    "conditions": "a?" * 1000,
    "else conditions": "a?a:" * 500,
    "calls": "size(" * 400,
    "methods": "a" + ".size()" * 280,
    "members": "a" + ".b" * 900,
    "sums": "1+" * 999 + "1",
    "products": "1*" * 999 + "1",
    "or": "a||" * 600 + "a",
    "has": "has(" * 500,
    "quotes": '"' * 1999,
    "backslashes": '"' + "\\" * 1999,
    "digits": "9" * 2000,
    "decimals": "0." + "9" * 1990,
    "exponent": "1e" + "9" * 1990,
    "zeros": "0" * 1990 + "e0.",
    "commas": "[" + "," * 1990 + "]",
    "exists": "a.exists(x," * 180,
    "comments": "//" * 1000,
    "too long": "a" * 2001,
    "far too long": "(" * 10_000_000,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_at_once(name: str) -> None:
    start = time.thread_time()
    with pytest.raises(ExpressionError):
        parse(ATTACKS[name])
    assert time.thread_time() - start < 0.1


def test_limits_are_met_exactly() -> None:
    parse("(" * 31 + "a" + ")" * 31)
    parse("a || " * 99 + "a")
    parse("a" + " " * 1999)
    for text in ("(" * 32 + "a" + ")" * 32, "a || " * 100 + "a", "a" + " " * 2000):
        with pytest.raises(ExpressionError):
            parse(text)


WORST = {
    "or": "a || " * 99 + "a",
    "and in not": "!(" * 15 + "a && " * 80 + "a" + ")" * 15,
    "parentheses": "(" * 31 + "a" + ")" * 31,
    "chains in parentheses": "(" * 31 + "a" + " && a || a)" * 31 + " || a" * 30,
    "alternating": "(a || (a && " * 15 + "a" + "))" * 15,
}


@pytest.mark.parametrize("name", WORST)
def test_the_deepest_expressions_leave_most_of_the_stack(name: str) -> None:
    depth = len(inspect.stack(0))
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 350)
    try:
        expression = parse(WORST[name])
        check(expression, {"a": Type.BOOL})
        bind(expression, {"b": True})
        expression.holds(Values(a=True))
        explain(expression, Values(a=True))
        conjuncts(expression)
        assert render(expression.root)
    finally:
        sys.setrecursionlimit(before)


def test_long_chains_evaluate() -> None:
    scope = Values(a=False)
    assert parse("a || " * 99 + "true").holds(scope)
    assert not parse("a || " * 99 + "a").holds(scope)


def test_the_message_counts_characters_from_one() -> None:
    with pytest.raises(ExpressionError, match=r"Unexpected '=' at character 3 \(use == to"):
        parse("a = b")
