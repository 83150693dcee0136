"""A market that is made up: the same seed makes the same one."""
