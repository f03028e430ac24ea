"""After hooks: the team's own code that follows changes, one change at a time."""
