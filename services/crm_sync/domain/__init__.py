"""Pure decisions: what crosses to a CRM, what its answers mean, in which state a link is."""
