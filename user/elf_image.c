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
#define NOTES_MOST (UINT64_C(1) << 20)

/* Of the notes in .note.stapsdt that <sys/sdt.h> writes. */
#define NOTE_STAPSDT 3

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
				symbols[k].size = symbol.st_size;
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

static Elf_Scn *find_section(struct elf_image *image, const char *wanted, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(image->elf, &names) < 0)
		return NULL;
	while ((section = elf_nextscn(image->elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, header))
			continue;
		name = elf_strptr(image->elf, names, header->sh_name);
		if (name && strcmp(name, wanted) == 0)
			return section;
	}
	return NULL;
}

uint64_t elf_image_section(struct elf_image *image, const char *wanted)
{
	GElf_Shdr header;

	return find_section(image, wanted, &header) ? header.sh_addr : 0;
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

/* The linked address of a byte of the file; false when no loaded segment holds it. */
static bool linked_address(struct elf_image *image, uint64_t offset, uint64_t *address)
{
	GElf_Phdr header;

	for (size_t i = 0; segment(image, i, false, &header); i++) {
		if (offset < header.p_offset || offset - header.p_offset >= header.p_filesz)
			continue;
		*address = header.p_vaddr + (offset - header.p_offset);
		return true;
	}
	return false;
}

/* The head of .eh_frame_hdr as all linkers write it (Linux Standard Base, Exception Frames). */
struct eh_frame_hdr {
	uint8_t version, pointer_encoding, count_encoding, table_encoding;
	int32_t eh_frame;
	uint32_t count;
};

struct eh_frame_entry {
	int32_t function, description; /* relative to the section */
};

#define EH_VERSION 1
#define EH_COUNT_UDATA4 0x03
#define EH_TABLE_SDATA4_DATAREL 0x3b

uint64_t elf_image_function_size(struct elf_image *image, uint64_t offset)
{
	struct eh_frame_entry entry[2];
	struct eh_frame_hdr head;
	GElf_Phdr header;
	uint64_t address, low = 0, high;
	size_t segments;
	bool found = false;

	if (!linked_address(image, offset, &address) || elf_getphdrnum(image->elf, &segments) < 0)
		return 0;
	for (size_t i = 0; i < segments && i < SEGMENTS_MOST && !found; i++)
		found = gelf_getphdr(image->elf, (int)i, &header) && header.p_type == PT_GNU_EH_FRAME;
	if (!found || pread(image->fd, &head, sizeof(head), (off_t)header.p_offset) != sizeof(head) ||
		head.version != EH_VERSION || head.count_encoding != EH_COUNT_UDATA4 ||
		head.table_encoding != EH_TABLE_SDATA4_DATAREL)
		return 0;
	/* Ascending by function. */
	high = head.count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, begins;
		off_t at = (off_t)(header.p_offset + sizeof(head) + middle * sizeof(entry[0]));
		ssize_t n = pread(image->fd, entry, sizeof(entry), at);

		if (n < (ssize_t)sizeof(entry[0]))
			return 0;
		begins = header.p_vaddr + (uint64_t)(int64_t)entry[0].function;
		if (begins == address) {
			uint64_t next = header.p_vaddr + (uint64_t)(int64_t)entry[1].function;

			return middle + 1 < head.count && n == sizeof(entry) && next > begins ? next - begins : 1;
		}
		if (begins < address)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

bool elf_image_begins_function(struct elf_image *image, uint64_t offset)
{
	return elf_image_function_size(image, offset) != 0;
}

/* What a note describes: three addresses and three strings. base is where the linker put .stapsdt.base, or 0. */
static bool parse_usdt(const char *note, size_t size, uint64_t base, struct elf_usdt *probe)
{
	uint64_t addresses[3]; /* of the probe, of .stapsdt.base when the note was written, of the semaphore */
	const char **strings[] = {&probe->provider, &probe->name, &probe->arguments};
	const char *at = note + sizeof(addresses), *end = note + size;

	if (size < sizeof(addresses))
		return false;
	memcpy(addresses, note, sizeof(addresses));
	for (size_t i = 0; i < 3; i++) {
		const char *nul = memchr(at, 0, (size_t)(end - at));

		if (!nul)
			return false;
		*strings[i] = at;
		at = nul + 1;
	}
	/* prelink moves sections, but not what notes say of them. */
	probe->address = addresses[0] + (base ? base - addresses[1] : 0);
	probe->semaphore = addresses[2] ? addresses[2] + (base ? base - addresses[1] : 0) : 0;
	return true;
}

size_t elf_image_usdt(struct elf_image *image, struct elf_usdt *probes, size_t count)
{
	uint64_t base = elf_image_section(image, ".stapsdt.base");
	size_t at = 0, found = 0, name_at, description_at;
	GElf_Shdr header;
	GElf_Nhdr note;
	Elf_Scn *section = find_section(image, ".note.stapsdt", &header);
	Elf_Data *data;

	/* Only 64-bit notes, the only ones that anybody asks for, have three words of eight bytes. */
	if (!section || !elf_image_is_64_bit(image) || header.sh_type != SHT_NOTE || header.sh_size > NOTES_MOST)
		return 0;
	data = elf_getdata(section, NULL);
	while (data && found < count && (at = gelf_getnote(data, at, &note, &name_at, &description_at)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type == NOTE_STAPSDT && note.n_namesz == sizeof("stapsdt") &&
			memcmp(bytes + name_at, "stapsdt", sizeof("stapsdt")) == 0 &&
			parse_usdt(bytes + description_at, note.n_descsz, base, &probes[found]))
			found++;
	}
	return found;
}
