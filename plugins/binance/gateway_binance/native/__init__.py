"""Binance's own protocol for clients that were written for it, who share the gateway's streams."""
