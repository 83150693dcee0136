"""Whose secrets are looked up, and that they are hidden from then on."""

import pytest

from gateway.app.signers import signers_at
from gateway.config import AccountSettings
from gateway.telemetry import scrubbing
from gateway.telemetry.scrubbing import Scrubber


def test_what_is_read_is_hidden_from_the_log_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    scrubber = Scrubber()
    monkeypatch.setattr("gateway.app.signers.SCRUBBER", scrubber)
    account = AccountSettings(exchange="mock", api_key="env:KEY", secret="env:SECRET")
    signers_at("mock", {"main": account}, {"KEY": "canary-of-the-key", "SECRET": "canary-of-the-secret"})
    assert scrubber.scrub("canary-of-the-key, canary-of-the-secret") == "***, ***"
    assert scrubbing.SCRUBBER is not scrubber
