"""Every file that reads what others wrote has a test that writes anything into it, and the page lists them."""

import parserfiles
import parsertable
from fuzz import command, shares


def test_every_file_that_reads_is_in_the_list_or_has_a_reason() -> None:
    listed = {file for one in parsertable.parsers() for file in one.reads}
    found = set(parserfiles.reading())
    assert found - listed - parsertable.elsewhere().keys() == set(), "no test writes anything into these"
    assert parsertable.elsewhere().keys() - found == set(), "these do not read"
    assert listed & parsertable.elsewhere().keys() == set()
    assert [file for file in listed if not (parsertable.ROOT / file).is_file()] == []


def test_every_test_of_the_list_is_there_and_is_given_what_hypothesis_makes() -> None:
    for one in parsertable.parsers():
        assert one.tests, one.what
        assert one.area in parsertable.AREAS
        for test in one.tests:
            path, _, name = test.partition("::")
            assert name in parsertable.given(parsertable.ROOT / path), test


def test_every_such_test_of_this_folder_is_in_the_list() -> None:
    here = parsertable.LIST.parent
    names = {path.name: parsertable.given(path) for path in here.glob("test_*.py")}
    found = {f"tests/fuzz/{file}::{name}" for file, given in names.items() for name in given}
    assert found - {test for one in parsertable.parsers() for test in one.tests} == set()


def test_a_file_that_begins_to_read_is_noticed() -> None:
    source = "import orjson\ndef f(request, text):\n    return orjson.loads(text), request.query['a']\n"
    assert set(parserfiles._used(parserfiles.ast.parse(source))) == {"loads", "query"}


def test_the_page_has_the_list_as_it_is() -> None:
    page = parsertable.PAGE.read_text("utf-8")
    assert parsertable.renewed(page) == page, "python tests/fuzz/parsertable.py writes it anew"


def test_the_long_run_takes_each_area_in_turn_and_can_be_repeated() -> None:
    assert list(shares(600)) == [(area, 100.0) for area in parsertable.AREAS]
    words = command(["a::b"], 7)
    assert words[-2:] == ["--hypothesis-seed=7", "a::b"]
    assert "--hypothesis-profile=long" in words
