// SPDX-License-Identifier: BSD-2-Clause
#include "layout.h"

#include <string.h>

/*
 * A comment names the CPython file that a struct comes from.
 *
 * The sizes of _PyRuntimeState and PyInterpreterState are those of one build: configure options and patch releases
 * move them. The offsets given lie before whatever moved.
 *
 * Debug builds (Py_DEBUG): 3.13 and 3.14 differ from their rows in runtime.size and interp.size only, and those are in
 * _Py_DebugOffsets. 3.6 and 3.7 put two pointers before each object then (Py_TRACE_REFS) and are not
 * described; 3.8-3.12 and 3.15 were not at hand.
 */

/* clang-format off */
#define RELEASES(major, minor, first_micro, last_micro) \
	.first = (major) << 24 | (minor) << 16 | (first_micro) << 8 | 0xf0, \
	.last = (major) << 24 | (minor) << 16 | (last_micro) << 8 | 0xff
#define ANY_MICRO 255

/* Where PyThreadState has the current frame: itself, or in the struct that cframe points at. */
#define TSTATE_FRAME(offset) .frame = (offset), .cframe = LAYOUT_ABSENT, .cframe_frame = LAYOUT_ABSENT
#define TSTATE_CFRAME(offset, within) .frame = LAYOUT_ABSENT, .cframe = (offset), .cframe_frame = (within)

/* Objects/obmalloc.c, POOL_SIZE; 3.12+ Include/internal/pycore_obmalloc.h. */
#define POOLS_SMALL .pool_size = 4096
#define POOLS .pool_size = 16384

/* Objects/tupleobject.c, dictobject.c (MAINTAIN_TRACKING, to 3.13); Objects/frameobject.c. */
#define HABITS_3_6 POOLS_SMALL, .untracks_dicts = true, .tracks_frames = true
#define HABITS_3_10 POOLS, .untracks_dicts = true, .tracks_frames = true
#define HABITS_3_11 POOLS, .untracks_dicts = true, .generators_inside = true
/* Python/ceval_gil.c, _Py_RunGC */
#define HABITS_3_12 POOLS, .untracks_dicts = true, .generators_inside = true, .immortals = true
/* Include/internal/pycore_frame.h, f_executable */
#define HABITS_3_13 HABITS_3_12, .frames_without_code = true
#define HABITS_3_14 POOLS, .generators_inside = true, .immortals = true, .frames_without_code = true
/* Objects/setobject.c, _PyFrozenSet_MaybeUntrack */
#define HABITS_3_15 HABITS_3_14, .untracks_frozensets = true

/* Include/pystate.h. 3.6 has neither _PyRuntime nor struct _gil_runtime_state, but statics in Python/ceval_gil.h. */
#define RUNTIME_3_6 \
	.interpreters_head = LAYOUT_ABSENT, .interpreters_main = LAYOUT_ABSENT, .tstate_current = LAYOUT_ABSENT, \
	.gc = LAYOUT_ABSENT, .gil = LAYOUT_ABSENT, .size = LAYOUT_ABSENT
#define INTERP_3_6 \
	.next = 0, .id = LAYOUT_ABSENT, .tstate_head = 8, .tstate_next_unique_id = LAYOUT_ABSENT, \
	.gc = LAYOUT_ABSENT, .gil = LAYOUT_ABSENT, .sysdict = 32, .size = 120
#define TSTATE_3_6 \
	.next = 8, .interp = 16, .thread_id = 152, .native_thread_id = LAYOUT_ABSENT, .id = LAYOUT_ABSENT, \
	TSTATE_FRAME(24), .size = 2272
#define GIL_3_6 .last_holder = LAYOUT_ABSENT, .locked = LAYOUT_ABSENT, .switch_number = LAYOUT_ABSENT

/* Include/internal/pystate.h. */
#define INTERP_3_7 \
	.next = 0, .id = 16, .tstate_head = 8, .tstate_next_unique_id = 2560, \
	.gc = LAYOUT_ABSENT, .gil = LAYOUT_ABSENT, .sysdict = 56, .size = 2568

/* Include/pystate.h. */
#define TSTATE_3_7 \
	.next = 8, .interp = 16, .thread_id = 176, .native_thread_id = LAYOUT_ABSENT, .id = 272, \
	TSTATE_FRAME(24), .size = 280

/* Include/internal/pycore_runtime.h, pycore_interp.h, Include/cpython/pystate.h. */
#define RUNTIME_3_13 \
	.interpreters_head = 632, .interpreters_main = 640, .tstate_current = LAYOUT_ABSENT, \
	.gc = LAYOUT_ABSENT, .gil = LAYOUT_ABSENT, .size = 283320
#define INTERP_3_13 \
	.next = 7264, .id = 7272, .tstate_head = 7344, .tstate_next_unique_id = 7336, \
	.gc = 7400, .gil = 16, .sysdict = 7640, .size = 194968, \
	.free_lists = {11208, 11848, 11856, 12496, 13176, 13816, 13824, 14464}, .free_lists_debug = 8
#define TSTATE_3_13 \
	.next = 8, .interp = 16, .thread_id = 152, .native_thread_id = 160, .id = 224, TSTATE_FRAME(72), .size = 304

/* Include/cpython/pystate.h, Include/internal/pycore_tstate.h. */
#define TSTATE_3_14 \
	.next = 8, .interp = 16, .thread_id = 152, .native_thread_id = 160, .id = 224, TSTATE_FRAME(72), .size = 832

/* Include/internal/pycore_gil.h (3.7: gil.h). */
#define GIL_3_7 .last_holder = 8, .locked = 16, .switch_number = 24

/* Include/internal/pycore_gc.h (3.8: pycore_pymem.h). */
#define GC_3_8 \
	.generations = 24, .generation_size = 24, .generation0 = 96, .permanent_generation = 104, \
	.collecting = 200, .size = 240

/*
 * Include/objimpl.h. The union is as large as its worst-case alignment demands, and that was a double, then a long
 * double (bpo-27987). gc_refs has a word of its own, so neither link carries flags.
 */
#define GC_HEAD_DOUBLE .size = 24, .next = 0, .prev = 8, .next_flags = 0, .prev_flags = 0, .finalized = 16
#define GC_HEAD_LONG_DOUBLE .size = 32, .next = 0, .prev = 8, .next_flags = 0, .prev_flags = 0, .finalized = 16

/*
 * Include/internal/pycore_gc.h (3.8: Include/cpython/objimpl.h, 3.14+: pycore_interp_structs.h). _PyGC_PREV_MASK
 * leaves two bits to flags; NEXT_MASK_UNREACHABLE of the collector's source is set while it runs, and only then.
 */
