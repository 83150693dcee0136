"""The configuration: its file, what it says, and the secrets that it refers to."""

import os

import pytest

from gateway.app.doctor import configuration

CANARY = "canary-7f3a"
MAIN = {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}


def test_one_that_can_be_read_none_and_one_that_cannot_be_read_are_told_apart(case, said):
    assert said(configuration.readable(case()))[0]
    assert said(configuration.readable(case(settings=None, path=None)))[1]
    [wrong] = said(configuration.readable(case(settings=None, problem="server.listen: is nonsense")))[2]
    assert "server.listen: is nonsense" in wrong


def test_one_that_is_not_there_is_named_once_and_whoever_looks_is_told_how_to_name_another(case, tmp_path):
    path = tmp_path / "missing.toml"
    problem = f"{path}: cannot be read: No such file or directory"
    [found] = configuration.readable(case(settings=None, path=path, problem=problem))
    assert found.text == f"{problem}; nothing else that needs it was looked at"
    assert found.todo.startswith("name one with --config")


@pytest.mark.skipif(os.name != "posix", reason="only there are modes")
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_wrong(case, said, mode):
    one = case()
    assert said(configuration.guarded(one))[0] == ["only its owner may change it"]
    one.path.chmod(mode)
    assert said(configuration.guarded(one))[2] == [f"others may write {one.path} (mode {mode:04o})"]


def test_a_configuration_that_fits_is_well(case, said):
    assert said(configuration.fitting(case({"exchanges": {"mock": {}}}))) == (["what it says can be done"], [], [])


def test_each_exchange_is_looked_at_by_itself_and_each_problem_told_once(case, said):
    tables = {
        "exchanges": {"mock": {"environment": "nope"}, "binance": {"environment": "live-ish"}},
        "plugins": {"options": {"mock": {"nonsense": 1}}},
    }
    well, _, wrong = said(configuration.fitting(case(tables)))
    assert not well
    assert [one.partition(":")[0] for one in wrong] == [
        "exchanges.mock.environment",
        "exchanges.binance.environment",
    ]


def test_options_of_an_exchange_that_is_not_there_are_wrong(case, said):
    tables = {"exchanges": {"mock": {}}, "plugins": {"options": {"binance": {}}}}
    [wrong] = said(configuration.fitting(case(tables)))[2]
    assert wrong.startswith("plugins.options.binance: names no exchange")


def test_keys_without_effect_are_told(case, said):
    [better] = said(configuration.fitting(case({"exchanges": {"mock": {"region": "eu"}}})))[1]
    assert better.startswith("exchanges.mock.region is known")


def test_an_exposed_server_is_another_checks_matter(case, said):
    tables = {"server": {"listen": "0.0.0.0:1"}, "exchanges": {"mock": {}}}
    assert said(configuration.fitting(case(tables))) == (["what it says can be done"], [], [])


def accounts(**more):
    return {"exchanges": {"mock": {}}, "accounts": {"main": {**MAIN, **more}, "other": MAIN}}


def test_secrets_that_can_be_had_are_never_shown(case, said):
    found = list(configuration.secrets(case(accounts(), environ={"KEY": "k", "SECRET": CANARY})))
    well, _, wrong = said(found)
    assert well == [
        f"accounts.{name}: api_key and secret can be had; it signs with a key of type hmac"
        for name in ("main", "other")
    ]
    assert not wrong
    assert CANARY not in repr(found)


def test_one_that_is_missing_hides_no_other_account(case, said):
    found = configuration.secrets(case(accounts(secret="env:NOPE"), environ={"KEY": "k", "SECRET": CANARY}))
    well, _, wrong = said(found)
    assert wrong == ["accounts.main.secret: env:NOPE: this environment variable is not set"]
    assert len(well) == 1


@pytest.mark.skipif(os.name != "posix", reason="only there are modes")
def test_a_secret_that_others_may_read_is_wrong_and_not_shown(case, said, tmp_path):
    file = tmp_path / "secret"
    file.write_text(CANARY)
    file.chmod(0o644)
    found = list(configuration.secrets(case(accounts(secret=f"file:{file}"), environ={"KEY": "k", "SECRET": "s"})))
    [wrong] = said(found)[2]
    assert "others may use it (mode 0644): chmod 600 it" in wrong
    assert CANARY not in repr(found)


def test_a_key_of_another_type_than_is_said_is_wrong(case, said):
    found = list(configuration.secrets(case(accounts(key_type="rsa"), environ={"KEY": "k", "SECRET": CANARY})))
    assert "key_type says" in said(found)[2][0]
    assert CANARY not in repr(found)
