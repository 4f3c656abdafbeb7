"""`make soak`: random edits, drift, faults and kills against a whole sandbox for a time, and what must hold at its end."""
