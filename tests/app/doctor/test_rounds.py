"""All checks one after another; one that fails hides no other."""

from gateway.app.doctor import Verdict, examine
from gateway.app.doctor.findings import well
from gateway.app.doctor.rounds import CHECKS, OF_CONFIGURATION

CANARY = "canary-7f3a"


def fine(_):
    yield well("fine")


def broken(_):
    yield well("first")
    raise KeyError(CANARY)


def test_a_check_that_fails_is_told_as_such_and_hides_no_other(case):
    found = list(examine(case(), {"broken": broken, "fine": fine}, {}))
    assert [(one.check, one.verdict, one.text) for one in found if one.verdict is Verdict.OK] == [
        ("broken", "ok", "first"),
        ("fine", "ok", "fine"),
    ]
    [failed] = [one for one in found if one.verdict is Verdict.WRONG]
    assert failed.check == "broken"
    assert failed.text.startswith("this check itself failed: KeyError in test_rounds.py, line ")
    assert failed.todo
    assert CANARY not in repr(found)


def test_without_a_configuration_what_needs_one_is_left_out(case):
    assert [one.check for one in examine(case(settings=None), {"a": fine}, {"b": broken})] == ["a"]
    assert [one.check for one in examine(case(), {"a": fine}, {"b": fine})] == ["a", "b"]


def test_no_check_fails_on_a_plain_configuration_nor_without_one(case, tmp_path):
    tables = {
        "server": {"listen": "127.0.0.1:0"},
        "exchanges": {"mock": {}},
        "store": {"path": str(tmp_path / "gateway.db")},
    }
    for one in (case(tables), case(settings=None, path=None)):
        found = list(examine(one))
        assert not [finding for finding in found if finding.verdict is Verdict.WRONG]
        assert {finding.check for finding in found} <= {*CHECKS, *OF_CONFIGURATION}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gateway.toml"]  # nothing was made


def test_no_check_leaves_this_machine_unless_it_is_asked_to(case, monkeypatch):
    def nobody(*_):
        raise AssertionError("a name was looked up")

    monkeypatch.setattr("socket.getaddrinfo", nobody)
    found = list(examine(case({"server": {"listen": "127.0.0.1:0"}, "exchanges": {"binance": {}, "mock": {}}})))
    assert not [one for one in found if "itself failed" in one.text or one.check == "exchanges"]
