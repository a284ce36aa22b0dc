"""Questions asked of the chain (room left; nothing here yet)."""
