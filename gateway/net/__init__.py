"""Sockets and HTTP towards exchanges: a protocol and its implementations."""
