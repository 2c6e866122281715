/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where each CPython version keeps things: the only place that knows versions. One row a version in layout.c, every
 * value with the CPython file it comes from; scripts/layout-check proves the rows against DWARF or internal headers
 * of installed interpreters. All offsets are bytes, for 64-bit builds with a GIL.
 *
 * A row is a claim, not a truth: python_open() checks it against the target before any number is believed.
 */
#ifndef OGT_LAYOUT_H
#define OGT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define LAYOUT_ABSENT (-1) /* this version has no such field */
#define LAYOUT_GENERATIONS 3

/* Bits of tp_flags that mean the same in every version that has them, Include/object.h. */
#define TPFLAGS_INLINE_VALUES (UINT64_C(1) << 2) /* 3.13+ */
#define TPFLAGS_MANAGED_WEAKREF (UINT64_C(1) << 3) /* 3.12+ */
#define TPFLAGS_MANAGED_DICT (UINT64_C(1) << 4) /* 3.11+ */
#define TPFLAGS_IMMUTABLE (UINT64_C(1) << 8) /* 3.10+, unused before: of C code, even where HEAPTYPE is set */
#define TPFLAGS_HEAPTYPE (UINT64_C(1) << 9) /* made at run time, not a static struct of C code */
#define TPFLAGS_BASETYPE (UINT64_C(1) << 10)
#define TPFLAGS_READY (UINT64_C(1) << 12)
#define TPFLAGS_HAVE_GC (UINT64_C(1) << 14)
#define TPFLAGS_VERSION_TAG (UINT64_C(1) << 18) /* of static types, to 3.9 of all */
#define TPFLAGS_LIST_SUBCLASS (UINT64_C(1) << 25)
#define TPFLAGS_TUPLE_SUBCLASS (UINT64_C(1) << 26)
#define TPFLAGS_UNICODE_SUBCLASS (UINT64_C(1) << 28) /* str and what derives from it */
#define TPFLAGS_DICT_SUBCLASS (UINT64_C(1) << 29)
#define TPFLAGS_TYPE_SUBCLASS (UINT64_C(1) << 31)

/* Types and a flag of PyMemberDef, Include/structmember.h (3.12+ Include/descrobject.h). */
#define MEMBERDEF_OBJECT 6 /* T_OBJECT: None where there is no value */
#define MEMBERDEF_OBJECT_EX 16 /* T_OBJECT_EX: no attribute where there is none */
#define MEMBERDEF_AFTER_ITEMS (UINT32_C(1) << 4) /* its offset does not count an object's items, 3.15+ */

/* PyList_MAXFREELIST, PyDict_MAXFREELIST, _PyAsyncGen_MAXFREELIST: Include/internal/pycore_interp.h, 3.13
 * pycore_freelist.h. */
#define FREE_LIST_LENGTH 80

/* Bits of co_localspluskinds, Include/internal/pycore_code.h 3.11+. */
#define KIND_CELL 0x40 /* CO_FAST_CELL */
#define KIND_FREE 0x80 /* CO_FAST_FREE */

/* enum _frameowner, Include/internal/pycore_frame.h 3.11+. */
#define FRAME_OWNED_BY_THREAD 0
#define FRAME_OWNED_BY_GENERATOR 1
#define FRAME_OWNED_BY_FRAME_OBJECT 2

/* How dict keys objects describe their size and entries. */
enum dict_keys_style {
	DICT_KEYS_SIZE, /* 3.6-3.10: dk_size in slots, entries {hash, key, value} */
	DICT_KEYS_LOG2, /* 3.11+: dk_log2_size, dk_log2_index_bytes, dk_kind; entries by kind */
};

/* How a frame says which instruction it is at. */
enum frame_instruction {
	FRAME_LASTI_BYTES, /* 3.6-3.9: f_lasti, int, a byte offset into co_code; -1 before the first */
	FRAME_LASTI_UNITS, /* 3.10: f_lasti counts code units of two bytes */
	FRAME_POINTER, /* 3.11+: the address of a code unit in co_code_adaptive */
};

/* How a frame says how many values it has put aside. */
enum frame_stack {
	STACK_TOP, /* 3.6-3.9: f_stacktop, where they end; NULL while it runs */
	STACK_DEPTH, /* 3.10: f_stackdepth, int; -1 while it runs */
	STACK_COUNT, /* 3.11-3.13: stacktop, int, with local variables; -1 while it runs */
	STACK_END, /* 3.14+: stackpointer, where they end; as it was at the last call while it runs */
};

