"""Accounts at Binance: how their streams are opened, what their events mean, how they are fetched."""
