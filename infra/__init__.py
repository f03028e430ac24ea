"""How Covey is run, built and deployed; nothing here is shipped to Lambda."""
