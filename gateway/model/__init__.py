"""The vocabulary: values that every layer speaks of, without behaviour that waits or remembers."""
