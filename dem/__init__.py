"""Particles in boxes: recipe to packing, contacts, binder, platens, compaction."""
