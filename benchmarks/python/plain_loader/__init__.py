"""A plain loader of the published data sets, as one writes it in Python: h5py, PIL, numpy, torchvision, torch's DataLoader."""
