#!/usr/bin/env python3
"""png.py IN.npy OUT.png: a u8 array [height, width] as a grey PNG."""
import ast
import struct
import sys
import zlib

with open(sys.argv[1], "rb") as f:
    major = f.read(8)[6]
    size = struct.unpack("<H" if major == 1 else "<I", f.read(2 if major == 1 else 4))[0]
    head = ast.literal_eval(f.read(size).decode("latin1"))
    pixels = f.read()
if head["descr"] != "|u1" or head["fortran_order"] or len(head["shape"]) != 2:
    sys.exit(f"{sys.argv[1]} is no picture: {head}")
height, width = head["shape"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


lines = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
with open(sys.argv[2], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
