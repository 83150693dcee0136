"""``gateway token``: who may connect. Works on the configuration's file of tokens, also while the gateway runs."""

import json
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway.cli.plain import say
from gateway.cli.serve import chosen
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.store import Token, TokenFile

token = typer.Typer(help="Tokens of clients.", rich_markup_mode=None)

Config = Annotated[Path | None, typer.Option("--config", help="Default: ./gateway.toml.")]
NEVER: Final = "never"
DEFAULT: Final = "90d"
LONGEST: Final = 64
MOST: Final = 36_500 * 86_400
"""Seconds."""


@token.callback()
def group() -> None:
    """Tokens of clients."""


@token.command("create")
def create(
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope", help="market:read, account:<id>:read, connection:write, metrics, admin; repeatable."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="For whom it is.")] = "",
    ttl: Annotated[str, typer.Option("--ttl", help="How long it is good: 90d, 12h, ...; or never.")] = DEFAULT,
    config: Config = None,
) -> None:
    """Make a token and print it, once: nobody can read it again."""
    from gateway.serving.auth.tokens import mint  # noqa: PLC0415  # --help is quick without it

    settings = _settings(config)
    _check(scopes, name, settings)
    now_us = _now_us()
    text, kept = mint(scopes, name=name, now_us=now_us, expires_us=_end_us(ttl, now_us))
    _file(settings).add(kept)
    _audit(settings, "token_create", kept.id, scopes=list(kept.scopes), expires=_when(kept.expires_us))
    typer.echo(text.reveal())


@token.command("list")
def list_tokens(
    config: Config = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False
) -> None:
    """List the tokens, those included that are revoked or expired; never what they are."""
    now_us = _now_us()
    rows = [_row(one, now_us) for one in _file(_settings(config)).read()]
    if as_json:
        typer.echo(json.dumps(rows))
    elif rows:
        _print_table(rows)
    else:
        typer.echo("There is no token.")


@token.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As list shows it.")], config: Config = None
) -> None:
    """Make a token worthless; whoever is connected by it is closed within a second."""
    settings = _settings(config)
    if _file(settings).revoke(token_id, _now_us()) is None:
        raise ConfigError("ID", "there is no such token; 'gateway token list' shows those that there are")
    _audit(settings, "token_revoke", token_id)
    typer.echo(f"{token_id} is revoked.")


@token.command("forget")
def forget(config: Config = None) -> None:
    """Forget all tokens that are revoked or expired. Where none is left, none is needed on loopback."""
    settings = _settings(config)
    gone = _file(settings).forget(_now_us())
    for one in gone:
        _audit(settings, "token_forget", one)
    typer.echo(f"{len(gone)} forgotten.")


def _settings(config: Path | None) -> "Settings":
    from gateway.config import load  # noqa: PLC0415  # --help is quick without it

    return load(chosen(config), os.environ, {})


def _file(settings: "Settings") -> "TokenFile":
    from gateway.store import TokenFile  # noqa: PLC0415  # --help is quick without it

    return TokenFile(settings.store.path)


def _check(scopes: Sequence[str], name: str, settings: "Settings") -> None:
    from gateway.config.complaints import suggest  # noqa: PLC0415  # --help is quick without it
    from gateway.serving.auth.scopes import account_of  # noqa: PLC0415  # same

    if not name.isprintable() or len(name) > LONGEST:
        raise ConfigError("--name", f"need at most {LONGEST} printable characters")
    for scope in scopes:
        try:
            account = account_of(scope)
        except ValueError as wrong:
            raise ConfigError("--scope", str(wrong)) from None
        if account is not None and account not in settings.accounts:
            hint = suggest(account, settings.accounts)
            raise ConfigError("--scope", f"{scope} names no account that is configured" + hint)


def _end_us(ttl: str, now_us: int) -> int | None:
    from gateway.config import seconds  # noqa: PLC0415  # --help is quick without it

    if ttl == NEVER:
        return None
    try:
        lasts = seconds(ttl)
    except ValueError as wrong:
        raise ConfigError("--ttl", f"{wrong}; or {NEVER!r}") from None
    if lasts > MOST:
        raise ConfigError("--ttl", f"need at most {MOST // 86400} days, or {NEVER!r}")
    return now_us + round(lasts * 1e6)


def _audit(settings: "Settings", action: str, target: str, **facts: object) -> None:
    """Write the line that REST writes for what is asked there: who did it is whoever may write the file."""
    import structlog  # noqa: PLC0415  # --help is quick without it

    from gateway.telemetry import setup_logs  # noqa: PLC0415  # same

    setup_logs("info", settings.log.format)
    known = {"outcome": "done", "token_id": None, "remote": None, "via": "command"}
    structlog.get_logger("gateway").info("audit", action=action, target=target, **known, **facts)


def _row(one: "Token", now_us: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": list(one.scopes),
        "created": _when(one.created_us),
        "expires": _when(one.expires_us),
        "state": str(one.state(now_us)),
    }


def _print_table(rows: Iterable[dict[str, Any]]) -> None:
    lines: list[tuple[str, ...]] = [("id", "name", "scopes", "created", "expires", "state")]
    lines += [tuple(_cell(value) for value in row.values()) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return NEVER if value is None else str(value)


def _when(us: int | None) -> str | None:
    return None if us is None else f"{datetime.fromtimestamp(us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _now_us() -> int:
    return time.time_ns() // 1000
