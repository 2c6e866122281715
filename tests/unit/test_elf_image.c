// SPDX-License-Identifier: BSD-2-Clause
/* ELF files: this program's own, one made here to know every byte of, and that one with bytes changed. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "elf_image.h"

/* --- this program --- */

/* A function of 37 bytes with a probe in it, as <sys/sdt.h> writes one, and the place that prelink is told by. */
__asm__(".pushsection .text\n"
	".globl elf_example\n.type elf_example, @function\n"
	"elf_example:\n.cfi_startproc\n.skip 16, 0x90\n"
	"990: nop\n.skip 19, 0x90\nret\n.cfi_endproc\n"
	".size elf_example, 37\n"
	".popsection\n"
	".pushsection .note.stapsdt, \"\", \"note\"\n.balign 4\n"
	".4byte 992f - 991f, 994f - 993f, 3\n"
	"991: .asciz \"stapsdt\"\n992: .balign 4\n"
	"993: .8byte 990b, _.stapsdt.base, 0\n.asciz \"unit\"\n.asciz \"example\"\n.asciz \"8@%rdi\"\n"
	"994: .balign 4\n.popsection\n"
	".ifndef _.stapsdt.base\n"
	".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n.weak _.stapsdt.base\n"
	".hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n.endif\n");
extern const char elf_example[];
static uint64_t writable_word = 1;

static struct elf_image *open_image(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : elf_image_open(fd);
}

/* Where the page of this address comes from: its beginning in memory and in the file. */
static bool mapped_from(uintptr_t address, uint64_t *start, uint64_t *offset)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	uint64_t end;
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, start, &end, offset) == 3 &&
			*start <= address && address < end;
	if (maps)
		fclose(maps);
	return found;
}

static void own_program(void)
{
	struct elf_symbol symbols[] = {{.name = "elf_example"}, {.name = "no_such_function"}, {.name = "main"}};
	uint64_t start, offset, bias = 0, file_offset = 0, address, size;
	struct elf_image *image = open_image("/proc/self/exe");
	unsigned char bytes[37] = "", expected[37];
	struct elf_usdt probes[16] = {0};
	size_t n, own = 0, writable = 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	check(image && elf_image_is_64_bit(image), "this program is an ELF file");
	check(elf_image_symbols(image, symbols, 3) == 2, "two of three symbols are defined");
	check(symbols[0].address && symbols[0].size == 37, "with their sizes: %" PRIu64, symbols[0].size);
	check(!symbols[1].address && !symbols[1].size, "the other is not");
	check(symbols[2].size > 0, "main has %" PRIu64 " bytes", symbols[2].size);
	check(mapped_from((uintptr_t)elf_example, &start, &offset) && elf_image_bias(image, start, offset, &bias),
		"a bias");
	check(symbols[0].address + bias == (uintptr_t)elf_example, "the function is where it was linked, and the bias");
	check(elf_image_offset(image, symbols[0].address, &file_offset), "it is in the file");
	memset(expected, 0x90, 36);
	expected[36] = 0xc3;
	check(pread(fd, bytes, sizeof(bytes), (off_t)file_offset) == 37 && memcmp(bytes, expected, 37) == 0,
		"where its bytes are");
	check(elf_image_begins_function(image, file_offset), "a function begins there");
	check(!elf_image_begins_function(image, file_offset + 1), "and not behind");
	for (size_t i = 0; elf_image_writable(image, i, &address, &size); i++)
		writable += (uintptr_t)&writable_word - bias - address < size;
	check(writable == 1, "a variable is in one of the writable segments");
	n = elf_image_usdt(image, probes, 16);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(probes[i].provider, "unit") != 0)
			continue;
		own++;
		check(strcmp(probes[i].name, "example") == 0 && strcmp(probes[i].arguments, "8@%rdi") == 0,
			"a probe by name, and its arguments");
		check(probes[i].address == symbols[0].address + 16 && !probes[i].semaphore, "and where it is");
	}
	check(own == 1, "one probe of ours");
	check(elf_image_section(image, ".text") && !elf_image_section(image, ".nothing"), "sections by name");
	close(fd);
	elf_image_close(image);
}

