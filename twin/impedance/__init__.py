"""What a symmetric cell answers to an alternating current: forward models, and checks of a measured spectrum."""