#define GC_HEAD_3_8 .size = 16, .next = 0, .prev = 8, .next_flags = 1, .prev_flags = 3, .finalized = 8

/* The incremental collector: bit 0 is _PyGC_NEXT_MASK_OLD_SPACE_1, at any time; bit 1 NEXT_MASK_UNREACHABLE. */
#define GC_HEAD_INCREMENTAL .size = 16, .next = 0, .prev = 8, .next_flags = 3, .prev_flags = 3, .finalized = 8

/* Include/object.h. From 3.14 on, the count is the lower half of the 8 bytes at refcnt. */
#define OBJECT .refcnt = 0, .type = 8, .size = 16

/* Include/cpython/object.h (3.6, 3.7: Include/object.h): what every release has in the same place. */
#define TYPE \
	.name = 24, .basicsize = 32, .itemsize = 40, .dealloc = 48, .flags = 168, .base = 256, .dict = 264, .mro = 344, \
	.alloc = 304, .finalize = 392, .traverse = 184, .weaklistoffset = 208, .members = 240, .bases = 336, .cache = 352, .del = 376
#define TYPE_3_6 TYPE, .ht_name = 832, .ht_qualname = 848, .size = 400, .heap_size = 864
#define TYPE_3_13 TYPE, .ht_name = 856, .ht_qualname = 872, .size = 416, .heap_size = 928
#define TYPE_3_14 TYPE, .ht_name = 856, .ht_qualname = 872, .size = 416, .heap_size = 936

/*
 * Include/frameobject.h (3.9, 3.10: Include/cpython/frameobject.h) until 3.10, then Include/internal/pycore_frame.h,
 * 3.14+ pycore_interpframe_structs.h. The tags are Py_TAG_BITS of Include/internal/pycore_stackref.h.
 */
#define FRAME_OBJECT \
	.function = LAYOUT_ABSENT, .names = 56, .object = LAYOUT_ABSENT, .value_stack = 64, .stack = 72, .stack_style = STACK_TOP, \
	.code = 32, .previous = 24, .owner = LAYOUT_ABSENT, .locals = LAYOUT_ABSENT, .style = FRAME_LASTI_BYTES, .code_tag = 0
#define FRAME_3_6 FRAME_OBJECT, .instruction = 120, .size = 124, .held = {24, 32, 40, 48, 56, 80, 88, 96, 104}
#define FRAME_3_7 FRAME_OBJECT, .instruction = 104, .size = 108, .held = {24, 32, 40, 48, 56, 80}
#define FRAME_3_10 \
	.function = LAYOUT_ABSENT, .names = 56, .object = LAYOUT_ABSENT, .value_stack = 64, .stack = 80, .stack_style = STACK_DEPTH, \
	.held = {24, 32, 40, 48, 56, 72}, \
	.code = 32, .previous = 24, .instruction = 96, .owner = LAYOUT_ABSENT, .locals = LAYOUT_ABSENT, .size = 100, \
	.style = FRAME_LASTI_UNITS, .code_tag = 0
#define FRAME_3_11 \
	.function = 0, .names = 24, .object = 40, .value_stack = LAYOUT_ABSENT, .stack = 64, .stack_style = STACK_COUNT, \
	.held = {16, 32}, \
	.code = 32, .previous = 48, .instruction = 56, .owner = 69, .locals = 72, .size = 70, .style = FRAME_POINTER, .code_tag = 0
#define FRAME_INSIDE .function = 16, .names = 40, .object = 48, .value_stack = LAYOUT_ABSENT, .stack = 64
#define FRAME_3_12 FRAME_3_12_13, .held = {16, 32}
#define FRAME_3_13 FRAME_3_12_13, .held = {16, 32, 48, 56}
#define FRAME_3_12_13 \
	FRAME_INSIDE, .stack_style = STACK_COUNT, \
	.code = 0, .previous = 8, .instruction = 56, .owner = 70, .locals = 72, .size = 71, .style = FRAME_POINTER, .code_tag = 0
#define FRAME_3_14 \
	FRAME_INSIDE, .stack_style = STACK_END, .held = {16, 32, 48, 56, 64}, \
	.code = 0, .previous = 8, .instruction = 56, .owner = 74, .locals = 80, .size = 75, .style = FRAME_POINTER, .code_tag = 3

/* Include/code.h, 3.8+ Include/cpython/code.h; _PyOpcache: Include/internal/pycore_code.h. */
#define CODE_NO_CACHE .opcache = LAYOUT_ABSENT, .opcache_length = LAYOUT_ABSENT, .opcache_entry = LAYOUT_ABSENT
#define CODE_LNOTAB_3_6 \
	CODE_NO_CACHE, .filename = 96, .name = 104, .qualname = LAYOUT_ABSENT, .flags = 32, .firstlineno = 36, .linetable = 112, \
	.first_instruction = LAYOUT_ABSENT, .stacksize = 28, .locals = 24, .framesize = LAYOUT_ABSENT, .varnames = 64, .kinds = LAYOUT_ABSENT, .cellvars = 80, \
	.freevars = 72, .cell2arg = 88, .extra = 136, .bytecode = 40, .size = 144, .style = LINES_LNOTAB
#define CODE_3_6 CODE_LNOTAB_3_6, .extra_head = 0
#define CODE_3_7 CODE_LNOTAB_3_6, .extra_head = 8
#define CODE_OPCACHE \
	.filename = 104, .name = 112, .qualname = LAYOUT_ABSENT, .flags = 36, .firstlineno = 40, .linetable = 120, \
	.first_instruction = LAYOUT_ABSENT, .stacksize = 32, .locals = 28, .framesize = LAYOUT_ABSENT, .varnames = 72, .kinds = LAYOUT_ABSENT, .cellvars = 88, \
	.freevars = 80, .cell2arg = 96, .extra = 144, .extra_head = 8, .bytecode = 48, .opcache = 160, .opcache_length = 172, \
	.opcache_entry = 32, .size = 176
#define CODE_3_8 CODE_OPCACHE, .style = LINES_LNOTAB
#define CODE_3_10 CODE_OPCACHE, .style = LINES_RANGES
#define CODE_LOCATIONS \
	CODE_NO_CACHE, .flags = 48, .filename = 112, .name = 120, .qualname = 128, .linetable = 136, .varnames = 96, .kinds = 104, .cellvars = LAYOUT_ABSENT, \
	.freevars = LAYOUT_ABSENT, .cell2arg = LAYOUT_ABSENT, .bytecode = LAYOUT_ABSENT, .extra_head = 8, \
	.style = LINES_LOCATIONS
#define CODE_3_11 \
	CODE_LOCATIONS, .firstlineno = 72, .first_instruction = 184, .stacksize = 68, .locals = 76, .framesize = LAYOUT_ABSENT, \
	.extra = 176, .size = 192
