"""Questions asked of the chain: what an impedance spectrum says of the pores."""
