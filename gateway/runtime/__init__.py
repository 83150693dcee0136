"""asyncio towards exchanges: handshakes, epochs, supervisors."""
