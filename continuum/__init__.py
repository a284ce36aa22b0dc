"""The web in the nip: closure, fast nip model, rolls, springback."""