#define CODE_FRAMESIZE CODE_LOCATIONS, .firstlineno = 68, .stacksize = 64, .locals = 72, .framesize = 76
#define CODE_3_12 CODE_FRAMESIZE, .first_instruction = 192, .extra = 184, .size = 200
#define CODE_3_13 CODE_FRAMESIZE, .first_instruction = 200, .extra = 192, .size = 208
#define CODE_3_14 CODE_FRAMESIZE, .first_instruction = 208, .extra = 200, .size = 216

/* Include/cpython/bytesobject.h (3.6-3.8: Include/bytesobject.h). */
#define BYTES .length = 16, .data = 32

/* Include/cpython/unicodeobject.h (3.6, 3.7: Include/unicodeobject.h). 3.12 dropped wstr. */
#define UNICODE .length = 16, .state = 32, .kind_shift = 2, .compact_shift = 5, .ascii_shift = 6
#define UNICODE_3_6 \
	UNICODE, .ascii_data = 48, .compact_data = 72, .data = 72, .utf8 = 56, .utf8_length = 48, .wstr = 40, .wstr_length = 64
#define UNICODE_3_12 \
	UNICODE, .ascii_data = 40, .compact_data = 56, .data = 56, .utf8 = 48, .utf8_length = 40, .wstr = LAYOUT_ABSENT, \
	.wstr_length = LAYOUT_ABSENT

/* Include/cpython/dictobject.h (3.6, 3.7: Include/dictobject.h). Keys: Objects/dict-common.h, 3.11+ pycore_dict.h. */
#define DICT .used = 16, .keys = 32, .values = 40
#define DICT_3_6 \
	DICT, .style = DICT_KEYS_SIZE, .dk_size = 8, .dk_log2_index_bytes = LAYOUT_ABSENT, .dk_kind = LAYOUT_ABSENT, \
	.dk_lookup = 16, .dk_nentries = 32, .dk_indices = 40
#define DICT_3_11 \
	DICT, .style = DICT_KEYS_LOG2, .dk_size = 8, .dk_log2_index_bytes = 9, .dk_kind = 10, .dk_lookup = LAYOUT_ABSENT, \
	.dk_nentries = 24, .dk_indices = 32

/* Include/longintrepr.h, 3.11 Include/cpython/longintrepr.h; 3.12+ struct _PyLongValue there. */
#define INTEGER_3_6 .size = 16, .digits = 24, .tagged = false, .digits_least = 0
#define INTEGER_3_11 .size = 16, .digits = 24, .tagged = false, .digits_least = 1
#define INTEGER_3_12 .size = 16, .digits = 24, .tagged = true, .digits_least = 1

/*
 * In no header: Objects/rangeobject.c, descrobject.c (property, mappingproxy), namespaceobject.c, enumobject.c,
 * Python/bltinmodule.c (zip, map).
 */
#define WRAPPERS \
	.range_start = 16, .range_stop = 24, .range_step = 32, .property_get = 16, .proxy_mapping = 16, \
	.namespace_dict = 16, .enumerate_index = 16, .enumerate_iterator = 24, .zip_iterators = 24, .map_iterators = 16, \
	.map_function = 24

/* Include/floatobject.h, complexobject.h, listobject.h, setobject.h, ... (3.8+ some in Include/cpython). */
#define MEMBER \
	.real = 16, .complex = 16, .size = 16, .list_items = 24, .list_allocated = 32, .set_used = 24, .set_mask = 32, \
	.set_table = 40, .set_small = 64, .bytearray_allocated = 24, .bytearray_start = 40, .method_function = 16, \
	.method_self = 24, .builtin_def = 16, .builtin_self = 24, .module_dict = 16, .cell_ref = 16, \
	.weakref_object = 16, .exception_args = 24, .slice_start = 16, .slice_stop = 24, .slice_step = 32, WRAPPERS
#define MODULE_DEF .module_def = 24, .module_state = 32, .module_state_size = 56, .module_traverse = 80, .module_name = 48
#define MEMBER_3_6 MEMBER, MODULE_DEF, .tuple_items = 24, .function_code = 16, .function_qualname = 104
#define MEMBER_3_10 MEMBER, MODULE_DEF, .tuple_items = 24, .function_code = 48, .function_qualname = 40
#define MEMBER_TUPLE_HASH MEMBER, .tuple_items = 32, .function_code = 48, .function_qualname = 40
#define MEMBER_3_14 MEMBER_TUPLE_HASH, MODULE_DEF
#define MEMBER_3_15 \
	MEMBER_TUPLE_HASH, .bytearray_extra = 33, .module_def = LAYOUT_ABSENT, .module_state = 24, .module_state_size = 56, \
	.module_traverse = 64, .module_name = 40

/*
 * Modules/_collectionsmodule.c, Modules/arraymodule.c, Modules/_functoolsmodule.c, Objects/odictobject.c: structs that are
 * in no header. A deque keeps blocks to reuse from 3.11 on, a partial the way of its call from 3.7 on, placeholders from 3.14 on.
 */
#define LIBRARY(deque, as_dict, partial) \
	.deque_size = (deque), .deque_first = 24, .deque_index = 40, .deque_most = 64, .block_items = 8, .block_next = 520, \
	.block_size = 528, .defaultdict_size = 56, .defaultdict_factory = 48, .ordered_size = 112, .ordered_first = 48, \
	.ordered_slots = 72, .node_key = 0, .node_hash = 8, .node_next = 16, .node_size = 32, .ordered_as_dict = (as_dict), \
	.array_size = 64, .array_items = 24, .array_allocated = 32, .array_descr = 40, .descr_code = 0, .descr_itemsize = 4, \
	.partial_size = (partial), .partial_function = 16, .partial_arguments = 24, .partial_keywords = 32

/* Include/genobject.h (3.11+ Include/cpython, 3.14+ pycore_interpframe_structs.h); states: pycore_frame.h. */
#define GENERATOR_FRAME .state = LAYOUT_ABSENT, .frame_object = LAYOUT_ABSENT
#define GENERATOR_3_6 GENERATOR_FRAME, .frame = 16, .qualname = 56, .running = 24, .old_state = LAYOUT_ABSENT
#define GENERATOR_3_10 GENERATOR_FRAME, .frame = 16, .qualname = 48, .running = LAYOUT_ABSENT, .old_state = 108
#define GENERATOR_INSIDE .running = LAYOUT_ABSENT, .old_state = LAYOUT_ABSENT, .frame_object = 24
#define GENERATOR_3_11 \
	GENERATOR_INSIDE, .frame = 80, .qualname = 40, .state = 75, .created = -2, .executing = 0, .completed = 1
