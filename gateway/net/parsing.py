"""Whether HTTP is parsed by the code that everybody uses: the one in Python is slow and seldom looked at."""

from aiohttp import http_parser


def parses_in_python() -> bool:
    """Whether aiohttp runs without its extension, since AIOHTTP_NO_EXTENSIONS is set or it has none here."""
    return http_parser.HttpRequestParser is http_parser.HttpRequestParserPy
