"""docs/recording.md: commands and program run as they stand, and its tables and examples are the code's."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from gateway.cli import app
from gateway.recording import Header, Line
from gateway.recording.recorder import FLUSH
from gateway.recording.spelling import FORMAT, NOT_RECORDED
from gateway.recording.tracks import END, LAG
from gateway.recording.writing import AGE, SIZE

PAGE = (Path(__file__).parents[2] / "docs/recording.md").read_text()
RECORD, REPLAY, _ = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
[PROGRAM] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = dict(re.findall(r"<!-- example: ([^\n]+) -->\n```json\n(.*?)```", PAGE, re.DOTALL))
PATIENCE = 60.0


@asynccontextmanager
async def started(command: str, folder: Path, **ports: str) -> AsyncIterator[Any]:
    """Run a command of the page, its addresses replaced."""
    words = command.replace(".venv/bin/python", sys.executable).removesuffix("&").split()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *[ports.get(word, word) for word in words], cwd=folder, stdout=pipe, stderr=pipe, env=environ
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: Any) -> str:
    async with asyncio.timeout(PATIENCE):
        return str((await process.stdout.readline()).decode())


async def test_the_commands_record_and_replay_and_the_program_reads(tmp_path: Path) -> None:
    recording = tmp_path / "recording"
    async with started(f"{sys.executable} -m gateway serve --demo --listen 127.0.0.1:0", tmp_path) as gateway:
        place = (await line_of(gateway)).removeprefix("Listening on http://").strip()
        async with started(f"{RECORD.strip()} --url ws://{place}", tmp_path) as recorder:
            async with asyncio.timeout(PATIENCE):
                while size_of(recording) < 1500:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.02)
            recorder.send_signal(signal.SIGINT)
            told, _ = await recorder.communicate()
            assert told.startswith(b"Recorded ")
    replay, subscribe = REPLAY.splitlines()
    free = {"127.0.0.1:8766": "127.0.0.1:0"}
    async with started(replay, tmp_path, **free) as replaying:
        place = (await line_of(replaying)).removeprefix("Listening on http://").partition(",")[0]
        async with started(subscribe, tmp_path, **{"ws://127.0.0.1:8766": f"ws://{place}"}) as subscriber:
            heard = json.loads(await line_of(subscriber))
            assert (heard["status"], heard["reason"]) == ("live", "")
            async with asyncio.timeout(PATIENCE):
                said, _ = await replaying.communicate()
        assert re.fullmatch(rb"Told \d+ messages\n", said)
    async with started(f"{sys.executable} -W error read.py", written(tmp_path, PROGRAM)) as program:
        out, err = await program.communicate()
        assert err == b""
        assert len(out.splitlines()) == int(re.findall(rb"\d+", said)[0])


def size_of(recording: Path) -> int:
    return sum(path.stat().st_size for path in recording.glob("*"))


def written(folder: Path, program: str) -> Path:
    (folder / "read.py").write_text(program)
    return folder


@pytest.mark.parametrize("command", ["record", "replay"])
def test_the_options_are_those_of_the_command(command: str) -> None:
    parameters = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    options = {one.opts[0]: one.default for one in parameters if one.opts[0].startswith("--")}
    told = dict(re.findall(r"^\| `(--[\w-]+)` \| (.+?) \|", PAGE, re.MULTILINE))
    assert options.keys() <= told.keys()
    for name, default in options.items():
        plain = getattr(default, "value", default)
        if plain is not None and plain != "" and told[name] != "required":
            assert told[name].strip("`") == str(plain), name


def test_no_other_options_are_told() -> None:
    told = re.findall(r"^\| `(--[\w-]+)` \|", PAGE, re.MULTILINE)
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    there = [one.opts[0] for name in ("record", "replay") for one in commands[name].params]
    assert sorted(told) == sorted(name for name in there if name.startswith("--"))


def test_the_defaults_of_the_commands_are_those_of_the_code() -> None:
    assert (SIZE, AGE, FLUSH) == (64 << 20, 3600.0, 1.0)


def test_the_examples_are_lines_of_a_recording() -> None:
    header = msgspec.json.decode(EXAMPLES["header"], type=Header)
    assert header.format == FORMAT
    assert set(json.loads(EXAMPLES["header"])) == set(Header.__struct_fields__)
    message = msgspec.json.decode(EXAMPLES["message"], type=Line)
    assert (message.by, json.loads(bytes(message.message))["recv"]) == ("gateway", 1764000000125417)
    assert msgspec.json.decode(EXAMPLES["of the recorder"], type=Line).by == "recorder"


def test_the_reasons_are_those_of_the_code() -> None:
    for reason in (NOT_RECORDED, LAG, END):
        assert f"| `{reason}` |" in PAGE
