"""Plugins that are installed, and those that are configured."""

from dataclasses import replace

import pytest

from gateway.app.doctor import plugins
from gateway.host import Installed, host
from gateway.spi import hookimpl
from gateway_mock.plugin import MockExchange


def test_all_that_are_installed_are_listed_and_two_that_claim_one_exchange_are_wrong(case, said, monkeypatch):
    here = (
        Installed("acme", "acme-one", "1", "a:b"),
        Installed("acme", "acme-two", "2", "c:d"),
        Installed("mock", "exchange-gateway", "3", "e:f"),
    )
    monkeypatch.setattr(plugins, "installed", lambda: here)
    well, _, wrong = said(plugins.found(case()))
    assert wrong == ["acme is claimed by acme-one 1 and acme-two 2"]
    assert well == ["installed are mock (exchange-gateway 3)"]


def test_an_installation_without_a_plugin_is_advised_to_have_one(case, said, monkeypatch):
    monkeypatch.setattr(plugins, "installed", lambda: ())
    assert said(plugins.found(case())) == ([], ["no plugin is installed"], [])


def test_one_that_is_configured_and_can_be_used_says_what_it_has(case, said):
    well, better, wrong = said(plugins.usable(case({"exchanges": {"mock": {}}})))
    assert well[0].startswith("mock: its plugin speaks version ")
    assert not better
    assert not wrong


def test_nothing_that_is_configured_is_worth_advice(case, said):
    assert said(plugins.usable(case()))[1] == ["no exchange is configured"]


class Other(MockExchange):
    """For another version of the contract."""

    @hookimpl
    def gateway_exchange_info(self):
        return replace(MockExchange.gateway_exchange_info(self), spi_version=99)


class Nothing:
    """No plugin."""


@pytest.mark.parametrize(
    ("tables", "plugin", "problem", "todo"),
    [
        ({"plugins": {"allow": []}}, None, "is not in the list of allowed plugins", "add it to plugins.allow"),
        ({}, Other, "version 99 of the plugin contract", "install a version of the plugin"),
        ({}, Nothing, "has no hook", "ask the plugin's author"),
    ],
)
def test_one_that_cannot_be_used_says_why_and_what_to_do(case, said, monkeypatch, tables, plugin, problem, todo):
    if plugin is not None:
        monkeypatch.setattr(host, "imported", lambda _: plugin())
    found = list(plugins.usable(case({"exchanges": {"mock": {}}, **tables})))
    _, _, [wrong] = said(found)
    assert wrong.startswith("mock: its plugin cannot be used: ")
    assert problem in wrong
    assert found[0].todo.startswith(todo)


def test_one_that_is_not_installed_hides_no_other(case, said):
    well, _, [wrong] = said(plugins.usable(case({"exchanges": {"nope": {}, "mock": {}}})))
    assert "is not installed" in wrong
    assert len(well) == 1
