"""How fast and how well contacts are found: the pure function beside four other linkers."""
