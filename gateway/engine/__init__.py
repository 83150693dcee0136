"""Decisions, without I/O and without a clock: time and randomness are arguments."""
