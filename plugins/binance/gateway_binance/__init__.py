"""Binance for the gateway."""
