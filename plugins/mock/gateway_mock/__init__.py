"""The mock exchange: the smallest complete plugin, and the venue it talks to."""
