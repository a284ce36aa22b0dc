"""Impedance spectra as potentiostats write them, read with care: one `Spectrum` whatever the file."""
