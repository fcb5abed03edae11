"""Win Room's own layer: one module per noun. Doors call verbs of nouns, nouns call db and queries."""
