"""Binance for the gateway: a plugin for each of its markets, and the venue that plays recordings back."""
