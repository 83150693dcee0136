"""What an operator sets, or who writes for one: the file, the environment, secrets, OpenTelemetry's variables."""

import math
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from strange import ODD, SECRET, TEXT, VALID, fuzzed, tried

from gateway.app.notify import ServiceManager
from gateway.config import Settings, load, parse_listen
from gateway.config.changes import changed
from gateway.config.credentials import resolve
from gateway.config.durations import seconds
from gateway.config.effective import effective
from gateway.config.loading import parsed
from gateway.config.signing import AccountSigner
from gateway.errors import ConfigError
from gateway.host.permission import check_listed, fingerprint
from gateway.telemetry import asked
from gateway.telemetry.metrics.push import interval_of

TOLD = 25_000
"""Characters: a message names a key of the operator's own file as it stands there."""
KEYS = st.sampled_from(
    [
        *(
            "server",
            "listen",
            "tls",
            "cert",
            "key",
            "allowed_hosts",
            "allowed_origins",
            "authentication",
            "limits",
        ),
        *(
            "exchanges",
            "mock",
            "binance",
            "environment",
            "heartbeat_interval",
            "endpoints",
            "stream",
            "allow_private",
        ),
        *("accounts", "main", "exchange", "api_key", "secret", "plugins", "options", "allow", "store", "path"),
        *("subscriptions", "retention", "telemetry", "traces", "metrics", "rollover", "window", "client", "queue"),
    ]
)
LEAVES = (
    ODD
    | TEXT
    | st.sampled_from(
        [
            "127.0.0.1:1",
            "0.0.0.0:0",
            "[::1]:80",
            "15s",
            "30d",
            "env:X",
            SECRET,
            "02:00-04:00",
            "wss://x.example",
            "http://169.254.169.254",
        ]
    )
    | st.sampled_from([-1, 10**30, math.inf, math.nan])
)
TABLES = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=3),
    lambda inner: st.dictionaries(
        KEYS | st.text(max_size=3), inner | LEAVES | st.lists(inner | LEAVES, max_size=2), max_size=4
    ),
    max_leaves=10,
)


@fuzzed(25)
@given(tables=TABLES)
@example(tables={"accounts": {"main": {"exchange": "mock", "api_key": SECRET, "secret": SECRET}}})
@example(tables={"server": {"listen": "x" * 20_000}})
def test_tables_are_settings_or_refused_by_their_key(tables: dict[str, Any]) -> None:
    found = tried(lambda: load(None, {}, tables), ConfigError, told=TOLD)
    if found is not None:
        assert isinstance(found, Settings)
        shown = effective(found)
        assert SECRET not in str(shown.get("accounts"))
        assert changed(found, found) == changed(load(None, {}, {}), load(None, {}, {}))


@fuzzed(5)
@given(
    content=st.binary(max_size=60)
    | st.text(st.sampled_from("[]{}=.'\"\n#ab1 ,\\u")).map(str.encode)
    | VALID.map(str.encode)
)
@example(content=b"a = " + b"[" * 50_000)
@example(content=b"a = " + b"9" * 5_000)
@example(content=b"\xff")
@example(content=b"a." * 500 + b"b = 1")
@example(content=b"exchanges.mock.heartbeat_interval = 0x" + b"f" * 5_000)
@example(content=b"server.limits.clients = 0x" + b"f" * 5_000)
@example(content=b"x = 0x" + b"f" * 5_000)
@example(content=b"exchanges.mock.environment = 0x" + b"f" * 5_000)
def test_a_file_is_toml_or_refused(content: bytes) -> None:
    found = tried(lambda: parsed(Path("gateway.toml"), content), ConfigError, told=TOLD)
    if found is not None:
        tried(lambda: load(Path("gateway.toml"), {}, {}, read=lambda _: found), ConfigError, told=TOLD)


NAMES = st.lists(KEYS | st.text(st.sampled_from("ab_-0"), max_size=5), min_size=1, max_size=4).map(
    lambda parts: "GATEWAY_" + "__".join(parts).upper()
)
VALUES = TEXT | st.sampled_from(["[" * 50_000, "9" * 5_000, "{a = 1}", "0x" + "f" * 5_000, SECRET, "1\nb = 2"])


@fuzzed(25)
@given(environ=st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=4))
@example(environ={"GATEWAY_" + "A__" * 5_000 + "B": "1"})
@example(environ={"GATEWAY_SERVER__LISTEN": "0x" + "f" * 5_000})
@example(environ={"GATEWAY_ACCOUNTS__MAIN__SECRET": SECRET})
def test_the_environment_is_settings_or_refused(environ: dict[str, str]) -> None:
    found = tried(lambda: load(None, environ, {}), ConfigError, told=20_000)
    assert found is None or isinstance(found, Settings)


@fuzzed()
@given(text=TEXT | st.from_regex(r"[0-9.]{0,5} ?(ms|s|m|h|d|x)?", fullmatch=True))
def test_lengths_of_time_and_addresses_are_read_or_refused(text: str) -> None:
    length = tried(lambda: seconds(text), ValueError)
    assert length is None or 0 < length < math.inf
    found = tried(lambda: parse_listen(text), ConfigError, told=TOLD)
    assert found is None or (found[0] and 0 <= found[1] <= 65_535)


