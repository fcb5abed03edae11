"""Win Room's own layer: one module per noun. Doors (functions/) call verbs of nouns; nouns call db and queries."""
