"""From measured states to the constants of a card: posterior, predictions, and what to measure next."""