#define GENERATOR GENERATOR_INSIDE, .keeps_code = true, .frame = 72, .qualname = 32, .state = 67
#define GENERATOR_3_12 GENERATOR, .created = -2, .executing = 0, .completed = 1
#define GENERATOR_3_13 GENERATOR, .created = -3, .executing = 0, .completed = 1
#define GENERATOR_3_14 GENERATOR_3_13, .visits_code = true
#define GENERATOR_3_15 GENERATOR, .visits_code = true, .created = 0, .executing = 4, .completed = 5

/* Include/cpython/object.h, Include/descrobject.h, Include/structmember.h (3.12+ Include/descrobject.h). */
#define ATTRIBUTE_3_6(keys) ATTRIBUTE_OF(keys, 0, VALUES_DICT), .ht_module = LAYOUT_ABSENT
#define ATTRIBUTE(keys, first, how) ATTRIBUTE_OF(keys, first, how), .ht_module = (keys) + 8
#define ATTRIBUTE_OF(keys, first, how) \
	.dict_first = 0x030d05f0, .values_first = (first), .style = (how), .dictoffset = 288, .cached_keys = (keys), .descriptor_type = 16, .descriptor_member = 40, \
	.member_offset = 16, .member_type = 8, .member_flags = 24
/* clang-format on */

