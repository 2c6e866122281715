/* A program that embeds Python and runs a script: embed SCRIPT ARG... */
#include <Python.h>

int main(int argc, char **argv)
{
	wchar_t *wide[32];
	FILE *script;
	int i;

	for (i = 1; i < argc && i < 32; i++)
		wide[i - 1] = Py_DecodeLocale(argv[i], NULL);
	Py_Initialize();
	PySys_SetArgvEx(argc - 1, wide, 1);
	script = fopen(argv[1], "r");
	return script ? PyRun_SimpleFile(script, argv[1]) : 1;
}
