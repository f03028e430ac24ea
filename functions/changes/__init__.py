"""Table changes: what is kept from them."""
