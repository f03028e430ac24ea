"""/admin: collections, for administrators."""
