"""From spectra to the tortuosity law: likelihood, priors, sampling, diagnostics, comparison, design."""
