// SPDX-License-Identifier: BSD-2-Clause
#include "elf_image.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Symbol tables larger than this, and more segments, are no interpreter's. */
#define TABLE_MOST (UINT64_C(256) << 20)
#define SYMBOLS_MOST (4u << 20)
#define SEGMENTS_MOST 1024

#define PAGE_MASK (~UINT64_C(4095))

struct elf_image {
	int fd;
	Elf *elf;
};

struct elf_image *elf_image_open(int fd)
{
	struct elf_image *image;

	if (elf_version(EV_CURRENT) == EV_NONE || !(image = calloc(1, sizeof(*image)))) {
		close(fd);
		return NULL;
	}
	image->fd = fd;
	image->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!image->elf || elf_kind(image->elf) != ELF_K_ELF) {
		elf_image_close(image);
		return NULL;
	}
	return image;
}

void elf_image_close(struct elf_image *image)
{
	if (!image)
		return;
	elf_end(image->elf);
	close(image->fd);
	free(image);
}

bool elf_image_is_64_bit(const struct elf_image *image)
{
	return gelf_getclass(image->elf) == ELFCLASS64;
}

static size_t symbols_of(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_symbol *symbols, size_t count)
{
	Elf_Data *data;
	size_t found = 0, entries;

	/* Looked at before libelf loads it: a sparse file may claim any size. */
	if (header->sh_size > TABLE_MOST || !header->sh_entsize || !(data = elf_getdata(section, NULL)))
		return 0;
	entries = data->d_size / header->sh_entsize;
	if (entries > SYMBOLS_MOST)
		entries = SYMBOLS_MOST;
	for (size_t i = 0; i < entries && found < count; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF || !symbol.st_value)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name)
			continue;
		for (size_t k = 0; k < count; k++) {
			if (!symbols[k].address && strcmp(symbols[k].name, name) == 0) {
				symbols[k].address = symbol.st_value;
				found++;
			}
		}
	}
	return found;
}

size_t elf_image_symbols(struct elf_image *image, struct elf_symbol *symbols, size_t count)
{
	Elf_Scn *section = NULL;
	size_t found = 0;

	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header))
			continue;
		if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
			found += symbols_of(image->elf, section, &header, symbols, count);
	}
	return found;
}

uint64_t elf_image_section(struct elf_image *image, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(image->elf, &names) < 0)
		return 0;
	while ((section = elf_nextscn(image->elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header))
			continue;
		name = elf_strptr(image->elf, names, header.sh_name);
		if (name && strcmp(name, wanted) == 0)
			return header.sh_addr;
	}
	return 0;
}

/* The i-th loaded segment , or writable one. */
static bool segment(struct elf_image *image, size_t i, bool writable_only, GElf_Phdr *header)
{
	size_t count;

	if (elf_getphdrnum(image->elf, &count) < 0)
		return false;
	if (count > SEGMENTS_MOST)
		count = SEGMENTS_MOST;
	for (size_t k = 0; k < count; k++) {
		if (!gelf_getphdr(image->elf, (int)k, header) || header->p_type != PT_LOAD)
			continue;
		if (writable_only && !(header->p_flags & PF_W))
			continue;
		if (i-- == 0)
			return true;
	}
	return false;
}

bool elf_image_bias(struct elf_image *image, uint64_t start, uint64_t offset, uint64_t *bias)
{
	GElf_Phdr header;

	for (size_t i = 0; segment(image, i, false, &header); i++) {
		uint64_t first = header.p_offset & PAGE_MASK;

		if (offset < first || offset >= header.p_offset + header.p_filesz)
			continue;
		*bias = start - ((header.p_vaddr & PAGE_MASK) + (offset - first));
		return true;
	}
	return false;
}

bool elf_image_writable(struct elf_image *image, size_t i, uint64_t *start, uint64_t *size)
{
	GElf_Phdr header;

	if (!segment(image, i, true, &header))
		return false;
	*start = header.p_vaddr;
	*size = header.p_memsz;
	return true;
}

bool elf_image_offset(struct elf_image *image, uint64_t address, uint64_t *offset)
{
	GElf_Phdr header;

	for (size_t i = 0; segment(image, i, false, &header); i++) {
		if (address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
			continue;
		*offset = header.p_offset + (address - header.p_vaddr);
		return true;
	}
	return false;
}
