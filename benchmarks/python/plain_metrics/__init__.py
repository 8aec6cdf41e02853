"""The image metrics as one writes them in PyTorch for Python: whole batches, torchvision's networks."""
