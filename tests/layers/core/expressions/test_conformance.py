"""Cases of CEL's conformance suite, by its files, so far as they fall within the subset.

Written by hand after `tests/simple/testdata` of the specification (github.com/google/cel-spec):
each is what the specification says, and where Covey differs on purpose the case stands in
`DIFFERENT` with both answers. `cel` is asked too, so that the table itself is tried.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import cel
import pytest

from covey.expressions import Duration, EvaluationError, ExpressionError, Timestamp, parse
from covey.records.time import rfc3339
from tests.layers.core.expressions.trees import Values

ERROR = "error"

BASIC = {
    "0": 0,
    "-1": -1,
    "0.0": 0,
    "1.5e3": 1500,
    '""': "",
    "''": "",
    "'a\\'b'": "a'b",
    '"\\u00ff"': "ÿ",
    '"\\U0001F600"': "😀",
    '"\\x41\\101"': "AA",
    "r'\\n'": "\\n",
    "true": True,
    "null": None,
    "[]": [],
    "[1, 2]": [1, 2],
    "x": ERROR,
    "1 + 2 * 3": 7,
    "(1 + 2) * 3": 9,
    "1 // a comment\n + 1": 2,
}
COMPARISONS = {
    "1 == 1": True,
    "-1 == 1": False,
    "1.0 == 1.0": True,
    "'a' == 'a'": True,
    "'a' == 'A'": False,
    "'\\u00ff' == 'ÿ'": True,
    "null == null": True,
    "true == true": True,
    "[1] == [1]": True,
    "[1, 2] == [2, 1]": False,
    "[1] == [1, 1]": False,
    "[] == []": True,
    "[[1]] == [[1]]": True,
    "1 != 2": True,
    "'a' != 'b'": True,
    "null != null": False,
    "1 < 2": True,
    "2 < 2": False,
    "-1 < 0": True,
    "1.5 < 2.5": True,
    "1 < 2.5": True,
    "1 == 1.0": True,
    "2 > 1.0": True,
    "'a' < 'b'": True,
    "'a' < 'B'": False,
    "'' < 'a'": True,
    "'abc' < 'abd'": True,
    "false < true": True,
    "true < true": False,
    "null < null": ERROR,
    "[1] < [2]": ERROR,
    "'a' < 1": ERROR,
    "2 <= 2": True,
    "3 >= 4": False,
    "'é' > 'z'": True,
    "1 in [1, 2]": True,
    "3 in [1, 2]": False,
    "'a' in []": False,
    "1 in [1.0]": True,
    "'b' in 'abc'": ERROR,
}
INTEGERS = {
    "40 + 2": 42,
    "42 - 12 - 1": 29,
    "-7 / 2": -3,
    "7 / -2": -3,
    "-7 % 2": -1,
    "7 % -2": 1,
    "-7 % -2": -1,
    "1 / 0": ERROR,
    "1 % 0": ERROR,
    "-(3)": -3,
    "--3": 3,
    "5 - -3": 8,
    "2 * 3 / 4": 1,
    "2 * (3 / 4)": 0,
    "'a' * 2": ERROR,
    "'a' - 'b'": ERROR,
    "true + true": ERROR,
    "-true": ERROR,
    "null + 1": ERROR,
}
DOUBLES = {
    "0.25 + 0.5": Decimal("0.75"),
    "1.5 * 2.0": 3,
    "5.0 / 2.0": Decimal("2.5"),
    "-0.5 - 0.5": -1,
    "1.5 % 1.0": ERROR,
    "double(3)": 3,
    "double(7) / double(2)": Decimal("3.5"),
}
LOGIC = {
    "true && true": True,
    "true && false": False,
    "false && (1 / 0 > 2)": False,
    "(1 / 0 > 2) && false": False,
    "true && (1 / 0 > 2)": ERROR,
    "(1 / 0 > 2) && true": ERROR,
    "(1 / 0 > 2) && (2 / 0 > 3)": ERROR,
    "true || (1 / 0 > 2)": True,
    "(1 / 0 > 2) || true": True,
    "false || (1 / 0 > 2)": ERROR,
    "(1 / 0 > 2) || false": ERROR,
    "false || false": False,
    "'horses' && false": False,
    "false && 'horses'": False,
    "true && 'horses'": ERROR,
    "'horses' && true": ERROR,
    "'horses' || true": True,
    "true || 'horses'": True,
    "false || 'horses'": ERROR,
    "'horses' && 'points'": ERROR,
    "!true": False,
    "!!false": False,
    "!0": ERROR,
    "!''": ERROR,
    "true || false && false": True,
    "!true || true": True,
    "true ? 1 : 2": 1,
    "false ? 1 : 2": 2,
    "true ? 1 : (1 / 0)": 1,
    "false ? (1 / 0) : 2": 2,
    "(1 / 0 > 1) ? 1 : 2": ERROR,
    "'x' ? 1 : 2": ERROR,
    "null ? 1 : 2": ERROR,
    "false ? 1 : true ? 2 : 3": 2,
}
STRINGS = {
    "size('')": 0,
    "size('abc')": 3,
    "'abc'.size()": 3,
    "'foobar'.startsWith('foo')": True,
    "'foobar'.startsWith('bar')": False,
    "''.startsWith('foo')": False,
    "''.startsWith('')": True,
    "'foobar'.endsWith('bar')": True,
    "'foobar'.endsWith('foo')": False,
    "'foobar'.contains('ob')": True,
    "'foobar'.contains('')": True,
    "'foobar'.contains('x')": False,
    "'he' + 'llo'": "hello",
    "'' + ''": "",
    "'¢' + 'ÿ'": "¢ÿ",
    "'hubba'.matches('ubb')": True,
    "'hubba'.matches('^ubb')": False,
    "''.matches('^$')": True,
    "'mañana'.matches('a+ñ+a+ñ*a*')": True,
    "'abcd'.matches('^.{4}$')": True,
    "matches('ab', 'b$')": True,
    "'a'.startsWith(1)": ERROR,
    "1.contains('a')": ERROR,
    "[1].contains(1)": ERROR,
}
LISTS = {
    "[] + []": [],
    "[] + [3, 4]": [3, 4],
    "[1] + [2]": [1, 2],
    "[1] + 2": ERROR,
    "size([])": 0,
    "[1, 2, 3].size()": 3,
    "size(5)": ERROR,
    "size(null)": ERROR,
    "'a' in ['b', 'a']": True,
    "[1] in [[1], [2]]": True,
}
MACROS = {
    "[1, 2, 3].exists(e, e > 1)": True,
    "[1, 2, 3].exists(e, e > 7)": False,
    "[].exists(e, e == 2)": False,
    "[1, 2, 3].exists(e, e / 0 == 17)": ERROR,
    "[1, 'foo', 3].exists(e, e == 3)": True,
    "[0, 1].exists(e, 1 / e == 1)": True,
    "[1, 2, 3].all(e, e > 0)": True,
    "[1, 2, 3].all(e, e == 2)": False,
    "[].all(e, e > 0)": True,
    "[1, 2, 3].all(e, e / 0 != 17)": ERROR,
    "[1, 2].all(e, [1, 2].exists(f, f == e))": True,
    "[[1], [2]].all(l, l.exists(i, i > 0))": True,
    "5.all(e, true)": ERROR,
    "null.exists(e, true)": ERROR,
    "[1].all(e, 5)": ERROR,
    "has(m.a)": True,
    "has(m.b)": False,
    "has(m.a) && m.a == 1": True,
    "m.b": ERROR,
    "m.a": 1,
    "has(y.b)": ERROR,
}
TIMES = {
    "timestamp('2009-02-13T23:31:30Z') == timestamp('2009-02-14T00:31:30+01:00')": True,
    "timestamp('2009-02-13T23:31:30Z') < timestamp('2009-02-13T23:31:31Z')": True,
    "timestamp('2009-02-13T23:00:00Z') + duration('240s')": "2009-02-13T23:04:00.000Z",
    "duration('120s') + timestamp('2009-02-13T23:01:00Z')": "2009-02-13T23:03:00.000Z",
    "timestamp('2009-02-13T23:10:00Z') - duration('600s')": "2009-02-13T23:00:00.000Z",
    "timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z')": "120s",
    "duration('600s') + duration('50s')": "650s",
    "duration('145s') - duration('100s')": "45s",
    "duration('1h') == duration('60m')": True,
    "duration('1.5s') == duration('1500ms')": True,
    "duration('-1s') < duration('0s')": True,
    "timestamp('9999-12-31T23:59:59Z') + duration('1s')": ERROR,
    "timestamp('0001-01-01T00:00:00Z') - duration('1s')": ERROR,
    "timestamp('2009-02-13T23:31:30')": ERROR,
    "timestamp('2009-13-01T00:00:00Z')": ERROR,
    "duration('5')": ERROR,
    "duration('x')": ERROR,
    "timestamp('2009-02-13T23:31:30Z') + timestamp('2009-02-13T23:31:30Z')": ERROR,
    "duration('1s') * 2": ERROR,
    "timestamp('2009-02-13T23:31:30Z') > duration('1s')": ERROR,
}
PARSE = {
    "1 +": ERROR,
    "": ERROR,
    "(1": ERROR,
    "'a": ERROR,
    "1 = 1": ERROR,
    "a b": ERROR,
    "1 === 1": ERROR,
    "while": ERROR,
    "'\\z'": ERROR,
    "'\\uD800'": ERROR,
    "[1, 2": ERROR,
    "?": ERROR,
    "true && && true": ERROR,
}
# Expression → the specification's answer, Covey's.
DIFFERENT: dict[str, tuple[Any, Any]] = {
    "1 == 'a'": (False, ERROR),
    "'1' != 1": (True, ERROR),
    "1 in ['a']": (False, ERROR),
    "[1, 'a'] == [1, 2]": (False, ERROR),
    "9223372036854775807 + 1": (ERROR, 9223372036854775808),
    "1.0 / 0.0 > 5.0": (True, ERROR),
    "0.1 + 0.2 == 0.3": (False, True),
    "1 + 1.5": (ERROR, Decimal("2.5")),
    "has(n.a)": (True, False),
    "1 < 2 == true": (True, ERROR),  # comparisons do not chain
    "true ? false ? 1 : 2 : 3": (ERROR, 2),
    "size('żółw😀')": (5, 5),
}
SAME: dict[str, Any] = {
    text: value
    for area in (
        *(BASIC, COMPARISONS, INTEGERS, DOUBLES, LOGIC),
        *(STRINGS, LISTS, MACROS, TIMES, PARSE),
    )
    for text, value in area.items()
}
# What `cel` itself answers otherwise than the specification.
THEIR_FAULTS = {
    "'\\z'",
    "-true",
    "[0, 1].exists(e, 1 / e == 1)",  # an error ends it, though a later item decides
    "duration('120s') + timestamp('2009-02-13T23:01:00Z')",
    "matches('ab', 'b$')",
}
SCOPE: dict[str, Any] = {"m": {"a": 1}, "n": {"a": None}, "y": None}


def ours(text: str) -> Any:
    try:
        value = parse(text).evaluate(Values(SCOPE))
    except (EvaluationError, ExpressionError):
        return ERROR
    return str(value) if isinstance(value, (Timestamp, Duration)) else value


def theirs(text: str) -> Any:
    try:
        value = cel.evaluate(text, SCOPE)
    except (TypeError, ValueError, RuntimeError, OverflowError, KeyError, ZeroDivisionError):
        return ERROR
    if isinstance(value, datetime):
        return rfc3339(round(value.timestamp() * 1000))
    return (
        str(Duration(value // timedelta(milliseconds=1))) if isinstance(value, timedelta) else value
    )


@pytest.mark.parametrize(("text", "expected"), SAME.items())
def test_a_case_of_the_specification(text: str, expected: Any) -> None:
    actual = ours(text)
    assert actual == expected
    assert isinstance(actual, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(("text", "answers"), DIFFERENT.items())
def test_what_differs_does_so_as_described(text: str, answers: tuple[Any, Any]) -> None:
    assert ours(text) == answers[1]


@pytest.mark.parametrize("text", sorted(SAME.keys() - THEIR_FAULTS))
def test_the_table_is_right_about_cel(text: str) -> None:
    assert theirs(text) == SAME[text]


def test_there_are_enough_cases() -> None:
    assert len(SAME) >= 200