/* How a code object says which line an instruction is of (Objects/lnotab_notes.txt, 3.11+ Objects/locations.md). */
enum line_table {
	LINES_LNOTAB, /* 3.6-3.9: pairs of (bytes of code, signed lines), an entry begins where it says */
	LINES_RANGES, /* 3.10: pairs of (bytes of code, signed lines or -128 for none), an entry ends where it says */
	LINES_LOCATIONS, /* 3.11+: entries of varying length with columns */
};

/* Where an instance of a class has its attributes, besides __slots__ (Objects/dictobject.c,
 * Include/internal/pycore_dict.h). */
enum instance_values {
	VALUES_DICT, /* 3.6-3.10: in a dict, at dictoffset */
	VALUES_POINTERS, /* 3.11: 24 bytes before it a pointer to its dict, 32 before one to its values */
	VALUES_TAGGED, /* 3.12: 24 bytes before it a pointer to either; to values, less one */
	VALUES_INLINE, /* 3.13+: 24 bytes before it a pointer to its dict; its values may follow it */
};

struct layout {
	uint32_t first, last; /* PY_VERSION_HEX range, inclusive, of the releases that this row describes */

	/*
	 * The trashcan of 3.6-3.13 (Py_TRASHCAN_BEGIN): tp_dealloc of a container that is nested too deep puts it
	 * aside, and is called a second time for it. 3.14+ puts it aside before (_Py_Dealloc).
	 */
	struct {
		int32_t depth; /* in PyThreadState, int: trash_delete_nesting, trash.delete_nesting,
				  c_recursion_remaining */
		bool counts_down; /* puts aside from 50 downwards (3.13), else from 50 upwards */
	} trash;

	struct { /* what it does to objects */
		bool untracks_dicts; /* takes dicts of atoms off the collector's lists, as it does tuples */
		bool generators_inside; /* a generator is made in a frame of its own function, 3.11+ (RETURN_GENERATOR)
					 */
		bool untracks_frozensets; /* frozensets of atoms, 3.15+ */
		bool frames_without_code; /* frames of its own may have None or another object in place of a code
					     object, 3.13+ */
		bool tracks_frames; /* each call of a Python function makes a frame object, which seldom is tracked */
		bool immortals; /* has objects whose references are not counted, 3.12+ (_Py_IsImmortal) */
		int32_t pool_size; /* of what its own allocator, pymalloc, hands out small blocks from; bytes */
	} habits;

	struct { /* _PyRuntimeState; 3.6 has none: single symbols stand in */
		int32_t interpreters_head;
		int32_t interpreters_main;
		int32_t tstate_current; /* gilstate.tstate_current, 3.7-3.11 */
		int32_t gc; /* struct _gc_runtime_state, 3.7-3.8 */
		int32_t gil; /* ceval.gil, 3.7-3.11 */
		int32_t size;
	} runtime;

	struct { /* PyInterpreterState */
		int32_t next;
		int32_t id;
		int32_t tstate_head;
		int32_t tstate_next_unique_id;
		int32_t gc; /* struct _gc_runtime_state, 3.9+ */
		int32_t gil; /* pointer to struct _gil_runtime_state, 3.12+ */
		int32_t sysdict; /* the dict of module sys */
		int32_t size;
		/*
		 * Free lists that are arrays of FREE_LIST_LENGTH pointers, 3.10-3.13: where each is, and where the int
		 * is that says how many are in use. Ends with 0.
		 */
		int32_t free_lists[9];
		int32_t free_lists_debug; /* so much farther on they lie in debug builds; no debug offset tells */
	} interp;

	struct { /* PyThreadState */
		int32_t next;
		int32_t interp;
		int32_t thread_id; /* pthread_t */
		int32_t native_thread_id; /* gettid() as its own pid namespace sees it, 3.11+ */
		int32_t id;
		int32_t frame; /* PyFrameObject *frame (3.6-3.10), _PyInterpreterFrame *current_frame (3.13+) */
		int32_t cframe; /* pointer to the struct that has current_frame, 3.11-3.12 */
		int32_t cframe_frame; /* current_frame in that struct, _PyCFrame */
		int32_t size;
	} tstate;

