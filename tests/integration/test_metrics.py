"""A real Prometheus reads a running gateway, in both formats and with a token, and tells it all again."""

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.telemetry.metrics.catalogue import CATALOGUE

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
GATEWAY = ".venv/bin/python -m gateway"
LISTENING = r"Listening on http://(127\.0\.0\.1:\d+)"
TOPIC = "mock:trades:BTC-USDT"
PATIENCE = 200.0
NAMES = {metric.prometheus for metric in CATALOGUE}

pytestmark = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="prometheus is not here; Debian's package of that name has it"
)


class Prometheus:
    """A running one; its answers."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def get(self, path: str, **query: str) -> Any:
        async with self._session.get(f"{self._base}/api/v1/{path}", params=query) as reply:
            answer = await reply.json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def value(self, query: str) -> float | None:
        """Return what a query gives, if it gives one number."""
        result = (await self.get("query", query=query))["result"]
        return float(result[0]["value"][1]) if result else None

    async def until(self, query: str) -> float:
        """Ask until a query gives more than nothing."""
        async with asyncio.timeout(PATIENCE):
            while not (value := await self.value(query)):  # noqa: ASYNC110  # Prometheus signals nobody
                await asyncio.sleep(0.1)
        return value

    async def until_wrong(self, **expected: str) -> None:
        """Wait until the last scrape of each job has gone wrong with a text that holds what is expected."""
        async with asyncio.timeout(PATIENCE):
            while not all(_fits(expected[name], wrong) for name, wrong in await self._wrong()):  # noqa: ASYNC110  # same
                await asyncio.sleep(0.1)

    async def _wrong(self) -> list[tuple[str, str]]:
        targets = (await self.get("targets"))["activeTargets"]
        return [(target["scrapePool"], target["lastError"]) for target in targets]


def _fits(expected: str, wrong: str) -> bool:
    return expected in wrong if expected else not wrong


@contextlib.asynccontextmanager
async def prometheus(room: Path, target: str, **tokens: str) -> AsyncIterator[Prometheus]:
    """
    Run a Prometheus that reads ``target`` once a second; yields it once it answers.

    It does so once without a token, as the job ``gateway``, and once with each of ``tokens``.
    """
    jobs: list[dict[str, Any]] = [{"job_name": "gateway", "static_configs": [{"targets": [target]}]}]
    for name, token in tokens.items():
        (room / name).write_text(token)
        jobs.append({**jobs[0], "job_name": name, "authorization": {"credentials_file": str(room / name)}})
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    (room / "prometheus.yml").write_text(json.dumps(config))  # which is YAML, too
    process = await asyncio.create_subprocess_exec(
        str(PROMETHEUS),
        f"--config.file={room / 'prometheus.yml'}",
        f"--storage.tsdb.path={room / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            address = None
            while line := (await process.stderr.readline()).decode():
                if match := re.search(r'msg="Listening on" address=(127\.0\.0\.1:\d+)', line):
                    address = match[1]
                if address and "Server is ready" in line:
                    break
        assert address is not None, "it did not begin"
        drained = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            yield Prometheus(session, f"http://{address}")
        process.terminate()
        await drained
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def demonstration(run: Any, options: str = "") -> AsyncIterator[str]:
    """Run a gateway with its demonstration, and a client that listens; yields the address."""
    async with run(f"{GATEWAY} serve --demo --listen 127.0.0.1:0{options}") as gateway:
        yield await gateway.told(LISTENING)


async def page(address: str, accept: str = "text/plain") -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}/metrics", headers={"Accept": accept}) as reply,
    ):
        assert reply.status == 200
        return await reply.text()


async def test_prometheus_reads_all_that_there_is_and_finds_nothing_wrong(run: Any, tmp_path: Path) -> None:
    async with (
        demonstration(run) as address,
        run(f"{GATEWAY} subscribe {TOPIC} --url ws://{address}") as client,
        prometheus(tmp_path, address) as reader,
    ):
        await client.told(r"(.*BTC-USDT.*)")
        assert await reader.until("sum(gateway_client_messages_total)") > 0
        assert await reader.until("sum(gateway_message_delivery_seconds_count)") > 0
        assert await reader.until('rate(gateway_frames_received_total{exchange="mock"}[10s])') > 1
        assert await reader.value('gateway_connections{exchange="mock",state="CONNECTED"}') == 1
        quantile = "histogram_quantile(0.99, sum by (le) (gateway_message_delivery_seconds_bucket))"
        assert 0 < (await reader.value(quantile) or 0) < 5
        assert await reader.until("up") == 1
        await reader.until_wrong(gateway="")
        known = set(await reader.get("label/__name__/values"))
        ours = {name for name in known if name.startswith(("gateway_", "process_"))}
        assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} <= NAMES
        assert NAMES - {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} == set()
        about = {name: told[0] for name, told in (await reader.get("metadata")).items()}
        assert about["gateway_loop_lag_seconds"]["type"] == "histogram"
        assert about["gateway_loop_lag_seconds"]["help"] == "How late the event loop was, four times a second"


async def test_promtool_finds_nothing_to_say_of_a_running_gateway(run: Any) -> None:
    async with demonstration(run) as address:
        text = await page(address)
        process = await asyncio.create_subprocess_exec(
            str(PROMTOOL), "check", "metrics", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate(text.encode())
        assert (process.returncode, out) == (0, b"")
        assert (await page(address, "application/openmetrics-text")).endswith("# EOF\n")


async def test_whoever_has_no_scope_for_it_reads_nothing(run: Any, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[server]\nauthentication = "required"\n[store]\npath = "gateway.db"\n')

    async def token(scope: str) -> str:
        async with run(f"{GATEWAY} token create --scope {scope}") as made:
            status, lines = await made.ended()
            assert status == 0
        return "\n".join(lines)

    readers, others = await token("metrics"), await token("market:read")
    async with run(f"{GATEWAY} serve --demo --config gateway.toml --listen 127.0.0.1:0") as gateway:
        address = await gateway.told(LISTENING)
        async with prometheus(tmp_path, address, reader=readers, other=others) as one:
            assert await one.until('gateway_exchange_up{job="reader"}') == 1
            assert await one.until("count(up == 0) == 2")
            assert await one.value('gateway_exchange_up{job!="reader"}') is None
            await one.until_wrong(reader="", other="403", gateway="401")