/* --- one made here --- */

#define LINKED 0x10000 /* of the first segment, which is the whole file */
#define WRITABLE 0x40000
#define ZEROS 100 /* that the file does not hold */
#define MOVED 0x800 /* prelink moved the sections by so much */
#define SYMBOLS 4

enum { NONE, TEXT, NOTES, BASE, SYMTAB, STRTAB, NAMES, SECTIONS };

struct made {
	Elf64_Ehdr head;
	Elf64_Phdr segments[3];
	struct {
		uint8_t version, pointer, count_encoding, table;
		int32_t frames;
		uint32_t count;
		struct {
			int32_t function, description;
		} entry[3];
	} frames;
	unsigned char text[64];
	unsigned char notes[256];
	unsigned char base[8];
	Elf64_Sym symbols[SYMBOLS];
	char strings[64], names[96];
	Elf64_Shdr sections[SECTIONS];
};

static size_t used; /* bytes of notes */

static void add_note(struct made *made, const char *name, uint32_t type, const void *description, size_t size)
{
	Elf64_Nhdr note = {(Elf64_Word)strlen(name) + 1, (Elf64_Word)size, type};
	size_t name_room = (note.n_namesz + 3u) & ~3u;

	memcpy(made->notes + used, &note, sizeof(note));
	strcpy((char *)made->notes + used + sizeof(note), name);
	memcpy(made->notes + used + sizeof(note) + name_room, description, size);
	used += sizeof(note) + name_room + ((size + 3) & ~(size_t)3);
	made->sections[NOTES].sh_size = used;
}

/* What a probe's note says: addresses of the probe, of .stapsdt.base and of the semaphore, then three strings. */
static void add_probe(
	struct made *made, uint64_t address, uint64_t base, uint64_t semaphore, const char *strings, size_t n)
{
	struct {
		uint64_t address[3];
		char strings[40];
	} probe = {.address = {address, base, semaphore}};

	memcpy(probe.strings, strings, n);
	add_note(made, "stapsdt", 3, &probe, sizeof(probe.address) + n);
}

static void section(
	struct made *made, int i, const char *name, uint32_t type, size_t offset, size_t size, uint64_t entry)
{
	size_t at = strlen(made->names + 1) ? (size_t)made->sections[i - 1].sh_name + 1 : 1;

	while (made->names[at - 1])
		at++;
	strcpy(made->names + at, name);
	made->sections[i] = (Elf64_Shdr){
		.sh_name = (Elf64_Word)at,
		.sh_type = type,
		.sh_addr = LINKED + offset,
		.sh_offset = offset,
		.sh_size = size,
		.sh_entsize = entry,
		.sh_addralign = 1,
		.sh_link = STRTAB,
	};
}

#define AT(member) offsetof(struct made, member), sizeof(((struct made *)0)->member)

static void make_headers(struct made *made)
{
	made->head = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = offsetof(struct made, segments),
		.e_shoff = offsetof(struct made, sections),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SECTIONS,
		.e_shstrndx = NAMES,
	};
	made->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = LINKED,
		.p_filesz = sizeof(*made),
		.p_memsz = sizeof(*made)};
	made->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = offsetof(struct made, base),
		.p_vaddr = WRITABLE + offsetof(struct made, base),
		.p_filesz = sizeof(made->base),
		.p_memsz = sizeof(made->base) + ZEROS};
	made->segments[2] = (Elf64_Phdr){.p_type = PT_GNU_EH_FRAME,
		.p_offset = offsetof(struct made, frames),
		.p_vaddr = LINKED + offsetof(struct made, frames),
		.p_filesz = sizeof(made->frames),
		.p_memsz = sizeof(made->frames)};
}

