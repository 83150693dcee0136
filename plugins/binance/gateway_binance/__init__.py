"""Binance for the gateway: a plugin for each of its markets, and a venue that plays the whole exchange."""
