/* Objects that hold others in memory of their own: a module for owned.py, in the ways of C++ extensions. CPython 3.6
 * to 3.15. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>

/* Box(held): a pointer to a malloc'ed struct that holds it, as a pimpl. Not of the collector, as nearly all such. */
struct impl {
	double number;
	PyObject *held;
};
struct box {
	PyObject_HEAD long flags;
	struct impl *impl;
};

/* Vector(items): a std::vector<PyObject *>, its begin, end and capacity. */
struct vector {
	PyObject_HEAD PyObject **begin, **end, **capacity;
};

/* Deep(held): a struct of pymalloc's, in which a pointer leads to another, which holds it. Of the collector. */
struct deep_impl {
	long numbers[3];
	struct impl *inner;
};
struct deep {
	PyObject_HEAD struct deep_impl *impl;
};

static PyObject *box_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct box *self;
	PyObject *held;

	(void)kwargs;
	if (!PyArg_ParseTuple(args, "O", &held))
		return NULL;
	self = (struct box *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->impl = malloc(sizeof(*self->impl));
	Py_INCREF(held);
	*self->impl = (struct impl){0.5, held};
	return (PyObject *)self;
}

static PyObject *vector_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct vector *self;
	PyObject *items;
	Py_ssize_t n;

	(void)kwargs;
	if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &items))
		return NULL;
	self = (struct vector *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	n = PyTuple_GET_SIZE(items);
	self->begin = malloc((size_t)n * 2 * sizeof(*self->begin));
	self->end = self->begin + n;
	self->capacity = self->end + n;
	for (Py_ssize_t i = 0; i < n; i++) {
		self->begin[i] = PyTuple_GET_ITEM(items, i);
		Py_INCREF(self->begin[i]);
	}
	return (PyObject *)self;
}

static PyObject *deep_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct deep *self;
	PyObject *held;

	(void)kwargs;
	if (!PyArg_ParseTuple(args, "O", &held))
		return NULL;
	self = (struct deep *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->impl = PyMem_Malloc(sizeof(*self->impl));
	self->impl->numbers[0] = self->impl->numbers[1] = self->impl->numbers[2] = 7;
	self->impl->inner = PyMem_Malloc(sizeof(*self->impl->inner));
	Py_INCREF(held);
	*self->impl->inner = (struct impl){0.5, held};
	return (PyObject *)self;
}

static int deep_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((struct deep *)self)->impl->inner->held);
#if PY_VERSION_HEX >= 0x03090000
	Py_VISIT(Py_TYPE(self));
#endif
	return 0;
}

/* They live as long as the process. */
static PyType_Slot box_slots[] = {{Py_tp_new, box_new}, {0, NULL}};
static PyType_Slot vector_slots[] = {{Py_tp_new, vector_new}, {0, NULL}};
static PyType_Slot deep_slots[] = {{Py_tp_new, deep_new}, {Py_tp_traverse, deep_traverse}, {0, NULL}};
static PyType_Spec specs[] = {
	{"owned.Box", sizeof(struct box), 0, Py_TPFLAGS_DEFAULT, box_slots},
	{"owned.Vector", sizeof(struct vector), 0, Py_TPFLAGS_DEFAULT, vector_slots},
	{"owned.Deep", sizeof(struct deep), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, deep_slots},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "owned", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_owned(void)
{
	PyObject *module = PyModule_Create(&definition);

	for (size_t i = 0; module && i < sizeof(specs) / sizeof(specs[0]); i++) {
		PyObject *type = PyType_FromSpec(&specs[i]);

		if (!type || PyModule_AddObject(module, strrchr(specs[i].name, '.') + 1, type) < 0)
			return NULL;
	}
	return module;
}
