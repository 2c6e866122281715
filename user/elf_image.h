/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file: which of some symbols it defines, which probes, where its sections and segments lie. The file is hostile
 * input: it is read, never mapped, and all sizes are checked by libelf or here.
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
	uint64_t size; /* bytes, as the symbol says */
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

/*
 * Whether a function begins at this offset of the file: .eh_frame_hdr lists all functions that can be unwound, in
 * stripped files, too. False also where there is no such list.
 */
bool elf_image_begins_function(struct elf_image *image, uint64_t offset);

/* The bytes from the function that begins at this offset to the next one, in that list; 0 when none begins there. */
uint64_t elf_image_function_size(struct elf_image *image, uint64_t offset);

/* A static probe (USDT) that the program's author put into it. The strings live as long as the image. */
struct elf_usdt {
	const char *provider, *name, *arguments;
	uint64_t address; /* as linked, of the instruction that a uprobe replaces */
	uint64_t semaphore; /* as linked; 0: the probe is always ready */
};

/* Fills in the first count probes of the file; returns how many. What is not as it should be is left out. */
size_t elf_image_usdt(struct elf_image *image, struct elf_usdt *probes, size_t count);

#endif
