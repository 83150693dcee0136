"""
The files of pages for people: read once, and sent under a policy that lets in nothing but them.

A page is no secret and shows none: whoever reaches us may have it. All that it
tells it asks for over the API, with the token of whoever looks at it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Annotated, Final

from aiohttp import hdrs, web
from msgspec import Meta

from gateway.serving.documents.describing import Answer
from gateway.serving.problems import ProblemError

INDEX: Final = "index.html"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing inline, and no text that becomes a program."""

Text = Annotated[str, Meta(description="A file of the page.")]
SEEN: Final = (
    Answer(200, "The page", Text, "text/html"),
    Answer(304, "The browser has it already"),
)
"""What a page is answered with."""
SENT: Final = (Answer(200, "The file", Text, "text/html", dict.fromkeys(TYPES.values(), Text)), SEEN[1])
"""What a file of it is."""


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is sent."""

    body: bytes
    content_type: str
    tag: str


class PageFiles:
    """
    The files of one page, by their paths below ``folder``.

    Args:
        folder: where they are; files of other types are left alone.
    """

    def __init__(self, folder: Traversable) -> None:
        self.files: Mapping[str, File] = {path: _file(file) for path, file in _below(folder, "")}

    def answer(self, request: web.Request, path: str = INDEX) -> web.Response:
        """
        Return the file, or that it is still what the browser has.

        Raises:
            ProblemError: If there is no such file.
        """
        file = self.files.get(path)
        if file is None:
            raise ProblemError(404, "not_found", f"the page has no file {path[:128]!r}")
        headers = {
            hdrs.CACHE_CONTROL: "no-cache",
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            hdrs.ETAG: f'"{file.tag}"',
        }
        if request.if_none_match and any(tag.value == file.tag for tag in request.if_none_match):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, headers=headers, content_type=file.content_type, charset="utf-8")


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{path}{entry.name}/")
        elif _suffix(entry) in TYPES:
            yield path + entry.name, entry


def _suffix(file: Traversable) -> str:
    return f".{file.name.rpartition('.')[2]}"


def _file(file: Traversable) -> File:
    body = file.read_bytes()
    return File(body, TYPES[_suffix(file)], hashlib.sha256(body).hexdigest()[:32])
