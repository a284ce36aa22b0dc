"""Numbers that kernels and the host share; the host reads them here without loading the kernel language."""

__all__ = ["BLOCK", "CHUNK", "FRESH", "LINES", "LOST", "STALE", "TILE", "UNIT"]

FRESH, STALE, LOST = 0, 1, 2  # a list is complete; complete for this step only; was incomplete: an error
CHUNK = 64  # pairs whose distances are looked at before the forces of those that touch
UNIT = 65536.0  # parts in which shares are counted: a clump has fewer than 30 000 contacts
TILE = 8  # voxels along the edge of a tile, which has lists of the spheres and bridges that may reach it
LINES = 4  # Gauss lines a side of a voxel or a face whose chords are summed for its solid volume or area
BLOCK = 64  # terms of a part of a sum
