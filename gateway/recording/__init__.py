"""What a client heard, in files, and served again from them."""