	struct { /* PyFrameObject (3.6-3.10), _PyInterpreterFrame */
		int32_t code; /* f_code, f_executable: from 3.13 on not only code objects */
		int32_t previous; /* f_back, previous: the caller's frame, NULL at the end */
		int32_t instruction; /* by style: f_lasti (int), prev_instr (3.11-3.12) or instr_ptr */
		int32_t owner; /* char, enum _frameowner, 3.11+ */
		int32_t locals; /* localsplus, the last member, 3.11+ */
		int32_t size; /* a read of so many bytes covers the fields above */
		int32_t function; /* f_func, f_funcobj, 3.11+ */
		int32_t names; /* f_locals: a namespace, or NULL */
		int32_t object; /* frame_obj: PyFrameObject or NULL, 3.11+ */
		int32_t value_stack; /* f_valuestack, 3.6-3.10: the first value that is put aside */
		int32_t stack; /* by stack_style */
		int32_t held[10]; /* of a PyFrameObject: what its tp_traverse visits besides variables; ends with 0 */
		enum frame_instruction style;
		enum frame_stack stack_style;
		uint64_t code_tag; /* bits of the word at code that are not address: tags of _PyStackRef, 3.14+ */
	} frame;

	struct { /* PyCodeObject */
		int32_t filename;
		int32_t name;
		int32_t qualname; /* 3.11+ */
		int32_t flags; /* int */
		int32_t firstlineno; /* int */
		int32_t linetable; /* bytes: co_lnotab (3.6-3.9), co_linetable */
		int32_t first_instruction; /* co_code_adaptive, 3.11+: the code units themselves */
		int32_t stacksize; /* int */
		int32_t locals; /* int: co_nlocals (3.6-3.10), co_nlocalsplus */
		int32_t framesize; /* int, words of a frame, 3.12+ */
		int32_t varnames; /* a tuple: co_varnames (3.6-3.10), co_localsplusnames */
		int32_t kinds; /* co_localspluskinds (3.11+): a bytes object, a byte for each of those names */
		int32_t cellvars; /* tuples, 3.6-3.10 */
		int32_t freevars;
		int32_t cell2arg; /* NULL or an array of as many words as there are cellvars, 3.6-3.10 */
		int32_t extra; /* co_extra: NULL or a struct that begins with a number of pointers */
		int32_t extra_head; /* what __sizeof__ adds to these */
		int32_t bytecode; /* co_code, bytes, 3.6-3.10 */
		int32_t opcache; /* NULL or an array, 3.8-3.10 */
		int32_t opcache_length; /* uint8_t */
		int32_t opcache_entry; /* sizeof(_PyOpcache) */
		int32_t size; /* sizeof(PyCodeObject) */
		enum line_table style;
	} code;

	struct { /* PyBytesObject */
		int32_t length; /* ob_size */
		int32_t data; /* ob_sval */
	} bytes;

	struct { /* struct _gil_runtime_state */
		int32_t last_holder;
		int32_t locked; /* int */
		int32_t switch_number; /* unsigned long */
	} gil;

	struct { /* struct _gc_runtime_state; 3.6 has none: what the symbol _PyGC_generation0 points at stands in */
		int32_t generations; /* three struct gc_generation; young and old[2] of the incremental collector */
		int32_t generation_size;
		int32_t generation0; /* pointer to generations[0]: a proof of the row, where it exists */
		int32_t permanent_generation; /* gc.freeze(), 3.7+ */
		int32_t collecting; /* int, 0 when no collection runs */
		int32_t size;
	} gc;

	struct { /* PyGC_Head, the record before each tracked object */
		int32_t size;
		int32_t next;
		int32_t prev;
		uint64_t next_flags; /* bits of the word that are not address */
		uint64_t prev_flags;
		int32_t finalized; /* the word whose lowest bit says that tp_finalize was called */
	} gc_head;

	struct { /* PyObject */
		int32_t refcnt;
		int32_t type;
		int32_t size;
	} object;

	struct { /* PyTypeObject, PyHeapTypeObject */
		int32_t name; /* tp_name */
		int32_t basicsize;
		int32_t itemsize;
		int32_t dealloc;
		int32_t flags; /* unsigned long */
		int32_t base;
		int32_t dict;
		int32_t mro;
		int32_t alloc;
		int32_t finalize;
		int32_t ht_name;
		int32_t ht_qualname;
		int32_t traverse;
		int32_t weaklistoffset; /* where an instance has its list of weak references; 0: nowhere */
		int32_t members; /* pointer to an array of PyMemberDef; may be NULL */
		int32_t bases;
		int32_t cache;
		int32_t del; /* tp_del, which no class of Python code has */
		int32_t size; /* sizeof(PyTypeObject) */
		int32_t heap_size; /* sizeof(PyHeapTypeObject) */
	} type;

