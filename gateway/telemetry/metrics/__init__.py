"""What is measured, read off plain counters when somebody asks: one list, and two ways out of the process."""
