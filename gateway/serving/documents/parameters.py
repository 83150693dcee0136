"""What stands in paths, as types with a pattern, so that the documents tell how each is spelled."""

from typing import Annotated

from msgspec import Meta

from gateway.serving.requests import Symbol, Word

ExchangeId = Annotated[Word, Meta(description="An exchange's id.")]
ConnectionId = Annotated[
    str,
    Meta(
        min_length=1,
        description="`<exchange>/<endpoint>/<number>` or `<exchange>/<endpoint>@<account>`; its slashes may stand "
        "as they are, or as `%2F`.",
    ),
]
AccountId = Annotated[Word, Meta(description="An account's id in the configuration.")]
ClientId = Annotated[str, Meta(min_length=1, description="A client's id.")]
TopicName = Annotated[str, Meta(min_length=1, description="A topic, as it was listed.")]
SymbolName = Annotated[
    Symbol,
    Meta(description="An instrument, in the gateway's spelling or the exchange's."),
]
