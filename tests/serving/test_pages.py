"""The dashboard's files: who may have them, under which policy, and that nothing comes from elsewhere."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gateway.serving.pagefiles import POLICY, TYPES
from gateway.serving.pages import FOLDER

ROOT = Path(str(files("gateway.serving") / FOLDER))
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.suffix in TYPES)
ELSEWHERE = re.compile(r"""(?:src|href|url|from|import|fetch)\s*[=(]?\s*["']?(?:https?:)?//""")


async def test_the_page_is_at_the_root_with_its_own_policy(rig: Any) -> None:
    async with rig.http.get(rig.base + "/") as reply:
        assert (reply.status, reply.content_type, reply.charset) == (200, "text/html", "utf-8")
        assert reply.headers.getall("Content-Security-Policy") == [POLICY]
        assert reply.headers["Cache-Control"] == "no-cache"
        assert "Exchange gateway" in await reply.text()


@pytest.mark.parametrize("file", FILES)
async def test_every_file_is_served_as_what_it_is(rig: Any, file: str) -> None:
    async with rig.http.get(f"{rig.base}/dashboard/{file}") as reply:
        assert (reply.status, reply.content_type) == (200, TYPES[Path(file).suffix])
        assert await reply.read() == (ROOT / file).read_bytes()


@pytest.mark.parametrize("file", ["nothing.js", "../server.py", "..%2fserver.py", "/etc/passwd", "views", "%00"])
async def test_nothing_else_is(rig: Any, file: str) -> None:
    async with rig.http.get(f"{rig.base}/dashboard/{file}") as reply:
        assert reply.status == 404


async def test_a_browser_that_has_it_is_sent_nothing(rig: Any) -> None:
    async with rig.http.get(rig.base + "/") as reply:
        tag = reply.headers["ETag"]
    async with rig.http.get(rig.base + "/", headers={"If-None-Match": f'"other", {tag}'}) as reply:
        assert (reply.status, await reply.read()) == (304, b"")
    async with rig.http.get(rig.base + "/", headers={"If-None-Match": '"other"'}) as reply:
        assert reply.status == 200


async def test_the_page_needs_no_token_for_it_holds_nothing(start: Any) -> None:
    rig = await start(must=True)
    for path in ("/", "/dashboard/main.js"):
        async with rig.http.get(rig.base + path) as reply:
            assert reply.status == 200
    async with rig.http.get(rig.base + "/api/v1/info") as reply:
        assert reply.status == 401


@pytest.mark.parametrize("file", FILES)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not ELSEWHERE.search(text.replace('"http://www.w3.org/2000/svg"', ""))
    if file.endswith(".html"):
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)
    if file.endswith(".js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_what_a_page_loads_is_there() -> None:
    wanted = {
        (ROOT / file).parent.joinpath(found).resolve()
        for file in FILES
        if file.endswith(".js")
        for found in re.findall(r'from "(\.[^"]+)"', (ROOT / file).read_text())
    }
    assert wanted
    assert all(path.is_file() for path in wanted)
