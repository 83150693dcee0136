"""asyncio towards clients: the stream protocol, REST and who may reach them."""