static const struct layout layouts[] = {
	/* 3.6 with pyenv's patch for 3.6.15, which brings bpo-27987 of 3.7.4. */
	{
		RELEASES(3, 6, 0, ANY_MICRO),
		.trash = {.depth = 160},
		.habits = {HABITS_3_6},
		.runtime = {RUNTIME_3_6},
		.interp = {INTERP_3_6},
		.tstate = {TSTATE_3_6},
		.frame = {FRAME_3_6},
		.code = {CODE_3_6},
		.bytes = {BYTES},
		.gil = {GIL_3_6},
		/* Modules/gcmodule.c */
		.gc = {.generations = 0,
			.generation_size = 48,
			.generation0 = LAYOUT_ABSENT,
			.permanent_generation = LAYOUT_ABSENT,
			.collecting = LAYOUT_ABSENT,
			.size = LAYOUT_ABSENT},
		.gc_head = {GC_HEAD_LONG_DOUBLE},
		.object = {OBJECT},
		.type = {TYPE_3_6},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 56)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE_3_6(856)},
		.integer = {INTEGER_3_6},
	},
	/* 3.6 as python.org has it; proved against changed headers only, as 3.14.0-3.14.4 below. */
	{
		RELEASES(3, 6, 0, ANY_MICRO),
		.trash = {.depth = 160},
		.habits = {HABITS_3_6},
		.runtime = {RUNTIME_3_6},
		.interp = {INTERP_3_6},
		.tstate = {TSTATE_3_6},
		.frame = {FRAME_3_6},
		.code = {CODE_3_6},
		.bytes = {BYTES},
		.gil = {GIL_3_6},
		/* Modules/gcmodule.c */
		.gc = {.generations = 0,
			.generation_size = 32,
			.generation0 = LAYOUT_ABSENT,
			.permanent_generation = LAYOUT_ABSENT,
			.collecting = LAYOUT_ABSENT,
			.size = LAYOUT_ABSENT},
		.gc_head = {GC_HEAD_DOUBLE},
		.object = {OBJECT},
		.type = {TYPE_3_6},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 56)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE_3_6(856)},
		.integer = {INTEGER_3_6},
	},
	/* 3.7.0-3.7.3, before bpo-27987; proved against changed headers only. */
	{
		RELEASES(3, 7, 0, 3),
		.trash = {.depth = 184},
		.habits = {HABITS_3_6},
		/* Include/internal/pystate.h */
		.runtime = {.interpreters_head = 24,
			.interpreters_main = 32,
			.tstate_current = 1392,
			.gc = 312,
			.gil = 1176,
			.size = 1432},
		.interp = {INTERP_3_7},
		.tstate = {TSTATE_3_7},
		.frame = {FRAME_3_7},
		.code = {CODE_3_7},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/mem.h */
		.gc = {.generations = 24,
			.generation_size = 32,
			.generation0 = 120,
			.permanent_generation = 128,
			.collecting = 232,
			.size = 272},
		.gc_head = {GC_HEAD_DOUBLE},
		.object = {OBJECT},
		.type = {TYPE_3_6},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 64)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE_3_6(856)},
		.integer = {INTEGER_3_6},
	},
	/* 3.7.4 and later. */
	{
		RELEASES(3, 7, 4, ANY_MICRO),
		.trash = {.depth = 184},
		.habits = {HABITS_3_6},
		/* Include/internal/pystate.h */
		.runtime = {.interpreters_head = 24,
			.interpreters_main = 32,
			.tstate_current = 1480,
			.gc = 320,
			.gil = 1264,
			.size = 1520},
		.interp = {INTERP_3_7},
		.tstate = {TSTATE_3_7},
		.frame = {FRAME_3_7},
		.code = {CODE_3_7},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/mem.h */
		.gc = {.generations = 32,
			.generation_size = 48,
			.generation0 = 176,
			.permanent_generation = 192,
			.collecting = 312,
			.size = 352},
		.gc_head = {GC_HEAD_LONG_DOUBLE},
		.object = {OBJECT},
		.type = {TYPE_3_6},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 64)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE_3_6(856)},
		.integer = {INTEGER_3_6},
	},
	/* 3.8: the last with the collector in _PyRuntime. */
	{
		RELEASES(3, 8, 0, ANY_MICRO),
		.trash = {.depth = 184},
		.habits = {HABITS_3_6},
		/* Include/internal/pycore_pystate.h */
		.runtime = {.interpreters_head = 32,
			.interpreters_main = 40,
			.tstate_current = 1368,
			.gc = 344,
			.gil = 1152,
			.size = 1464},
		/* Include/internal/pycore_pystate.h */
		.interp = {.next = 0,
			.id = 16,
			.tstate_head = 8,
			.tstate_next_unique_id = 2664,
			.gc = LAYOUT_ABSENT,
			.gil = LAYOUT_ABSENT,
			.sysdict = 72,
			.size = 2720},
		/* Include/cpython/pystate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 176,
			.native_thread_id = LAYOUT_ABSENT,
			.id = 256,
			TSTATE_FRAME(24),
			.size = 264},
		.frame = {FRAME_3_7},
		.code = {CODE_3_8},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 848, .ht_qualname = 864, .size = 416, .heap_size = 880},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 64)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE_3_6(872)},
		.integer = {INTEGER_3_6},
	},
	{
		RELEASES(3, 9, 0, ANY_MICRO),
		.trash = {.depth = 184},
		.habits = {HABITS_3_6},
		/* Include/internal/pycore_runtime.h */
		.runtime = {.interpreters_head = 32,
			.interpreters_main = 40,
			.tstate_current = 568,
			.gc = LAYOUT_ABSENT,
			.gil = 352,
			.size = 656},
		/* Include/internal/pycore_interp.h */
		.interp = {.next = 0,
			.id = 24,
			.tstate_head = 8,
			.tstate_next_unique_id = 3496,
			.gc = 616,
			.gil = LAYOUT_ABSENT,
			.sysdict = 872,
			.size = 5656},
		/* Include/cpython/pystate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 176,
			.native_thread_id = LAYOUT_ABSENT,
			.id = 256,
			TSTATE_FRAME(24),
			.size = 264},
		.frame = {FRAME_3_7},
		.code = {CODE_3_8},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 840, .ht_qualname = 856, .size = 408, .heap_size = 880},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_6},
		.library = {LIBRARY(80, false, 64)},
		.generator = {GENERATOR_3_6},
		.attribute = {ATTRIBUTE(864, 0, VALUES_DICT)},
		.integer = {INTEGER_3_6},
	},
	{
		RELEASES(3, 10, 0, ANY_MICRO),
		.trash = {.depth = 184},
		.habits = {HABITS_3_10},
		/* Include/internal/pycore_runtime.h */
		.runtime = {.interpreters_head = 32,
			.interpreters_main = 40,
			.tstate_current = 568,
			.gc = LAYOUT_ABSENT,
			.gil = 352,
			.size = 672},
		/* Include/internal/pycore_interp.h */
		.interp = {.next = 0,
			.id = 24,
			.tstate_head = 8,
			.tstate_next_unique_id = 3448,
			.gc = 616,
			.gil = LAYOUT_ABSENT,
			.sysdict = 872,
			.size = 113528,
			.free_lists = {10040, 10680, 10688, 11328, 12000, 12640, 12648, 13288}},
		/* Include/cpython/pystate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 176,
			.native_thread_id = LAYOUT_ABSENT,
			.id = 256,
			TSTATE_FRAME(24),
			.size = 280},
		.frame = {FRAME_3_10},
		.code = {CODE_3_10},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 848, .ht_qualname = 864, .size = 408, .heap_size = 888},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_6},
		.member = {MEMBER_3_10},
		.library = {LIBRARY(80, false, 64)},
		.generator = {GENERATOR_3_10},
		.attribute = {ATTRIBUTE(872, 0, VALUES_DICT)},
		.integer = {INTEGER_3_6},
	},
	/* 3.11: the last with one GIL, in _PyRuntime. */
	{
		RELEASES(3, 11, 0, ANY_MICRO),
		.trash = {.depth = 168},
		.habits = {HABITS_3_11},
		/* Include/internal/pycore_runtime.h */
		.runtime = {.interpreters_head = 40,
			.interpreters_main = 48,
			.tstate_current = 576,
			.gc = LAYOUT_ABSENT,
			.gil = 360,
			.size = 166688},
		/* Include/internal/pycore_interp.h */
		.interp = {.next = 0,
			.id = 48,
			.tstate_head = 16,
			.tstate_next_unique_id = 8,
			.gc = 648,
			.gil = LAYOUT_ABSENT,
			.sysdict = 904,
			.size = 107752,
			.free_lists = {3872, 4512, 4520, 5160, 5816, 6456, 6464, 7104}},
		/* Include/cpython/pystate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 152,
			.native_thread_id = 160,
			.id = 240,
			TSTATE_CFRAME(56, 8),
			.size = 360},
		.frame = {FRAME_3_11},
		.code = {CODE_3_11},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 848, .ht_qualname = 864, .size = 408, .heap_size = 904},
		.unicode = {UNICODE_3_6},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_10},
		.library = {LIBRARY(216, false, 64)},
		.generator = {GENERATOR_3_11},
		.attribute = {ATTRIBUTE(872, 0, VALUES_POINTERS)},
		.integer = {INTEGER_3_11},
	},
	{
		RELEASES(3, 12, 0, ANY_MICRO),
		.trash = {.depth = 152},
		.habits = {HABITS_3_12},
		/* Include/internal/pycore_runtime.h */
		.runtime = {.interpreters_head = 40,
			.interpreters_main = 48,
			.tstate_current = LAYOUT_ABSENT,
			.gc = LAYOUT_ABSENT,
			.gil = LAYOUT_ABSENT,
			.size = 459944},
		/* Include/internal/pycore_interp.h */
		.interp = {.next = 0,
			.id = 8,
			.tstate_head = 72,
			.tstate_next_unique_id = 64,
			.gc = 112,
			.gil = 384,
			.sysdict = 352,
			.size = 383552,
			.free_lists = {270072, 270712, 270736, 272016, 272088, 272728, 272736, 273376}},
		/* Include/cpython/pystate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 136,
			.native_thread_id = 144,
			.id = 224,
			TSTATE_CFRAME(56, 0),
			.size = 288},
		.frame = {FRAME_3_12},
		.code = {CODE_3_12},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 856, .ht_qualname = 872, .size = 416, .heap_size = 920},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_10},
		.library = {LIBRARY(216, true, 64)},
		.generator = {GENERATOR_3_12},
		.attribute = {ATTRIBUTE(880, 0, VALUES_TAGGED)},
		.integer = {INTEGER_3_12},
	},
	/* 3.13 as python.org has it. */
	{
		RELEASES(3, 13, 0, ANY_MICRO),
		.trash = {.depth = 52, .counts_down = true},
		.habits = {HABITS_3_13},
		.runtime = {RUNTIME_3_13},
		.interp = {INTERP_3_13},
		.tstate = {TSTATE_3_13},
		.frame = {FRAME_3_13},
		.code = {CODE_3_13},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		.gc = {GC_3_8},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE_3_13},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_10},
		.library = {LIBRARY(216, true, 64)},
		.generator = {GENERATOR_3_13},
		.attribute = {ATTRIBUTE(880, 8, VALUES_INLINE)},
		.integer = {INTEGER_3_12},
	},
	/*
	 * 3.13 as Debian has it (gchead-alignment.diff, gh-127545): PyGC_Head is declared with an
	 * alignment of 4, so the three lists begin 4 bytes earlier. No size changes, only the pointer
	 * generation0 gives it away.
	 */
	{
		RELEASES(3, 13, 0, ANY_MICRO),
		.trash = {.depth = 52, .counts_down = true},
		.habits = {HABITS_3_13},
		.runtime = {RUNTIME_3_13},
		.interp = {INTERP_3_13},
		.tstate = {TSTATE_3_13},
		.frame = {FRAME_3_13},
		.code = {CODE_3_13},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/pycore_gc.h */
		.gc = {.generations = 20,
			.generation_size = 24,
			.generation0 = 96,
			.permanent_generation = 104,
			.collecting = 200,
			.size = 240},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE_3_13},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_10},
		.library = {LIBRARY(216, true, 64)},
		.generator = {GENERATOR_3_13},
		.attribute = {ATTRIBUTE(880, 8, VALUES_INLINE)},
		.integer = {INTEGER_3_12},
	},
	/*
	 * 3.14.0-3.14.4: the incremental collector. No such interpreter was at hand: scripts/layout-check proves this
	 * row only against headers of 3.14.10 with the changes of 3.14.5 to the collector (gh-148726) undone.
	 */
	{
		RELEASES(3, 14, 0, 4),
		.habits = {HABITS_3_14},
		.trash = {.depth = LAYOUT_ABSENT},
		/* Include/internal/pycore_runtime_structs.h */
		.runtime = {.interpreters_head = 808,
			.interpreters_main = 816,
			.tstate_current = LAYOUT_ABSENT,
			.gc = LAYOUT_ABSENT,
			.gil = LAYOUT_ABSENT,
			.size = 316592},
		/* Include/internal/pycore_interp_structs.h */
		.interp = {.next = 7272,
			.id = 7280,
			.tstate_head = 7344,
			.tstate_next_unique_id = 7336,
			.gc = 7408,
			.gil = 16,
			.sysdict = 7648,
			.size = 225840},
		.tstate = {TSTATE_3_14},
		.frame = {FRAME_3_14},
		.code = {CODE_3_14},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/pycore_interp_structs.h: young, old[0], old[1] */
		.gc = {.generations = 24,
			.generation_size = 24,
			.generation0 = LAYOUT_ABSENT,
			.permanent_generation = 96,
			.collecting = 192,
			.size = 240},
		.gc_head = {GC_HEAD_INCREMENTAL},
		.object = {OBJECT},
		.type = {TYPE_3_14},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_14},
		.library = {LIBRARY(216, true, 80)},
		.generator = {GENERATOR_3_14},
		.attribute = {ATTRIBUTE(880, 8, VALUES_INLINE)},
		.integer = {INTEGER_3_12},
	},
	/* 3.14.5 and later: three generations again (gh-148726). */
	{
		RELEASES(3, 14, 5, ANY_MICRO),
		.habits = {HABITS_3_14},
		.trash = {.depth = LAYOUT_ABSENT},
		/* Include/internal/pycore_runtime_structs.h */
		.runtime = {.interpreters_head = 808,
			.interpreters_main = 816,
			.tstate_current = LAYOUT_ABSENT,
			.gc = LAYOUT_ABSENT,
			.gil = LAYOUT_ABSENT,
			.size = 316616},
		/* Include/internal/pycore_interp_structs.h */
		.interp = {.next = 7272,
			.id = 7280,
			.tstate_head = 7344,
			.tstate_next_unique_id = 7336,
			.gc = 7408,
			.gil = 16,
			.sysdict = 7672,
			.size = 225864},
		.tstate = {TSTATE_3_14},
		.frame = {FRAME_3_14},
		.code = {CODE_3_14},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/pycore_interp_structs.h */
		.gc = {.generations = 24,
			.generation_size = 24,
			.generation0 = 256,
			.permanent_generation = 96,
			.collecting = 192,
			.size = 264},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE_3_14},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_14},
		.library = {LIBRARY(216, true, 80)},
		.generator = {GENERATOR_3_14},
		.attribute = {ATTRIBUTE(880, 8, VALUES_INLINE)},
		.integer = {INTEGER_3_12},
	},
	/* 3.15: statistics left the collector's state, the trashcan too. */
	{
		RELEASES(3, 15, 0, ANY_MICRO),
		.habits = {HABITS_3_15},
		.trash = {.depth = LAYOUT_ABSENT},
		/* Include/internal/pycore_runtime_structs.h */
		.runtime = {.interpreters_head = 936,
			.interpreters_main = 944,
			.tstate_current = LAYOUT_ABSENT,
			.gc = LAYOUT_ABSENT,
			.gil = LAYOUT_ABSENT,
			.size = 346568},
		/* Include/internal/pycore_interp_structs.h */
		.interp = {.next = 7264,
			.id = 7272,
			.tstate_head = 7336,
			.tstate_next_unique_id = 7328,
			.gc = 7400,
			.gil = 16,
			.sysdict = 7576,
			.size = 226240},
		/* Include/cpython/pystate.h, Include/internal/pycore_tstate.h */
		.tstate = {.next = 8,
			.interp = 16,
			.thread_id = 176,
			.native_thread_id = 184,
			.id = 248,
			TSTATE_FRAME(72),
			.size = 888},
		.frame = {FRAME_3_14},
		.code = {CODE_3_14},
		.bytes = {BYTES},
		.gil = {GIL_3_7},
		/* Include/internal/pycore_interp_structs.h */
		.gc = {.generations = 8,
			.generation_size = 24,
			.generation0 = 168,
			.permanent_generation = 80,
			.collecting = 112,
			.size = 176},
		.gc_head = {GC_HEAD_3_8},
		.object = {OBJECT},
		.type = {TYPE, .ht_name = 864, .ht_qualname = 880, .size = 424, .heap_size = 944},
		.unicode = {UNICODE_3_12},
		.dict = {DICT_3_11},
		.member = {MEMBER_3_15},
		.library = {LIBRARY(216, true, 80)},
		.generator = {GENERATOR_3_15},
		.attribute = {ATTRIBUTE(888, 8, VALUES_INLINE)},
		.integer = {INTEGER_3_12},
	},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static bool describes(const struct layout *row, uint32_t version)
{
	return row->first <= version && version <= row->last;
}