	struct { /* PyUnicodeObject and its compact forms */
		int32_t length;
		int32_t state; /* offset of the state word */
		int32_t kind_shift; /* of the 3-bit field, in the 32-bit state word */
		int32_t compact_shift;
		int32_t ascii_shift;
		int32_t ascii_data; /* sizeof(PyASCIIObject) */
		int32_t compact_data; /* sizeof(PyCompactUnicodeObject) */
		int32_t data; /* PyUnicodeObject.data, of strings that are not compact */
		int32_t utf8; /* PyCompactUnicodeObject: a copy as UTF-8, or the text itself; may be NULL */
		int32_t utf8_length;
		int32_t wstr; /* PyASCIIObject: likewise as wchar_t, 3.6-3.11 */
		int32_t wstr_length; /* PyCompactUnicodeObject */
	} unicode;

	struct { /* PyDictObject, PyDictKeysObject */
		int32_t used;
		int32_t keys;
		int32_t values;
		enum dict_keys_style style;
		int32_t dk_size; /* dk_size (Py_ssize_t) or dk_log2_size (uint8_t), by style */
		int32_t dk_log2_index_bytes; /* uint8_t, DICT_KEYS_LOG2 */
		int32_t dk_kind; /* uint8_t, DICT_KEYS_LOG2: 0 general, 1 unicode, 2 split */
		int32_t dk_lookup; /* DICT_KEYS_SIZE: a function, lookdict() where not all keys need to be str */
		int32_t dk_nentries;
		int32_t dk_indices;
	} dict;

	struct { /* objects of builtin types, one member each: where it lies */
		int32_t real; /* PyFloatObject ob_fval, a double */
		int32_t complex; /* PyComplexObject cval, two doubles */
		int32_t size; /* PyVarObject ob_size: of lists, tuples, bytearrays */
		int32_t list_items; /* PyListObject ob_item, a pointer */
		int32_t list_allocated;
		int32_t tuple_items; /* PyTupleObject ob_item, the items themselves */
		int32_t set_used; /* PySetObject: number of elements */
		int32_t set_mask; /* slots of the table - 1 */
		int32_t set_table; /* pointer to entries {key, hash} */
		int32_t set_small; /* the table inside of small ones */
		int32_t bytearray_allocated;
		int32_t bytearray_start; /* pointer to the first byte */
		int32_t bytearray_extra; /* what __sizeof__ adds for the bytes object that holds them, 3.15+ */
		int32_t function_code;
		int32_t function_qualname;
		int32_t method_function; /* PyMethodObject */
		int32_t method_self;
		int32_t builtin_def; /* PyCFunctionObject m_ml: pointer to PyMethodDef, whose first member is the name
				      */
		int32_t builtin_self;
		int32_t module_dict; /* PyModuleObject md_dict */
		int32_t module_def; /* pointer to PyModuleDef, 3.6-3.14 */
		int32_t module_state; /* pointer to memory of its C code; may be NULL */
		int32_t module_state_size; /* in PyModuleDef m_size, 3.15+ in PyModuleObject; Py_ssize_t */
		int32_t module_traverse; /* likewise: m_traverse, md_state_traverse */
		int32_t module_name;
		int32_t cell_ref;
		int32_t weakref_object;
		int32_t exception_args; /* PyBaseExceptionObject args, a tuple */
		int32_t range_start; /* rangeobject */
		int32_t range_stop;
		int32_t range_step;
		int32_t slice_start; /* PySliceObject */
		int32_t slice_stop;
		int32_t slice_step;
		int32_t property_get; /* propertyobject prop_get; may be NULL */
		int32_t proxy_mapping; /* mappingproxyobject */
		int32_t namespace_dict; /* _PyNamespaceObject ns_dict */
		int32_t enumerate_index; /* enumobject en_index, Py_ssize_t */
		int32_t enumerate_iterator; /* en_sit */
		int32_t zip_iterators; /* zipobject ittuple */
		int32_t map_iterators; /* mapobject iters, a tuple */
		int32_t map_function;
	} member;

	struct { /* objects of the standard library's C modules */
		int32_t deque_size; /* sizeof(dequeobject) */
		int32_t deque_first; /* leftblock */
		int32_t deque_index; /* leftindex: where in that block the first element is */
		int32_t deque_most; /* maxlen; -1: none */
		int32_t block_items; /* struct BLOCK data: pointers, up to the link to the next block */
		int32_t block_next; /* rightlink */
		int32_t block_size;
		int32_t defaultdict_size; /* sizeof(defdictobject) */
		int32_t defaultdict_factory; /* may be NULL */
		int32_t ordered_size; /* sizeof(PyODictObject) */
		int32_t ordered_first; /* od_first: the first of a chain of nodes */
		int32_t ordered_slots; /* od_fast_nodes_size: length of an array of pointers to them */
		int32_t node_key; /* struct _odictnode */
		int32_t node_hash;
		int32_t node_next;
		int32_t node_size;
		bool ordered_as_dict; /* repr() shows {}, not a list of pairs; 3.12+ */
		int32_t array_size; /* sizeof(arrayobject) */
		int32_t array_items;
		int32_t array_allocated;
		int32_t array_descr; /* pointer to struct arraydescr */
		int32_t descr_code; /* char, 3.15+ up to two of them and a NUL */
		int32_t descr_itemsize; /* int */
		int32_t partial_size; /* sizeof(partialobject) */
		int32_t partial_function;
		int32_t partial_arguments; /* a tuple */
		int32_t partial_keywords; /* a dict */
	} library;

