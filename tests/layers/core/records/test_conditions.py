"""RFC 9110, section 13, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import BadRequest, PreconditionFailed
from covey.records.conditions import Conditions, parse_tags

WRITES = {
    # name: (If-Match, If-None-Match, what is there, may it be written)
    "no conditions on a record": (None, None, '"3"', True),
    "no conditions on nothing": (None, None, None, True),
    "the current version": ('"3"', None, '"3"', True),
    "a stale version": ('"2"', None, '"3"', False),
    "one of several": ('"1", "3"', None, '"3"', True),
    "several without spaces": ('"1","3"', None, '"3"', True),
    "empty list elements are ignored": (', "3" ,,', None, '"3"', True),
    "a weak tag never matches If-Match": ('W/"3"', None, '"3"', False),
    "a weak tag beside a strong one": ('W/"3", "3"', None, '"3"', True),
    "any record, and there is one": ("*", None, '"3"', True),
    "any record, and there is none": ("*", None, None, False),
    "a version of nothing": ('"1"', None, None, False),
    "only if there is none, and there is none": (None, "*", None, True),
    "only if there is none, and there is one": (None, "*", '"3"', False),
    "not this version, and it is": (None, '"3"', '"3"', False),
    "not this version, weakly, and it is": (None, 'W/"3"', '"3"', False),
    "not this version, and it is not": (None, '"2"', '"3"', True),
    "If-Match is looked at first": ('"2"', '"9"', '"3"', False),
    "a tag that only looks like any": ('"*"', None, '"3"', False),
    "a comma inside a tag": ('"1,3"', None, '"3"', False),
}


@pytest.mark.parametrize("case", WRITES.values(), ids=WRITES.keys())
def test_a_write_proceeds_only_under_its_conditions(
    case: tuple[str | None, str | None, str | None, bool],
) -> None:
    if_match, if_none_match, etag, allowed = case
    conditions = Conditions.parse(if_match, if_none_match)
    if allowed:
        conditions.check(etag)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check(etag)


MALFORMED = ["", "3", '"3', '3"', 'w/"3"', '"3" "4"', '"3";', '*, "3"', '"3", *', "W/3", '"a\nb"']
MALFORMED += [",", '"' + "x" * 5_000 + '"', '"\x7f"', '"3"\x00']


@pytest.mark.parametrize("text", MALFORMED, ids=[repr(text)[:20] for text in MALFORMED])
def test_a_malformed_condition_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_tags("If-Match", text)
    assert caught.value.code == "invalid_precondition"


def test_a_read_with_the_version_that_is_held_is_unchanged() -> None:
    assert Conditions.parse(None, 'W/"3", "7"').unchanged('"3"')
    assert Conditions.parse(None, "*").unchanged('"3"')
    assert not Conditions.parse(None, '"2"').unchanged('"3"')
    assert not Conditions.parse(None, None).unchanged('"3"')
    with pytest.raises(PreconditionFailed):
        Conditions.parse('"2"', '"3"').unchanged('"3"')


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tags = parse_tags("If-Match", text)
    except BadRequest:
        return
    assert tags.any or tags.strong or tags.weak


@given(
    st.lists(st.tuples(st.booleans(), st.from_regex(r"[!#-~]{0,8}", fullmatch=True)), min_size=1)
)
def test_every_tag_of_a_list_is_found(tags: list[tuple[bool, str]]) -> None:
    text = " , ".join(f'{"W/" if weak else ""}"{tag}"' for weak, tag in tags)
    parsed = parse_tags("If-None-Match", text)
    assert all(parsed.match_weakly(f'"{tag}"') for _, tag in tags)
    strong = {f'"{tag}"' for weak, tag in tags if not weak}
    assert parsed.strong == strong
