/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file: which of some symbols it defines, where its sections and segments lie. The file is hostile input:
 * it is read, never mapped, and all sizes are checked by libelf or here.
 */
#ifndef OGT_ELF_IMAGE_H
#define OGT_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image;

struct elf_symbol {
	const char *name;
	uint64_t address; /* as linked; 0: not defined here */
};

/* Takes over fd. NULL when the file is no ELF file. */
struct elf_image *elf_image_open(int fd);
void elf_image_close(struct elf_image *image);

bool elf_image_is_64_bit(const struct elf_image *image);

/* Fills in the addresses of those symbols that .symtab or .dynsym defines; returns how many. */
size_t elf_image_symbols(struct elf_image *image, struct elf_symbol *symbols, size_t count);

/* Linked address of a section, 0 when there is none of that name. */
uint64_t elf_image_section(struct elf_image *image, const char *name);

/*
 * What to add to linked addresses when the file's bytes at offset are mapped at address start. False when no loaded
 * segment holds that offset.
 */
bool elf_image_bias(struct elf_image *image, uint64_t start, uint64_t offset, uint64_t *bias);

/* Linked range of the i-th writable segment, with its zero-filled tail; false when there is none. */
bool elf_image_writable(struct elf_image *image, size_t i, uint64_t *start, uint64_t *size);

/* File offset of a linked address; false when no loaded segment's file bytes hold it. */
bool elf_image_offset(struct elf_image *image, uint64_t address, uint64_t *offset);

#endif