static void make(struct made *made)
{
	memset(made, 0, sizeof(*made));
	used = 0;
	make_headers(made);
	section(made, TEXT, ".text", SHT_PROGBITS, AT(text), 0);
	section(made, NOTES, ".note.stapsdt", SHT_NOTE, AT(notes), 0);
	section(made, BASE, ".stapsdt.base", SHT_PROGBITS, AT(base), 0);
	section(made, SYMTAB, ".symtab", SHT_SYMTAB, AT(symbols), sizeof(Elf64_Sym));
	section(made, STRTAB, ".strtab", SHT_STRTAB, AT(strings), 0);
	section(made, NAMES, ".shstrtab", SHT_STRTAB, AT(names), 0);
	strcpy(made->strings + 1, "defined");
	strcpy(made->strings + 10, "undefined");
	strcpy(made->strings + 20, "twice");
	made->symbols[0] = (Elf64_Sym){.st_name = 1, .st_shndx = TEXT, .st_value = 0x10123, .st_size = 77};
	made->symbols[1] = (Elf64_Sym){.st_name = 10, .st_shndx = SHN_UNDEF, .st_value = 0x10200, .st_size = 5};
	made->symbols[2] = (Elf64_Sym){.st_name = 20, .st_shndx = TEXT, .st_value = 0x10300, .st_size = 6};
	made->symbols[3] = (Elf64_Sym){.st_name = 20, .st_shndx = TEXT, .st_value = 0x10400, .st_size = 7};
	made->frames.version = 1;
	made->frames.count_encoding = 3;
	made->frames.table = 0x3b;
	made->frames.count = 3;
	for (int i = 0; i < 3; i++) /* relative to where they stand; functions at 0, 20 and 40 bytes of text */
		made->frames.entry[i].function =
			(int32_t)(offsetof(struct made, text) - offsetof(struct made, frames)) + 20 * i;
}

static struct elf_image *open_bytes(const void *bytes, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
		check(false, "memfd");
		exit(1);
	}
	return elf_image_open(fd);
}

static void symbols_and_segments(void)
{
	struct elf_symbol symbols[] = {{.name = "defined"}, {.name = "undefined"}, {.name = "twice"}};
	uint64_t bias, offset, start, size;
	struct elf_image *image;
	struct made made;

	make(&made);
	image = open_bytes(&made, sizeof(made));
	check(elf_image_symbols(image, symbols, 3) == 2, "two are defined");
	check(symbols[0].address == 0x10123 && symbols[0].size == 77, "address and size");
	check(!symbols[1].address && !symbols[1].size, "neither, of what is defined elsewhere");
	check(symbols[2].address == 0x10300 && symbols[2].size == 6, "the first counts");
	check(elf_image_section(image, ".text") == LINKED + offsetof(struct made, text), "a section");
	check(elf_image_bias(image, 0x7f0000000000, 0, &bias) && bias == 0x7f0000000000 - LINKED, "a bias");
	check(!elf_image_bias(image, 0x7f0000000000, sizeof(made) + 4096, &bias), "none beyond the end");
	check(elf_image_writable(image, 0, &start, &size) && start == WRITABLE + offsetof(struct made, base) &&
			size == sizeof(made.base) + ZEROS,
		"a writable segment with its zeros");
	check(!elf_image_writable(image, 1, &start, &size), "one");
	check(elf_image_offset(image, LINKED + 100, &offset) && offset == 100, "the place of an address");
	check(elf_image_offset(image, WRITABLE + offsetof(struct made, base), &offset) &&
			offset == offsetof(struct made, base),
		"of a writable one");
	check(!elf_image_offset(image, WRITABLE + offsetof(struct made, base) + sizeof(made.base), &offset),
		"zeros have none");
	check(!elf_image_offset(image, LINKED - 1, &offset) && !elf_image_offset(image, 1ull << 60, &offset),
		"nor what is in no segment");
	elf_image_close(image);
}

