"""Pure decisions: what a request means, what a contact looks like, what a page of a list is."""
