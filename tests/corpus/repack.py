"""repack.py SNAPSHOT OUT: the same memory in a snapshot whose pages lie there as they are, for xz to see them (docs/snapshot.md).

The frames of zstd are ones that hold what is not compressed, the chunks of pages ones without a stride.
"""
import ctypes
import struct
import sys
import zlib

CHUNK, WORDS, MASK = 16384, 2048, 2**64 - 1
PAGES = 4
HEAD = struct.Struct("<IIIIIIQ")
library = ctypes.CDLL("libzstd.so.1")
library.ZSTD_decompress.restype = ctypes.c_size_t
library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def unpacked(frame, size):
    room = ctypes.create_string_buffer(size)
    if library.ZSTD_decompress(room, size, frame, len(frame)) != size:
        sys.exit("repack: a frame cannot be read")
    return room.raw


def without_stride(raw):
    out, at = [], 0
    while at < len(raw):
        stride, at = raw[at], at + 1
        if stride == 0:
            words = raw[at:at + CHUNK]
            at += len(words)
        else:
            off = int.from_bytes(raw[at:at + WORDS // 8], "little")
            at += WORDS // 8
            found = []
            for i in range(WORDS):
                word = 0 if i < stride else found[i - stride] if i < 2 * stride else 2 * found[i - stride] - found[i - 2 * stride]
                if off >> i & 1:
                    word += int.from_bytes(raw[at:at + 8], "little")
                    at += 8
                found.append(word & MASK)
            words = struct.pack("<%dQ" % WORDS, *found)
        out.append(b"\0" + words)
    return b"".join(out)


def plain_frame(data):
    """Of one segment, its size in four bytes, blocks of the kind 0."""
    out = [b"\x28\xb5\x2f\xfd\xa0", struct.pack("<I", len(data))]
    for at in range(0, len(data), 1 << 17):
        block = data[at:at + (1 << 17)]
        out += [struct.pack("<I", len(block) << 3 | (at + len(block) == len(data)))[:3], block]
    return b"".join(out)


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    out, at = [data[:32]], 32
    while at < len(data):
        kind, _, stored, size, count, of_list, nothing = HEAD.unpack_from(data, at)
        body = data[at + HEAD.size:at + HEAD.size + stored]
        at += HEAD.size + stored
        if size:
            raw = unpacked(body[of_list:], size)
            if kind == PAGES:
                raw = without_stride(raw)
            body, size = body[:of_list] + plain_frame(raw), len(raw)
        block = struct.pack("<IIIIQ", len(body), size, count, of_list, nothing) + body
        out.append(struct.pack("<II", kind, zlib.crc32(block)) + block)
    with open(sys.argv[2], "wb") as file:
        file.write(b"".join(out))


if __name__ == "__main__":
    main()