static void functions(void)
{
	const uint64_t text = offsetof(struct made, text);
	struct elf_image *image;
	struct made made;
	size_t begins = 0;

	make(&made);
	image = open_bytes(&made, sizeof(made));
	for (uint64_t i = 0; i < sizeof(made.text); i++)
		begins += elf_image_begins_function(image, text + i) == (i == 0 || i == 20 || i == 40);
	check(begins == sizeof(made.text), "functions begin where the unwinder is told they do");
	check(!elf_image_begins_function(image, sizeof(made) + 1), "none beyond the end");
	elf_image_close(image);
	made.frames.table = 0x1b;
	image = open_bytes(&made, sizeof(made));
	check(!elf_image_begins_function(image, text), "a table of another kind is not read");
	elf_image_close(image);
	make(&made);
	made.frames.count = UINT32_MAX;
	image = open_bytes(&made, sizeof(made));
	elf_image_begins_function(image, text + 1);
	check(!elf_image_begins_function(image, text + 1), "one that claims to be longer than the file ends");
	elf_image_close(image);
	make(&made);
	made.segments[2].p_type = PT_NOTE;
	image = open_bytes(&made, sizeof(made));
	check(!elf_image_begins_function(image, text), "without a table nothing is known");
	elf_image_close(image);
}

static void probes(void)
{
	static const char good[] = "provider\0name\0-4@%eax 8@$1", empty[] = "\0\0", two[] = "provider\0name\0";
	const uint64_t base = LINKED + offsetof(struct made, base);
	struct elf_usdt found[4] = {0};
	struct elf_image *image;
	struct made made;

	make(&made);
	add_note(&made, "GNU", 3, good, sizeof(good));
	add_probe(&made, 0x10111, base - MOVED, 0x10222, good, sizeof(good));
	add_note(&made, "stapsdt", 4, good, sizeof(good));
	add_probe(&made, 0x10333, base, 0, empty, sizeof(empty));
	image = open_bytes(&made, sizeof(made));
	check(elf_image_usdt(image, found, 4) == 2, "two of four notes are probes");
	check(strcmp(found[0].provider, "provider") == 0 && strcmp(found[0].name, "name") == 0 &&
			strcmp(found[0].arguments, "-4@%eax 8@$1") == 0,
		"the strings of one");
	check(found[0].address == 0x10111 + MOVED && found[0].semaphore == 0x10222 + MOVED, "moved with the base");
	check(!*found[1].provider && !*found[1].name && !*found[1].arguments, "empty strings of the other");
	check(found[1].address == 0x10333 && !found[1].semaphore, "not moved, and no semaphore");
	check(elf_image_usdt(image, found, 1) == 1, "as many as were asked for");
	check(elf_image_usdt(image, found, 0) == 0, "or none");
	elf_image_close(image);

	make(&made);
	add_probe(&made, 0x10111, base, 0, two, sizeof(two) - 1); /* the third string has no end */
	add_note(&made, "stapsdt", 3, good, 23);
	add_probe(&made, 0x10333, base, 0, good, sizeof(good) - 1);
	add_probe(&made, 0x10444, base, 0, good, sizeof(good));
	image = open_bytes(&made, sizeof(made));
	check(elf_image_usdt(image, found, 4) == 1 && found[0].address == 0x10444, "what is cut short is left out");
	elf_image_close(image);

	made.sections[NOTES].sh_type = SHT_PROGBITS;
	image = open_bytes(&made, sizeof(made));
	check(elf_image_usdt(image, found, 4) == 0, "a section that holds no notes");
	elf_image_close(image);
	made.sections[NOTES].sh_type = SHT_NOTE;
	made.sections[NOTES].sh_size = 1ull << 40;
	image = open_bytes(&made, sizeof(made));
	check(elf_image_usdt(image, found, 4) == 0, "one that is too large");
	elf_image_close(image);
	made.sections[NOTES].sh_size = used;
	memset(made.sections[BASE].sh_name + made.names, 'x', 3);
	image = open_bytes(&made, sizeof(made));
	check(elf_image_usdt(image, found, 4) == 1 && found[0].address == 0x10444, "without a base nothing was moved");
	elf_image_close(image);
}

