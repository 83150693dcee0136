"""What clients may ask: each request once, whichever way it comes."""
