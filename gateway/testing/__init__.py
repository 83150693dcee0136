"""For those who test: a network in memory, virtual time, simulated venues with all their faults, a chaos proxy."""
