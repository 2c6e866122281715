/* What leaks references and what only looks so: a module for leaks.py. CPython 3.6 to 3.15. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <structmember.h>

static PyObject *kept; /* a reference properly held: no leak */
static PyObject **kept_in_malloc; /* as is what this points at */
static PyObject *kept_in_array[4];

/* A reference more a call, which nobody will give back. */
static PyObject *leak_reference(PyObject *self, PyObject *obj)
{
	(void)self;
	Py_INCREF(obj);
	Py_RETURN_NONE;
}

/* leak_new(make, n): n results of make(), at which nobody points. Returns their addresses. */
static PyObject *leak_new(PyObject *self, PyObject *args)
{
	PyObject *make, *addresses;
	Py_ssize_t i, n;

	(void)self;
	if (!PyArg_ParseTuple(args, "On", &make, &n))
		return NULL;
	addresses = PyList_New(0);
	for (i = 0; addresses && i < n; i++) {
		PyObject *one = PyObject_CallObject(make, NULL);
		PyObject *address = one ? PyLong_FromVoidPtr(one) : NULL;

		if (!address || PyList_Append(addresses, address) < 0)
			Py_CLEAR(addresses);
		Py_XDECREF(address);
	}
	return addresses;
}

static PyObject *keep(PyObject *self, PyObject *obj)
{
	PyObject *before = kept;

	(void)self;
	Py_INCREF(obj);
	kept = obj;
	Py_XDECREF(before);
	Py_RETURN_NONE;
}

static PyObject *keep_in_array(PyObject *self, PyObject *args)
{
	Py_ssize_t i;

	(void)self;
	for (i = 0; i < 4 && i < PyTuple_Size(args); i++) {
		kept_in_array[i] = PyTuple_GetItem(args, i);
		Py_INCREF(kept_in_array[i]);
	}
	Py_RETURN_NONE;
}

static PyObject *keep_in_malloc(PyObject *self, PyObject *obj)
{
	(void)self;
	if (!kept_in_malloc)
		kept_in_malloc = calloc(16, sizeof(*kept_in_malloc));
	if (!kept_in_malloc)
		return PyErr_NoMemory();
	Py_INCREF(obj);
	kept_in_malloc[7] = obj;
	Py_RETURN_NONE;
}

/* Holder(seen, hidden): a type of the collector whose tp_traverse visits one of two. Opaque(held): not of the
 * collector. */
struct holder {
	PyObject_HEAD PyObject *seen, *hidden;
};
struct opaque {
	PyObject_HEAD long number;
	PyObject *held;
};

static int holder_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((struct holder *)self)->seen);
#if PY_VERSION_HEX >= 0x03090000
	Py_VISIT(Py_TYPE(self));
#endif
	return 0;
}

static void holder_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	Py_XDECREF(((struct holder *)self)->seen);
	Py_XDECREF(((struct holder *)self)->hidden);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *holder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *seen, *hidden;
	struct holder *self;

	(void)kwargs;
	if (!PyArg_ParseTuple(args, "OO", &seen, &hidden))
		return NULL;
	self = (struct holder *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	Py_INCREF(seen);
	Py_INCREF(hidden);
	self->seen = seen;
	self->hidden = hidden;
	return (PyObject *)self;
}

static void opaque_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	Py_XDECREF(((struct opaque *)self)->held);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *opaque_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *held;
	struct opaque *self;

	(void)kwargs;
	if (!PyArg_ParseTuple(args, "O", &held))
		return NULL;
	self = (struct opaque *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	Py_INCREF(held);
	self->held = held;
	return (PyObject *)self;
}

static PyType_Slot holder_slots[] = {
	{Py_tp_traverse, holder_traverse}, {Py_tp_dealloc, holder_dealloc}, {Py_tp_new, holder_new}, {0, NULL}};
static PyType_Slot opaque_slots[] = {{Py_tp_dealloc, opaque_dealloc}, {Py_tp_new, opaque_new}, {0, NULL}};
static PyType_Spec holder_spec = {
	"leaks.Holder", sizeof(struct holder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, holder_slots};
static PyType_Spec opaque_spec = {"leaks.Opaque", sizeof(struct opaque), 0, Py_TPFLAGS_DEFAULT, opaque_slots};

static PyMethodDef methods[] = {
	{"leak_reference", leak_reference, METH_O, NULL},
	{"leak_new", leak_new, METH_VARARGS, NULL},
	{"keep", keep, METH_O, NULL},
	{"keep_in_array", keep_in_array, METH_VARARGS, NULL},
	{"keep_in_malloc", keep_in_malloc, METH_O, NULL},
	{NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "leaks", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_leaks(void)
{
	PyObject *module = PyModule_Create(&definition);
	PyObject *holder = PyType_FromSpec(&holder_spec), *opaque = PyType_FromSpec(&opaque_spec);

	if (!module || !holder || !opaque || PyModule_AddObject(module, "Holder", holder) < 0 ||
		PyModule_AddObject(module, "Opaque", opaque) < 0)
		return NULL;
	return module;
}