const struct layout *layout_find(uint32_t version)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (describes(&layouts[i], version))
			return &layouts[i];
	return NULL;
}

const struct layout *layout_other(const struct layout *row, uint32_t version)
{
	while (++row < layouts + LAYOUTS)
		if (describes(row, version))
			return row;
	return NULL;
}

const char *layout_oldest(void)
{
	return "3.6";
}

const char *layout_newest(void)
{
	return "3.15";
}

/*
 * _Py_DebugOffsets is an array of 64-bit words: a cookie, PY_VERSION_HEX, "free threaded", then the values. Each minor
 * version orders them anew (Include/internal/pycore_debug_offsets.h, 3.13 pycore_runtime.h). Word 0 is the cookie, so a
 * 0 below means that the version does not tell this value.
 */
#define COOKIE "xdebugpy"
#define FIRST_DEBUG_OFFSETS 13 /* minor version */
#define DEBUG_OFFSETS_VERSIONS 3

/* Words that need more than a copy; those of the GIL's members count from the interpreter. */
static const struct words {
	uint16_t gil, gil_locked, gil_holder, gc_size, gc_collecting; /* the last is the furthest of all used */
} words[DEBUG_OFFSETS_VERSIONS] = {
	{.gil = 15, .gil_locked = 17, .gil_holder = 18, .gc_size = 71, .gc_collecting = 72}, /* 3.13 */
	{.gil = 16, .gil_locked = 18, .gil_holder = 19, .gc_size = 81, .gc_collecting = 82}, /* 3.14 */
	{.gil = 16, .gil_locked = 18, .gil_holder = 19, .gc_size = 94, .gc_collecting = 95}, /* 3.15 */
};

