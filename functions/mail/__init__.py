"""Letters: ordered by other functions, written and sent here."""
