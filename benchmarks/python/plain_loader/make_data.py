"""Writes small data sets in the published layouts from a few given pictures: what both sides of the loader's benchmark read."""

import io
import os
import pickle

import h5py
import numpy as np
from PIL import Image


def pictures(path, count, size, generator):
    """`count` pictures [H, W, 3], larger and with a camera's noise, from those in the .npy file."""
    source = np.load(path)
    for i in range(count):
        picture = Image.fromarray(source[i % len(source)]).resize((size[1], size[0]), Image.Resampling.BICUBIC)
        yield np.clip(np.asarray(picture, np.int16) + generator.integers(-3, 4, (*size, 3)), 0, 255).astype(np.uint8)


def rt1(folder, source, episodes, frames, generator):
    for e in range(episodes):
        image = np.stack(list(pictures(source, frames, (256, 320), generator)))
        action = generator.normal(size=(frames, 13)).astype(np.float32)
        np.savez_compressed(f"{folder}/train_eps_{e:08d}.npz", image=image, action=action)


def csgo(folder, source, episodes, frames, generator):
    for e in range(episodes):
        with h5py.File(f"{folder}/hdf5_dm_july2021_{e + 1}.hdf5", "w") as file:
            for i, picture in enumerate(pictures(source, frames, (150, 280), generator)):
                file.create_dataset(f"frame_{i}_x", data=picture)
                file.create_dataset(f"frame_{i}_xaux", data=np.zeros(54))
                file.create_dataset(f"frame_{i}_y", data=(generator.random(51) < 0.1).astype(np.float64))
                file.create_dataset(f"frame_{i}_helperarr", data=np.zeros(2))


def recon(folder, source, episodes, frames, generator):
    for e in range(episodes):
        os.makedirs(f"{folder}/jackal_{e}", exist_ok=True)
        for i, picture in enumerate(pictures(source, frames, (480, 640), generator)):
            Image.fromarray(picture).save(f"{folder}/jackal_{e}/{i}.jpg")
        with open(f"{folder}/jackal_{e}/traj_data.pkl", "wb") as file:
            position = np.cumsum(generator.normal(size=(frames, 2)) * 0.2, 0)
            pickle.dump({"position": position, "yaw": np.cumsum(generator.normal(size=frames) * 0.1)}, file)


def recon_release(folder, source, episodes, frames, generator):
    for e in range(episodes):
        with h5py.File(f"{folder}/jackal_{e}.hdf5", "w") as file:
            encoded = []
            for picture in pictures(source, frames, (480, 640), generator):
                with io.BytesIO() as buffer:
                    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
                    encoded.append(buffer.getvalue())
            file["images/rgb_left"] = np.array(encoded)
            file["jackal/position"] = np.cumsum(generator.normal(size=(frames, 3)) * 0.2, 0)
            file["jackal/yaw"] = np.cumsum(generator.normal(size=frames) * 0.1)


MAKERS = {"rt1": rt1, "csgo": csgo, "recon": recon, "recon-release": recon_release}


def make(domain, folder, source, episodes, frames, seed):
    os.makedirs(folder, exist_ok=True)
    MAKERS[domain](folder, source, episodes, frames, np.random.default_rng(seed))
