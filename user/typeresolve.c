// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "typeresolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyobject.h"
#include "text.h"

/* tp_name of a static type is C code's literal. */
#define STATIC_NAME_MOST 4096

/* tp_name of a static type: "package.module.name", or a bare name for builtins. */
static bool static_name(struct memory *memory, uint64_t text, struct type_name *name)
{
	char literal[STATIC_NAME_MOST];
	size_t length = 0;
	const char *dot;

	/* Piece by piece: the literal may end right before a hole. */
	while (length < sizeof(literal)) {
		size_t piece = MEMORY_PAGE_SIZE - ((text + length) & (MEMORY_PAGE_SIZE - 1));
		const char *end;

		if (piece > sizeof(literal) - length)
			piece = sizeof(literal) - length;
		if (!memory_read(memory, text + length, literal + length, piece))
			return false;
		end = memchr(literal + length, '\0', piece);
		if (end)
			break;
		length += piece;
	}
	if (length >= sizeof(literal))
		return false;
	if (!text_is_utf8(literal)) { /* C code may call its type anything */
		name->name = text_printable(literal);
		return name->name != NULL;
	}
	dot = strrchr(literal, '.');
	name->name = strdup(dot ? dot + 1 : literal);
	name->module = dot ? strndup(literal, (size_t)(dot - literal)) : strdup("builtins");
	return name->name && name->module;
}

static bool heap_name(const struct python *python, struct memory *memory, uint64_t address, struct type_name *name)
{
	const struct layout *layout = &python->layout;
	uint64_t text, dict, module;
	int found;

	if (!memory_u64(memory, address + (uint64_t)layout->type.ht_name, &text) ||
		!memory_u64(memory, address + (uint64_t)layout->type.dict, &dict))
		return false;
	name->name = pyobject_text(&python->layout, memory, text);
	if (!name->name)
		return false;
	found = pyobject_dict_get(&python->layout, memory, dict, "__module__", &module);
	if (found == 1)
		name->module = pyobject_text(&python->layout, memory, module);
	return found >= 0;
}

bool type_is_heap(const struct python *python, struct memory *memory, uint64_t address)
{
	uint64_t flags;

	return memory_u64(memory, address + (uint64_t)python->layout.type.flags, &flags) && (flags & TPFLAGS_HEAPTYPE);
}

bool typeresolve(const struct python *python, struct memory *memory, uint64_t address, struct type_name *name)
{
	const struct layout *layout = &python->layout;
	uint64_t flags, text;
	bool known;

	*name = (struct type_name){0};
	known = memory_u64(memory, address + (uint64_t)layout->type.flags, &flags) &&
		memory_u64(memory, address + (uint64_t)layout->type.name, &text) &&
		(flags & TPFLAGS_HEAPTYPE ? heap_name(python, memory, address, name) : static_name(memory, text, name));
	if (known)
		return true;
	type_name_free(name);
	return typeresolve_address(address, name);
}

bool typeresolve_address(uint64_t address, struct type_name *name)
{
	*name = (struct type_name){0};
	if (asprintf(&name->name, "<type at %#llx>", (unsigned long long)address) < 0)
		name->name = NULL;
	return false;
}

void type_name_free(struct type_name *name)
{
	free(name->name);
	free(name->module);
	*name = (struct type_name){0};
}

char *type_name_full(const struct type_name *name)
{
	char *full;

	if (!name->module || !*name->module)
		return strdup(name->name);
	return asprintf(&full, "%s.%s", name->module, name->name) < 0 ? NULL : full;
}
