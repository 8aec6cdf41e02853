"""The world model's network, loss and optimiser step in plain PyTorch: what ours is compared with."""
