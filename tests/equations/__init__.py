"""The index: paper equation -> function -> tests -> walkthrough, kept true by a test."""
