"""Server-sent events: what a client reads that only listens."""
