"""Does the suite notice a wrong line? Plant one at a time, and see a test fail."""
