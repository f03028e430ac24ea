"""Why an expression held or did not."""

from __future__ import annotations

import json

from covey.expressions import Timestamp, explain, parse
from tests.layers.core.expressions.trees import Values


def test_each_clause_is_explained() -> None:
    rule = parse("published || author == auth.id && !(created > now)")
    scope = Values(published=False, author="u2", auth=None, created=Timestamp(0), now=Timestamp(1))
    explained = explain(rule, scope)
    assert explained == {
        "text": "published || author == auth.id && !(created > now)",
        "error": "null has no id",
        "clauses": [
            {"text": "published", "value": False},
            {
                "text": "author == auth.id && !(created > now)",
                "error": "null has no id",
                "clauses": [
                    {
                        "text": "author == auth.id",
                        "error": "null has no id",
                        "reads": {"auth.id": None, "author": "u2"},
                    },
                    {
                        "text": "!(created > now)",
                        "value": True,
                        "clauses": [
                            {
                                "text": "created > now",
                                "value": False,
                                "reads": {
                                    "created": "1970-01-01T00:00:00.000Z",
                                    "now": "1970-01-01T00:00:00.001Z",
                                },
                            }
                        ],
                    },
                ],
            },
        ],
    }
    json.dumps(explained)


def test_long_values_are_cut_and_variables_are_no_reads() -> None:
    explained = explain(parse("tags.exists(t, t == x)"), Values(tags=["y"] * 500, x="z" * 500))
    assert set(explained["reads"]) == {"tags", "x"}
    assert len(explained["reads"]["tags"]) == 200
    assert len(explained["reads"]["x"]) == 201
