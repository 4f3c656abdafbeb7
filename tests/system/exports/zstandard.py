"""Zstandard by libzstd, which PostgreSQL depends on itself: Python has it from 3.14 on."""

from __future__ import annotations

import ctypes
from pathlib import Path

from runbook_sandbox.postgres import binaries

#: Bytes that are decompressed at once.
_PIECE = 1 << 20


class _Buffer(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


def decompress(data: bytes) -> bytes:
    """The whole of what was compressed. ValueError for what is none, or has no end."""
    library = _load()
    stream = library.ZSTD_createDStream()
    source = ctypes.create_string_buffer(data, len(data))
    given, piece = _Buffer(ctypes.addressof(source), len(data), 0), ctypes.create_string_buffer(_PIECE)
    result, left = bytearray(), 1
    try:
        while left:
            taken = _Buffer(ctypes.addressof(piece), _PIECE, 0)
            before = given.position
            left = library.ZSTD_decompressStream(stream, ctypes.byref(taken), ctypes.byref(given))
            if library.ZSTD_isError(left):
                raise ValueError("this is no Zstandard")
            result += piece.raw[: taken.position]
            if left and given.position == len(data) and before == given.position and taken.position == 0:
                raise ValueError("this ends before its end")
    finally:
        library.ZSTD_freeDStream(stream)
    return bytes(result)


def _load() -> ctypes.CDLL:
    name = "libzstd.so.1"
    unpacked = [str(found) for folder in binaries.ensure().libraries for found in Path(folder).glob(name)]
    library = ctypes.CDLL((unpacked or [name])[0])
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    library.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    return library