/* --- hostile ones --- */

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t any(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull % below;
}

static bool inside(const char *string)
{
	return strlen(string) < sizeof(((struct made *)0)->notes);
}

/* Asks everything. False when an answer cannot be. */
static bool survives(struct elf_image *image)
{
	struct elf_symbol symbols[] = {{.name = "defined"}, {.name = "undefined"}, {.name = "twice"}};
	struct elf_usdt found[8] = {0};
	uint64_t first, second;
	size_t n = elf_image_symbols(image, symbols, 3), count = 0;
	bool good = n <= 3;

	for (size_t i = 0; i < 3; i++)
		count += symbols[i].address != 0;
	good = good && count == n;
	n = elf_image_usdt(image, found, 8);
	for (size_t i = 0; i < n && n <= 8; i++)
		good = good && inside(found[i].provider) && inside(found[i].name) && inside(found[i].arguments);
	for (size_t i = 0; elf_image_writable(image, i, &first, &second); i++)
		good = good && i < 1024;
	elf_image_section(image, ".stapsdt.base");
	elf_image_is_64_bit(image);
	for (uint64_t at = 0; at < sizeof(struct made); at += 64) {
		elf_image_begins_function(image, at);
		elf_image_bias(image, 0x7f0000000000, at, &first);
		elf_image_offset(image, LINKED + at, &first);
	}
	return good && n <= 8;
}

/* Bytes that a parser trusts most: those of all headers, notes and tables. */
static void hostile(void)
{
	static const uint64_t values[] = {
		0, 1, 3, 0x7f, 0xff, 0x7fffffff, 0xffffffff, 1ull << 40, INT64_MAX, UINT64_MAX};
	static const char strings[] = "provider\0name\0-4@%eax";
	int opened = 0, bad = 0;
	struct made made, mutant;

	make(&made);
	add_probe(&made, 0x10111, 0, 0, strings, sizeof(strings));
	add_probe(&made, 0x10222, 0, 0x10300, strings, sizeof(strings));
	for (int i = 0; i < 20000; i++) {
		size_t size = any(4) ? sizeof(mutant) : any(sizeof(mutant));
		struct elf_image *image;

		mutant = made;
		for (uint64_t k = any(6); k < 6; k++) {
			size_t width = 1u << any(4), at = any((sizeof(mutant) - 8) / width) * width;
			uint64_t value = any(2) ? values[any(sizeof(values) / sizeof(values[0]))] : any(UINT64_MAX);

			memcpy((char *)&mutant + at, &value, width);
		}
		/* Mostly still one that is looked into. */
		if (any(8))
			memcpy(mutant.head.e_ident, made.head.e_ident, sizeof(made.head.e_ident));
		image = open_bytes(&mutant, size);
		if (!image)
			continue;
		opened++;
		bad += !survives(image);
		elf_image_close(image);
	}
	check(opened > 10000, "%d mutants are ELF files", opened);
	check(bad == 0, "%d answers that cannot be", bad);
}

static void no_elf_files(void)
{
	static const char text[] = "#!/bin/sh\n", magic[] = "\177ELF";

	check(!open_bytes(text, sizeof(text)), "a script is none");
	check(!open_bytes("", 0), "nor an empty file");
	check(!open_bytes(magic, 4) || true, "the magic number alone");
	elf_image_close(NULL);
}

int main(void)
{
	own_program();
	symbols_and_segments();
	functions();
	probes();
	hostile();
	no_elf_files();
	return checks_end();
}
