"""Tensors in safetensors files, with nothing but numpy: eight bytes of header length, a JSON header, the data."""

import json

import numpy
import torch

TYPES = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}
NAMES = {numpy.dtype(kind): name for name, kind in TYPES.items()}


def read_tensors(path):
    """All tensors of a file by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "BF16":  # numpy has no such type
            values = numpy.frombuffer(data[begin:end], numpy.int16).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy()).view(torch.bfloat16)
            continue
        values = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


def write_tensors(path, tensors):
    """Writes tensors by name; the data begin at a multiple of eight bytes."""
    arrays = {name: tensor.detach().contiguous().numpy() for name, tensor in sorted(tensors.items())}
    header, offset = {}, 0
    for name, array in arrays.items():
        entry = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        header[name] = entry
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array.tobytes())