#define FIELD(name) offsetof(struct layout, name)
#define NO_STRUCT SIZE_MAX

/* Words that are copied to a field of struct layout. */
static const struct told {
	const char *name; /* as CPython calls it, for messages */
	size_t field; /* of struct layout */
	size_t within; /* the size of the struct that it lies in, a field told earlier; NO_STRUCT for sizes */
	uint16_t bytes; /* how long the member is, or the least that the size can be */
	uint16_t word[DEBUG_OFFSETS_VERSIONS]; /* 3.13, 3.14, 3.15 */
} tolds[] = {
	{"runtime_state.size", FIELD(runtime.size), NO_STRUCT, 64, {3, 3, 3}},
	{"runtime_state.interpreters_head", FIELD(runtime.interpreters_head), FIELD(runtime.size), 16, {5, 5, 5}},
	{"interpreter_state.size", FIELD(interp.size), NO_STRUCT, 64, {6, 6, 6}},
	{"interpreter_state.id", FIELD(interp.id), FIELD(interp.size), 8, {7, 7, 7}},
	{"interpreter_state.next", FIELD(interp.next), FIELD(interp.size), 8, {8, 8, 8}},
	{"interpreter_state.threads_head", FIELD(interp.tstate_head), FIELD(interp.size), 8, {9, 9, 9}},
	{"interpreter_state.gc", FIELD(interp.gc), FIELD(interp.size), 8, {10, 11, 11}},
	{"interpreter_state.sysdict", FIELD(interp.sysdict), FIELD(interp.size), 8, {12, 13, 13}},
	{"interpreter_state.ceval_gil", FIELD(interp.gil), FIELD(interp.size), 8, {14, 15, 15}},
	{"thread_state.size", FIELD(tstate.size), NO_STRUCT, 64, {19, 22, 22}},
	{"thread_state.next", FIELD(tstate.next), FIELD(tstate.size), 8, {21, 24, 24}},
	{"thread_state.interp", FIELD(tstate.interp), FIELD(tstate.size), 8, {22, 25, 25}},
	{"thread_state.current_frame", FIELD(tstate.frame), FIELD(tstate.size), 8, {23, 26, 26}},
	{"thread_state.thread_id", FIELD(tstate.thread_id), FIELD(tstate.size), 8, {24, 27, 30}},
	{"thread_state.native_thread_id", FIELD(tstate.native_thread_id), FIELD(tstate.size), 8, {25, 28, 31}},
	{"interpreter_frame.size", FIELD(frame.size), NO_STRUCT, 32, {28, 31, 39}},
	{"interpreter_frame.previous", FIELD(frame.previous), FIELD(frame.size), 8, {29, 32, 40}},
	{"interpreter_frame.executable", FIELD(frame.code), FIELD(frame.size), 8, {30, 33, 41}},
	{"interpreter_frame.instr_ptr", FIELD(frame.instruction), FIELD(frame.size), 8, {31, 34, 42}},
	{"interpreter_frame.owner", FIELD(frame.owner), FIELD(frame.size), 1, {33, 36, 44}},
	{"code_object.size", FIELD(code.size), NO_STRUCT, 64, {34, 39, 47}},
	{"code_object.filename", FIELD(code.filename), FIELD(code.size), 8, {35, 40, 48}},
	{"code_object.name", FIELD(code.name), FIELD(code.size), 8, {36, 41, 49}},
	{"code_object.qualname", FIELD(code.qualname), FIELD(code.size), 8, {37, 42, 50}},
	{"code_object.linetable", FIELD(code.linetable), FIELD(code.size), 8, {38, 43, 51}},
	{"code_object.firstlineno", FIELD(code.firstlineno), FIELD(code.size), 4, {39, 44, 52}},
	{"code_object.co_code_adaptive", FIELD(code.first_instruction), FIELD(code.size), 1, {43, 48, 56}},
	{"pyobject.size", FIELD(object.size), NO_STRUCT, 16, {44, 50, 58}},
	{"pyobject.ob_type", FIELD(object.type), FIELD(object.size), 8, {45, 51, 59}},
	{"type_object.size", FIELD(type.size), NO_STRUCT, 64, {46, 52, 60}},
	{"type_object.tp_name", FIELD(type.name), FIELD(type.size), 8, {47, 53, 61}},
	{"type_object.tp_flags", FIELD(type.flags), FIELD(type.size), 8, {49, 55, 63}},
	{"type_object.tp_basicsize", FIELD(type.basicsize), FIELD(type.size), 8, {0, 0, 64}},
	{"heap_type_object.size", FIELD(type.heap_size), NO_STRUCT, 64, {0, 0, 66}},
	{"bytes_object.ob_sval", FIELD(bytes.data), NO_STRUCT, 24, {66, 76, 88}},
	{"bytes_object.ob_size", FIELD(bytes.length), FIELD(bytes.data), 8, {65, 75, 87}},
	{"unicode_object.asciiobject_size", FIELD(unicode.ascii_data), NO_STRUCT, 24, {70, 80, 92}},
	{"unicode_object.state", FIELD(unicode.state), FIELD(unicode.ascii_data), 4, {68, 78, 90}},
	{"unicode_object.length", FIELD(unicode.length), FIELD(unicode.ascii_data), 8, {69, 79, 91}},
	{"unicode_object.compactunicodeobject_size", FIELD(unicode.compact_data), NO_STRUCT, 24, {0, 0, 93}},
};

/* The largest size believed, in bytes. */
#define LARGEST (4 << 20)

static uint64_t word_at(const void *bytes, size_t index)
{
	uint64_t word;

	memcpy(&word, (const char *)bytes + index * sizeof(word), sizeof(word));
	return word;
}

static int32_t *field_of(struct layout *row, size_t field)
{
	return (int32_t *)((char *)row + field);
}

static int refuse(struct error *error, const char *name, uint64_t value)
{
	return error_set(error, ERROR_FAILED,
		"impossible %s (%llu) in the target's _Py_DebugOffsets: damaged, or an unknown build of Python", name,
		(unsigned long long)value);
}