@fuzzed(8)
@given(
    reference=TEXT
    | st.sampled_from(
        ["env:X", "file:{}", "systemd:x", "systemd:..", "file:\0", "file:/", "keyring:a/b", "env:{}"]
    ),
    content=st.binary(max_size=40)
    | st.sampled_from([b"", b"\n", b"x" * 70_000, SECRET.encode(), SECRET.encode() + b"\xff"]),
)
@example(reference="file:{}", content=SECRET.encode() + b"\xff")
@example(reference="file:{}", content=SECRET.encode() * 5_000)
@example(reference="systemd:secret", content=SECRET.encode())
@example(reference="env:X", content=SECRET.encode() + b"\xff")
def test_a_secret_is_read_or_its_reference_is_named_and_nothing_of_it(
    tmp_path: Path, reference: str, content: bytes
) -> None:
    place = tmp_path / "secret"
    place.write_bytes(content)
    place.chmod(0o600)
    environ = {"X": content.decode("utf-8", "surrogateescape"), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = tried(lambda: resolve(reference.replace("{}", str(place)), environ), ConfigError, told=TOLD)
    assert found is None or SECRET not in repr(found) + str(found)


@fuzzed()
@given(
    secret=TEXT
    | st.sampled_from(
        [f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----", f"-----BEGIN {SECRET}"]
    )
)
def test_a_key_is_read_or_refused_without_showing_it(secret: str) -> None:
    from gateway.config import Secret

    signer = tried(lambda: AccountSigner(Secret("k"), Secret(secret)), ConfigError, ValueError)
    assert signer is None or SECRET not in repr(signer)


OTEL = st.sampled_from(
    [
        *("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_BSP_MAX_QUEUE_SIZE"),
        *("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"),
        *("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "OTEL_METRIC_EXPORT_INTERVAL"),
    ]
)
SAID = TEXT | st.sampled_from(
    [
        *("otlp", "console,otlp", "none", "http/protobuf", "grpc", "true", "100", "1e3", "nan", "-5"),
        *("http://collector:4318", "https://u:p@[::1", "http://x:99999", "ftp://x", "a=b,c=d", "%zz=%ff", "=,=,"),
        *(f"authorization=Bearer {SECRET}", f"{SECRET}", f"https://u:{SECRET}@h:x", f"bad header={SECRET}"),
    ]
)


@fuzzed(6)
@given(environ=st.dictionaries(OTEL, SAID, max_size=5))
@example(environ={"OTEL_EXPORTER_OTLP_HEADERS": SECRET})
@example(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": f"https://u:{SECRET}@h:x"})
@example(environ={"OTEL_BSP_MAX_QUEUE_SIZE": "9" * 5_000})
def test_opentelemetrys_variables_are_obeyed_or_refused(environ: dict[str, str]) -> None:
    secret = (
        SECRET
        if any("HEADERS" in name or "ENDPOINT" in name for name, said in environ.items() if SECRET in said)
        else "\0never"
    )
    if any(SECRET in said for name, said in environ.items() if "HEADERS" not in name and "ENDPOINT" not in name):
        secret = "\0never"  # what is no place for a secret may be told
    for signal in ("traces", "metrics"):
        names = tried(lambda signal=signal: asked.exporters(signal, "otlp", environ), ConfigError, secret=secret)
        assert names is None or names <= {"console", "otlp"}
        found = tried(lambda signal=signal: asked.target(signal, environ), ConfigError, secret=secret)
        assert found is None or found.keys() <= {"endpoint", "headers"}
    batching = tried(lambda: asked.batching(environ), ConfigError, secret=secret)
    assert batching is None or 0 < batching.batch <= batching.queue
    interval = tried(lambda: interval_of(environ), ConfigError, secret=secret)
    assert interval is None or 0 < interval < math.inf
    assert asked.resource(environ).attributes["service.name"] or "service.name" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )


@fuzzed()
@given(address=TEXT | st.just("/run/x"), usec=TEXT | st.integers().map(str), pid=TEXT | st.just("7"))
@example(address="/run/x", usec="9" * 5_000, pid="")
def test_what_the_service_manager_says_is_believed_or_not(address: str, usec: str, pid: str) -> None:
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}
    watchdog = ServiceManager.of(environ, 7).watchdog
    assert watchdog is None or 0 < watchdog < math.inf


@fuzzed()
@given(
    entries=st.lists(
        TEXT | st.from_regex(r"[a-z]{1,5}(@[A-Za-z._-]{1,5}(#sha256:[0-9a-f]{64})?)?", fullmatch=True), max_size=3
    )
)
def test_the_list_of_plugins_lets_in_whom_it_names(entries: list[str]) -> None:
    from gateway.errors import PluginError

    tried(lambda: check_listed("mock", entries), PluginError, told=80_000)
    assert fingerprint("no such " + (entries[0] if entries else "")) is None