	struct { /* PyGenObject, and coroutines and asynchronous generators, which begin alike */
		int32_t frame; /* pointer to PyFrameObject gi_frame (3.6-3.10), or the _PyInterpreterFrame itself */
		int32_t qualname;
		int32_t running; /* char, 3.6-3.9 */
		int32_t state; /* int8_t gi_frame_state, 3.11+ */
		int32_t old_state; /* in PyFrameObject: the same, 3.10 */
		int32_t frame_object; /* in PyFrameObject: pointer to its _PyInterpreterFrame, 3.11+ */
		int8_t created, executing, completed; /* values of state; from completed on it is over */
		bool keeps_code; /* in the frame of one that is over, 3.12+, */
		bool visits_code; /* where its tp_traverse visits it, 3.14+ */
	} generator;

	struct { /* attributes of instances */
		int32_t dictoffset; /* in PyTypeObject: where an instance has its dict, bytes; negative: from the end */
		int32_t ht_module; /* in PyHeapTypeObject, 3.9+ */
		int32_t cached_keys; /* in PyHeapTypeObject, 3.3+: keys that instances share */
		int32_t descriptor_type; /* PyDescrObject d_type: the class that it is of */
		int32_t descriptor_member; /* PyMemberDescrObject d_member: pointer to PyMemberDef */
		int32_t member_offset; /* PyMemberDef offset */
		int32_t member_type; /* PyMemberDef type, int */
		int32_t member_flags; /* PyMemberDef flags, int */
		int32_t values_first; /* in what dict.values points at: the values of a split dict */
		uint32_t dict_first; /* the release from which on an instance with dict and values visits the dict, and
					that the values; before it visits the values alone. 3.13+ */
		enum instance_values style;
	} attribute;

	struct { /* PyLongObject */
		int32_t size; /* ob_size, or lv_tag */
		int32_t digits;
		bool tagged; /* lv_tag, 3.12+ */
		int32_t digits_least; /* __sizeof__ counts so many, also of 0 */
	} integer;
};

/* The first row for a release (PY_VERSION_HEX, as 0x030b07f0), NULL if there is none. Rows are static. */
const struct layout *layout_find(uint32_t version);

/*
 * The next row for the same release after row (a static one, not a copy), NULL after the last. The version alone does
 * not tell structs that distributions patch (Debian's 3.13, pyenv's 3.6): try each row, the one whose lists close is
 * the target's.
 */
const struct layout *layout_other(const struct layout *row, uint32_t version);

/* The oldest and the newest minor version that rows exist for, as text for messages: "3.6" and "3.15". */
const char *layout_oldest(void);
const char *layout_newest(void);

/* How many bytes of _PyRuntime layout_from_debug_offsets may look at. */
#define LAYOUT_DEBUG_OFFSETS_SIZE 1024

/* What _Py_DebugOffsets says of itself before any row is chosen. */
struct debug_offsets {
	bool present; /* the cookie is there */
	uint32_t version; /* PY_VERSION_HEX */
	bool free_threaded;
};

/* Reads the head of _Py_DebugOffsets (3.13+, at byte 0 of _PyRuntime) from bytes of a target. */
struct debug_offsets layout_debug_offsets(const void *bytes, size_t size);

/*
 * Overlays onto *row what _Py_DebugOffsets of the target itself says (patch releases of one minor version differ, and
 * so do debug builds). Does nothing below 3.13. Where gc.size says that the target has another collector than *row, the
 * collector's structs are taken from the row of the same minor version that fits. Values out of range are ERROR_FAILED:
 * hostile or an unknown build; *row is then unchanged.
 */
int layout_from_debug_offsets(struct layout *row, const void *bytes, size_t size, struct error *error);

/* What differs in debug builds and no debug offset tells of. */
void layout_of_debug_build(struct layout *row);

#endif
