/* SPDX-License-Identifier: BSD-2-Clause */
/* The numbers of docs/snapshot.md, shared by what writes and what reads. */
#ifndef OGT_SNAPSHOT_FORMAT_H
#define OGT_SNAPSHOT_FORMAT_H

#include <stdint.h>
#include <zlib.h>

/* The file is little-endian, and so is all that runs here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "snapshots are written as memory has it");

/*
 * The first bytes of the file, with the version before the newline, filled up with NUL. Version 1 had no registers, and
 * is read, too.
 */
#define SNAPSHOT_MAGIC "objgraph-trace heap 2\n"
#define SNAPSHOT_MAGIC_BYTES 32
#define SNAPSHOT_VERSION_AT 20
#define SNAPSHOT_WITHOUT_REGISTERS '1'

enum snapshot_kind {
	SNAPSHOT_ABOUT = 1,
	SNAPSHOT_TYPES,
	SNAPSHOT_OBJECTS,
	SNAPSHOT_PAGES,
	SNAPSHOT_END,
};

/* Before each block. */
struct snapshot_header {
	uint32_t kind;
	uint32_t checksum; /* CRC-32 of the header behind this field and of what follows it */
	uint32_t stored; /* bytes that follow */
	uint32_t raw; /* bytes that a zstd frame, the end of them, unpacks to */
	uint32_t count; /* of what it holds: types, objects, pages; of END: blocks before it */
	uint32_t list; /* bytes before the frame */
	uint64_t reserved; /* 0 */
};

/* What one block holds at most. */
#define SNAPSHOT_OBJECTS_MOST 65536u
#define SNAPSHOT_PAGES_MOST 128u
#define SNAPSHOT_RAW_MOST (1u << 28)
#define SNAPSHOT_TYPES_MOST (1u << 22)
/* Words of registers: a thread with AVX-512 has some 370. */
#define SNAPSHOT_REGISTERS_MOST (1u << 22)
#define SNAPSHOT_TEXT_MOST (1u << 22) /* more than the longest name that is read of a type */
/* An object's address and type. */
#define SNAPSHOT_OBJECT_BYTES 12u

static inline uint32_t snapshot_checksum(const struct snapshot_header *header, const unsigned char *stored)
{
	const unsigned char *bytes = (const unsigned char *)header;
	const unsigned int skip = 2 * sizeof(uint32_t);
	uLong sum = crc32(0, bytes + skip, sizeof(*header) - skip);

	return (uint32_t)crc32(sum, stored, header->stored);
}

#endif
