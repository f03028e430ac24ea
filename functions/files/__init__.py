"""Files: what happens when one has been uploaded."""