/* An offset has to lie in its struct, whose size the target tells as well; sizes have to be sane. */
static int overlay_value(struct layout *row, const struct told *told, uint64_t value, struct error *error)
{
	uint64_t limit = LARGEST, alignment = told->bytes < 4 ? told->bytes : 4;

	if (told->within != NO_STRUCT)
		limit = (uint64_t)*field_of(row, told->within) - told->bytes;
	else if (value < told->bytes)
		return refuse(error, told->name, value);
	if ((value == 0 && told->field != FIELD(frame.code)) || value > limit || value % alignment)
		return refuse(error, told->name, value);
	*field_of(row, told->field) = (int32_t)value;
	return 0;
}

static int overlay_gil(struct layout *row, const struct words *words, const void *bytes, struct error *error)
{
	uint64_t gil = word_at(bytes, words->gil);
	uint64_t locked = word_at(bytes, words->gil_locked);
	uint64_t holder = word_at(bytes, words->gil_holder);

	if (gil == 0 || gil > (uint64_t)row->interp.size)
		return refuse(error, "interpreter_state.gil_runtime_state", gil);
	if (locked <= gil || locked > (uint64_t)row->interp.size - 4 || locked % 4)
		return refuse(error, "interpreter_state.gil_runtime_state_locked", locked);
	if (holder <= gil || holder > (uint64_t)row->interp.size - 8 || holder % 8)
		return refuse(error, "interpreter_state.gil_runtime_state_holder", holder);
	row->gil.locked = (int32_t)(locked - gil);
	row->gil.last_holder = (int32_t)(holder - gil);
	return 0;
}

static bool has_collector(const struct layout *row, uint64_t size, uint64_t collecting)
{
	return (uint64_t)row->gc.size == size && (uint64_t)row->gc.collecting == collecting;
}

/* A row of the same minor version whose collector has this size and this flag there; *row itself if it has. */
static const struct layout *collector(const struct layout *row, uint64_t size, uint64_t collecting)
{
	if (has_collector(row, size, collecting))
		return row;
	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].first >> 16 == row->first >> 16 && has_collector(&layouts[i], size, collecting))
			return &layouts[i];
	return NULL;
}

/*
 * Only two values of the collector's state are told, not where its lists are: they must be those of a row, which knows
 * the rest. 3.14 changed collectors at 3.14.5, and builds may have changed earlier.
 */
static int overlay_gc(struct layout *row, const struct words *words, const void *bytes, struct error *error)
{
	uint64_t size = word_at(bytes, words->gc_size);
	const struct layout *known = collector(row, size, word_at(bytes, words->gc_collecting));

	if (!known)
		return refuse(error, "gc.size", size);
	if ((uint64_t)row->interp.gc + size > (uint64_t)row->interp.size)
		return refuse(error, "interpreter_state.gc", (uint64_t)row->interp.gc);
	row->gc = known->gc;
	row->gc_head = known->gc_head;
	return 0;
}

/* What is told is sizeof(_PyInterpreterFrame), which goes on to the frame's variables. */
static void overlay_frame_size(struct layout *row)
{
	const int32_t ends[] = {
		row->frame.code + 8, row->frame.previous + 8, row->frame.instruction + 8, row->frame.owner + 1};

	row->frame.size = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (row->frame.size < ends[i])
			row->frame.size = ends[i];
}

/* Members that are not told have to lie in the structs of the sizes told. */
static int check_rest(const struct layout *row, struct error *error)
{
	if (row->interp.tstate_next_unique_id < 0)
		return refuse(error, "interpreter_state.threads_head", (uint64_t)row->interp.tstate_head);
	if (row->tstate.id > row->tstate.size - 8)
		return refuse(error, "thread_state.size", (uint64_t)row->tstate.size);
	if (row->type.finalize > row->type.size - 8)
		return refuse(error, "type_object.size", (uint64_t)row->type.size);
	if (row->type.ht_qualname > row->type.heap_size - 8)
		return refuse(error, "heap_type_object.size", (uint64_t)row->type.heap_size);
	return 0;
}

struct debug_offsets layout_debug_offsets(const void *bytes, size_t size)
{
	struct debug_offsets head = {0};

	if (size < 3 * sizeof(uint64_t) || memcmp(bytes, COOKIE, strlen(COOKIE)) != 0)
		return head;
	head.present = true;
	head.version = (uint32_t)word_at(bytes, 1);
	head.free_threaded = word_at(bytes, 2) != 0;
	return head;
}

int layout_from_debug_offsets(struct layout *row, const void *bytes, size_t size, struct error *error)
{
	struct debug_offsets head = layout_debug_offsets(bytes, size);
	uint32_t minor = row->first >> 16 & 0xff;
	size_t column = minor - FIRST_DEBUG_OFFSETS;
	struct layout result = *row;

	if (minor < FIRST_DEBUG_OFFSETS)
		return 0;
	if (!head.present)
		return error_set(error, ERROR_FAILED, "_PyRuntime of the target does not begin with _Py_DebugOffsets");
	if (head.version >> 16 != row->first >> 16)
		return error_set(error, ERROR_FAILED,
			"_Py_DebugOffsets of the target is for Python %u.%u, not for 3.%u", head.version >> 24,
			head.version >> 16 & 0xff, minor);
	if (head.free_threaded)
		return error_set(
			error, ERROR_FAILED, "the target is a free-threaded build of Python, which has no GC lists");
	if (column >= DEBUG_OFFSETS_VERSIONS || size < (words[column].gc_collecting + 1) * sizeof(uint64_t))
		return error_set(error, ERROR_FAILED, "too little of _Py_DebugOffsets could be read (%zu bytes)", size);

	for (size_t i = 0; i < sizeof(tolds) / sizeof(tolds[0]); i++) {
		uint16_t word = tolds[i].word[column];

		if (word && overlay_value(&result, &tolds[i], word_at(bytes, word), error) != 0)
			return -1;
	}
	if (overlay_gil(&result, &words[column], bytes, error) != 0 ||
		overlay_gc(&result, &words[column], bytes, error) != 0)
		return -1;

	overlay_frame_size(&result);

	/* Neighbours in struct pyinterpreters and struct pythreads that are not told move with those that are. */
	result.runtime.interpreters_main += result.runtime.interpreters_head - row->runtime.interpreters_head;
	result.interp.tstate_next_unique_id += result.interp.tstate_head - row->interp.tstate_head;
	if (check_rest(&result, error) != 0)
		return -1;
	*row = result;
	return 0;
}

void layout_of_debug_build(struct layout *row)
{
	for (int32_t *place = row->interp.free_lists; *place; place++)
		*place += row->interp.free_lists_debug;
}
