"""`kith demo`: a day of a shop, played on the running stack, and what became of it."""
