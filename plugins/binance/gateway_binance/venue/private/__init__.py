"""Accounts: who they are, what they hold and have ordered, and what they are told of it."""
