"""Every message that docs/protocol.md shows is as the documents for programs say, and theirs are on the page."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.serving.documents.asyncapi import SHOWING, asyncapi
from gateway.serving.documents.examples import examples
from gateway.serving.documents.openapi import openapi

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/serving"))
from documented import application, closed, message_of, wrong_message, wrongs  # noqa: E402  # found by that path

PAGE = (ROOT / "docs/protocol.md").read_text()
NAMED = dict(re.findall(r"<!-- example: ([\w ]+) -->\n```json\n(.*?)```", PAGE, re.DOTALL))
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
MESSAGES = [block for block in BLOCKS if "method" in block or {"topic", "type"} <= set(block)]
PROBLEMS = [block for block in BLOCKS if "title" in block]
EXAMPLES = examples().messages
STREAM = closed(json.loads(json.dumps(asyncapi("1"))))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: message_of(STREAM, one))
def test_every_message_that_is_shown_is_as_the_document_says(message: dict[str, Any]) -> None:
    assert wrong_message(STREAM, message) == []


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_that_is_shown_is_as_the_document_says(problem: dict[str, Any]) -> None:
    document = closed(json.loads(json.dumps(openapi(application(), "1"))))
    assert wrongs(document, {"$ref": "#/components/schemas/Problem"}, problem) == []


def test_the_examples_of_the_document_are_those_of_the_page() -> None:
    assert len(MESSAGES) + len(PROBLEMS) >= 15
    assert all(example in BLOCKS for example in EXAMPLES.values())
    shown = {name for names in SHOWING.values() for name in names}
    assert shown == set(EXAMPLES) - {"problem"}
    assert {name for name in NAMED if json.loads(NAMED[name]) in MESSAGES} <= shown
