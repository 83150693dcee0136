"""An exchange's own protocol, for clients that were written for it: what they ask for, topics ``raw`` bring."""
