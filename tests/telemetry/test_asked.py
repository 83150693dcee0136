"""What the environment asks of an exporter, and that nothing of it that may be secret is shown."""

import logging

import pytest

from gateway.errors import ConfigError
from gateway.telemetry import SCRUBBER
from gateway.telemetry.asked import Batching, Signal, batching, resource, target

SECRET = "hunter2-hunter2"  # nobody's
BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318/"}
SIGNALS = pytest.mark.parametrize("signal", ["traces", "metrics"])


@SIGNALS
@pytest.mark.parametrize("said", ["", "http/protobuf", " HTTP/protobuf "])
def test_the_protocol_that_is_spoken_may_be_asked_for(signal: Signal, said: str) -> None:
    asked = {**BASE, "OTEL_EXPORTER_OTLP_PROTOCOL": said}
    assert target(signal, asked) == {"endpoint": f"http://127.0.0.1:4318/v1/{signal}"}


@SIGNALS
@pytest.mark.parametrize("said", ["grpc", "http/json"])
@pytest.mark.parametrize("key", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_{}_PROTOCOL"])
def test_any_other_is_refused_by_name(signal: Signal, key: str, said: str) -> None:
    key = key.format(signal.upper())
    with pytest.raises(
        ConfigError, match=f"must be http/protobuf, the only one that is spoken here, not '{said}'"
    ) as no:
        target(signal, {key: said})
    assert no.value.key == key


@SIGNALS
@pytest.mark.parametrize(
    "said", [f"localhost:4318/{SECRET}", f"ftp://h/{SECRET}", f"http://[::1/{SECRET}", "http://h:port", "http://"]
)
@pytest.mark.parametrize("key", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_{}_ENDPOINT"])
def test_an_endpoint_that_is_no_url_is_named_and_not_repeated(signal: Signal, key: str, said: str) -> None:
    key = key.format(signal.upper())
    with pytest.raises(ConfigError) as no:
        target(signal, {key: said})
    assert (no.value.key, no.value.problem) == (key, "must be the URL of a collector, http://... or https://...")


@SIGNALS
def test_an_endpoint_of_its_own_is_taken_as_it_is(signal: Signal) -> None:
    own = {f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": "https://h:1/x", **BASE}
    assert target(signal, own) == {"endpoint": "https://h:1/x"}


@SIGNALS
def test_headers_are_read_and_their_own_come_first(signal: Signal) -> None:
    both = {
        "OTEL_EXPORTER_OTLP_HEADERS": "x-all=1",
        f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS": f"Authorization=Bearer%20{SECRET}, x-team = a=b ,",
    }
    assert target(signal, both) == {"headers": {"authorization": f"Bearer {SECRET}", "x-team": "a=b"}}
    assert target(signal, {"OTEL_EXPORTER_OTLP_HEADERS": "x-all=1"}) == {"headers": {"x-all": "1"}}


@pytest.mark.parametrize("said", [SECRET, f"a b={SECRET}", f"={SECRET}", f"a={SECRET}%0Ab"])
def test_headers_that_make_no_sense_are_not_repeated(said: str) -> None:
    with pytest.raises(ConfigError) as no:
        target("traces", {"OTEL_EXPORTER_OTLP_HEADERS": said})
    wanted = "must be pairs like name=value, with commas between them"
    assert (no.value.key, no.value.problem) == ("OTEL_EXPORTER_OTLP_HEADERS", wanted)


@pytest.mark.parametrize(
    ("environ", "secret"),
    [
        ({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20value-one-1234"}, "value-one-1234"),
        ({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=value-two-1234"}, "value-two-1234"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:value-three-1234@127.0.0.1:1"}, "value-three-1234"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://h/v1/traces?value-four-1234"}, "value-four-1234"),
    ],
)
def test_what_may_be_secret_of_a_collector_is_hidden_in_the_log(environ: dict[str, str], secret: str) -> None:
    assert secret in SCRUBBER.scrub(f"x {secret} y")
    target("traces", environ)
    assert secret not in SCRUBBER.scrub(f"x {secret} y")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Batching(2048, 512, 5.0)),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "100"}, Batching(100, 100, 5.0)),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "7", "OTEL_BSP_SCHEDULE_DELAY": "250"}, Batching(2048, 7, 0.25)),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": " "}, Batching(2048, 512, 5.0)),
    ],
)
def test_how_spans_are_gathered(environ: dict[str, str], expected: Batching) -> None:
    assert batching(environ) == expected


@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", "1e3", "9" * 400, "٣"])
@pytest.mark.parametrize(
    "key", ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"]
)
def test_a_size_that_makes_no_sense_is_named(key: str, said: str) -> None:
    with pytest.raises(ConfigError, match="must be a positive whole number") as no:
        batching({key: said})
    assert no.value.key == key


def test_a_batch_fits_the_queue() -> None:
    with pytest.raises(ConfigError, match="must be 10, the size of the queue, at most"):
        batching({"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "11"})


def test_the_process_says_who_it_is_unless_the_environment_does(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = resource({}).attributes
    assert usual["service.name"] == "exchange-gateway"
    assert usual["service.version"]
    assert usual["service.instance.id"] == resource({}).attributes["service.instance.id"]
    environ = {
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=7,deployment.environment.name=test",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    said = resource(environ).attributes
    assert (said["service.name"], said["service.instance.id"]) == ("mine", "7")
    assert (said["service.version"], said["deployment.environment.name"]) == (usual["service.version"], "test")


def test_opentelemetry_has_nothing_to_say_of_headers_that_we_took(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # as we do

    said = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}"}
    monkeypatch.setenv(*next(iter(said.items())))
    with caplog.at_level(logging.DEBUG):
        OTLPSpanExporter(**target("traces", said)).shutdown()
    assert SECRET not in caplog.text
