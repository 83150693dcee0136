"""Which rule keeps a book: the dialect's, if it has one that can be used."""

from gateway.errors import PluginError
from gateway.spi.books import BookRule
from gateway.spi.dialect import Dialect


def book_rule(exchange: str, dialect: Dialect, stream: str) -> BookRule:
    """
    Ask the dialect for the rule of the book on ``stream``.

    Raises:
        PluginError: If it raised, or has none for a book that its plugin has routed.
    """
    try:
        rule: object = dialect.book(stream)
    except Exception as exc:
        raise PluginError(exchange, f"its dialect raised {type(exc).__name__} in book") from exc
    if not isinstance(rule, BookRule):
        problem = f"its dialect must have a BookRule for a book it has routed, not {type(rule).__name__}"
        raise PluginError(exchange, problem)
    return rule
