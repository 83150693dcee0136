"""For those who test: an in-memory network, and the engine of simulated venues."""
