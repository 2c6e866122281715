// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_drawing   graphs as dot text that graphviz reads back, as pictures, as a tree and as JSON: whatever the texts in
 * them, and whatever goes wrong with graphviz and the file.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "drawing.h"
#include "interrupt.h"
#include "render.h"
#include "text.h"

#define EARLIER "what was there before"

static char *folder; /* this test's own, and its current directory */

/* --- files --- */

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) < 0)
		exit(1);
}

/* Up to 1 MB of it, NUL-terminated; the caller frees it. "" when there is none. */
static char *read_file(const char *path)
{
	char *text = calloc(1, (1 << 20) + 1);
	FILE *file = fopen(path, "r");

	if (file) {
		text[fread(text, 1, 1 << 20, file)] = '\0';
		fclose(file);
	}
	return text;
}

static bool file_is(const char *path, const char *expected)
{
	char *text = read_file(path);
	bool same = strcmp(text, expected) == 0;

	if (!same)
		printf("# %s is:\n# %s\n", path, text);
	free(text);
	return same;
}

static size_t count_files(void)
{
	DIR *files = opendir(".");
	size_t count = 0;

	while (files && readdir(files))
		count++;
	closedir(files);
	return count;
}

/* --- graphs --- */

/* Texts may be NULL: then a node has "" and no place. */
static size_t add_node(struct graph *graph, const char *id, const char *type, const char *label, const char *place)
{
	return graph_add_node(graph, &(struct graph_node){.id = strdup(id),
					     .type = strdup(type ? type : ""),
					     .label = strdup(label ? label : ""),
					     .place = place ? strdup(place) : NULL});
}

static void add_edge(struct graph *graph, size_t from, size_t to, const char *label, enum graph_edge_kind kind)
{
	graph_add_edge(graph, &(struct graph_edge){from, to, label ? strdup(label) : NULL, kind});
}

/* What a leak looks like: a frame and a module that lead to an object, one way in a circle. */
static void make_leak(struct graph *graph)
{
	size_t session, dict, application, module, frame;

	*graph = (struct graph){.backwards = true};
	session = add_node(graph, "0x10", "Session", "<Session number=1>", NULL);
	dict = add_node(graph, "0x20", "dict", "3 items", NULL);
	application = add_node(graph, "0x30", "Application", NULL, "app.py:7");
	module = add_node(graph, "0x40", "module", "app", "app.py");
	frame = add_node(graph, "root:frame:1", NULL, "visit", "app.py:81");
	graph->nodes[session].target = true;
	graph->nodes[dict].depth = 1;
	graph->nodes[dict].hidden = 12;
	graph->nodes[application].depth = 2;
	graph->nodes[module].depth = 3;
	graph->nodes[module].module = graph->nodes[module].root = true;
	graph->nodes[frame].depth = 3;
	graph->nodes[frame].root = true;
	add_edge(graph, dict, session, "['a']", GRAPH_STRONG);
	add_edge(graph, application, dict, NULL, GRAPH_POSSIBLE);
	add_edge(graph, session, dict, ".back\nwards", GRAPH_STRONG);
	add_edge(graph, module, application, ".app", GRAPH_STRONG);
	add_edge(graph, frame, application, "local self", GRAPH_ROOT);
}

/* --- graphviz reads it back --- */

static json_t *read_back(const struct graph *graph)
{
	FILE *dot = fopen("back.dot", "w");
	json_t *back;
	int status;

	drawing_dot(graph, dot);
	fclose(dot);
	status = system("dot -Tjson -o back.json back.dot 2>back.err");
	back = status == 0 ? json_load_file("back.json", 0, NULL) : NULL;
	check(status == 0 && file_is("back.err", "") && back, "graphviz reads the text without a word");
	return back;
}

/* The texts that graphviz draws for a node or an edge, one after the other. The caller frees it. */
static char *drawn(const json_t *object)
{
	const json_t *operations = json_object_get(object, "_ldraw_"), *operation;
	char *text = NULL;
	size_t i, size;
	FILE *out = open_memstream(&text, &size);

	json_array_foreach(operations, i, operation)
	{
		const char *part = json_string_value(json_object_get(operation, "text"));

		fputs(part ? part : "", out);
	}
	fclose(out);
	return text;
}

static const json_t *node_named(const json_t *back, const char *name)
{
	const json_t *object;
	size_t i;

	json_array_foreach(json_object_get(back, "objects"), i, object)
	{
		if (strcmp(json_string_value(json_object_get(object, "name")), name) == 0)
			return object;
	}
	return NULL;
}

static const char *attribute(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

static bool draws(const json_t *object, const char *expected)
{
	char *text = drawn(object);
	bool same = object && strcmp(text, expected) == 0;

	if (!same)
		printf("# drawn:    %s\n# expected: %s\n", text, expected);
	free(text);
	return same;
}

static const char *const hostile[] = {
	"\"];evil->n0;x[label=\"",
	"</B></TD></TABLE>>];evil",
	"<IMG SRC=\"/etc/passwd\"/><BR/>",
	"\\N \\G \\E \\T \\H \\L \\l \\r \\n",
	"\\",
	"ends in one\\",
	"\\\\ two, and a quote \\\"",
	"&lt;&amp;&#60;&quot;&nbsp;&",
	"&bogus; &#0; &#x110000;",
	"line\nfeed\r\ttab",
	"\033[31mred\033[0m \a\b\f\v\x7f",
	"no UTF-8: \xff\xfe\xc3( \xed\xa0\x80 \xf8",
	"\xe2\x80\xaegnp.exe \xe2\x81\xa6",
	"n0:port:n -> n1",
	"{a|<f0> b} | c",
	"/* comment */ // # <!-- x -->",
	"]]> <![CDATA[ x ]]>",
	"\xef\xbf\xbe \xef\xbf\xbf \xf3\xa0\x81\x81",
	"subgraph cluster_0 { }",
	"Größe 名前 😀 שלום e\xcc\x81",
	"   ",
	"%n %s %%",
	"",
};
#define HOSTILE (sizeof(hostile) / sizeof(*hostile))

static void concatenate(char *out, const char *a, const char *b, const char *c)
{
	char *x = text_printable(a), *y = text_printable(b), *z = text_printable(c);

	sprintf(out, "%s%s%s", x, y, z);
	free(x);
	free(y);
	free(z);
}

static void compare_hostile(const json_t *back)
{
	char name[24], expected[1024];

	for (size_t i = 0; i < HOSTILE; i++) {
		/* A node without any text shows its id. */
		bool nothing = !*hostile[i];

		snprintf(name, sizeof(name), "n%zu", i);
		concatenate(expected, nothing ? "0x0" : hostile[i], hostile[i], hostile[i]);
		check(draws(node_named(back, name), expected), "node %s has its texts", name);
	}
}

static void test_hostile(void)
{
	struct graph graph = {.backwards = true};
	json_t *back, *edges, *edge;
	size_t i;

	for (i = 0; i < HOSTILE; i++)
		add_node(&graph, *hostile[i] ? hostile[i] : "0x0", hostile[i], hostile[i], hostile[i]);
	for (i = 0; i < HOSTILE; i++)
		add_edge(&graph, i, (i + 5) % HOSTILE, hostile[i], (enum graph_edge_kind)(i % 3));
	back = read_back(&graph);
	edges = json_object_get(back, "edges");
	check(json_array_size(json_object_get(back, "objects")) == HOSTILE, "exactly the nodes");
	check(json_array_size(edges) == HOSTILE, "exactly the edges");
	compare_hostile(back);
	json_array_foreach(edges, i, edge)
	{
		char *label = text_printable(hostile[i]);

		check(json_integer_value(json_object_get(edge, "tail")) == (json_int_t)i &&
				json_integer_value(json_object_get(edge, "head")) == (json_int_t)((i + 5) % HOSTILE) &&
				draws(edge, label),
			"edge %zu has its ends and its label", i);
		free(label);
	}
	json_decref(back);
	graph_free(&graph);
}

/* Any bytes at all; what they are does not depend on the run. */
static void test_any_bytes(void)
{
	struct graph graph = {.backwards = false};
	unsigned int chance = 1;
	json_t *back;
	bool same = true;

	for (size_t i = 0; i < 300; i++) {
		char text[13];

		for (size_t k = 0; k < sizeof(text) - 1; k++) {
			static const char likely[] = "\\\"<>&;{}|\n/-#lNGE x";

			chance = chance * 1103515245 + 12345;
			text[k] = (char)(chance >> 31 ? likely[(chance >> 8) % (sizeof(likely) - 1)]
						      : (int)(1 + (chance >> 8) % 255));
		}
		text[sizeof(text) - 1] = '\0';
		add_node(&graph, "0x0", "t", text, NULL);
	}
	back = read_back(&graph);
	for (size_t i = 0; i < graph.node_count; i++) {
		char name[24], expected[256];

		snprintf(name, sizeof(name), "n%zu", i);
		concatenate(expected, "t", graph.nodes[i].label, "");
		same = draws(node_named(back, name), expected) && same;
	}
	check(json_array_size(json_object_get(back, "objects")) == 300 && same,
		"300 labels of any bytes are as they were");
	json_decref(back);
	graph_free(&graph);
}

static size_t lines_drawn(const json_t *object)
{
	const json_t *operation;
	size_t i, lines = 0;

	json_array_foreach(json_object_get(object, "_ldraw_"), i, operation) lines +=
		json_object_get(operation, "text") != NULL;
	return lines;
}

static void test_long(void)
{
	struct graph graph = {.backwards = true};
	char *text = malloc(1 << 20), *label, *place;
	json_t *back;

	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	add_node(&graph, text, text, text, "/a/very/long/path/that/goes/on/and/on/and/on/to/a/file.py:12");
	add_node(&graph, "0x0", "list", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]", NULL);
	add_edge(&graph, 0, 0, text, GRAPH_STRONG);
	back = read_back(&graph);
	label = drawn(node_named(back, "n0"));
	place = strstr(label, "file.py:12");
	check(lines_drawn(node_named(back, "n0")) == 2 + 4 + 1, "a long type takes 2 lines, a label 4, a place one");
	check(strlen(label) < 7 * 50 && strstr(label, "…") && place && !place[strlen("file.py:12")],
		"and what is left out shows as an ellipsis: the end of a text, the start of a path");
	check(lines_drawn(node_named(back, "n1")) == 1 + 2 &&
			draws(node_named(back, "n1"), "list[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]"),
		"a label that needs two lines has them, and all of its text");
	check(lines_drawn(json_array_get(json_object_get(back, "edges"), 0)) == 2, "a long label of an edge takes 2");
	free(label);
	free(text);
	json_decref(back);
	graph_free(&graph);
}

static bool brighter(const json_t *back, const char *near, const char *far)
{
	return strcmp(attribute(node_named(back, near), "fillcolor"), attribute(node_named(back, far), "fillcolor")) >
	       0;
}

/* NULL: there is none. */
static const json_t *edge_between(const json_t *back, const char *tail, const char *head)
{
	json_t *from = json_object_get(node_named(back, tail), "_gvid"), *edge;
	json_t *to = json_object_get(node_named(back, head), "_gvid");
	size_t i;

	json_array_foreach(json_object_get(back, "edges"), i, edge)
	{
		if (json_equal(json_object_get(edge, "tail"), from) && json_equal(json_object_get(edge, "head"), to))
			return edge;
	}
	return NULL;
}

static void check_leak_edges(const json_t *back)
{
	const json_t *key = edge_between(back, "n1", "n0"), *possible = edge_between(back, "n2", "n1");

	check(json_array_size(json_object_get(back, "edges")) == 6 && edge_between(back, "n3", "n2"), "all edges");
	check(draws(edge_between(back, "more1", "n1"), ""), "one more from what is hidden");
	check(key && !*attribute(key, "style") && strcmp(attribute(possible, "style"), "dashed") == 0,
		"possible references are dashed, others are not");
	check(draws(key, "['a']") && draws(possible, "") && draws(edge_between(back, "n0", "n1"), ".back\\nwards"),
		"edges have their labels, or none");
	check(strcmp(attribute(edge_between(back, "n4", "n2"), "penwidth"), "2") == 0, "references of roots are thick");
}

static void test_look(void)
{
	struct graph graph;
	json_t *back;
	const char *legend;

	make_leak(&graph);
	back = read_back(&graph);
	legend = attribute(back, "label");
	check(json_array_size(json_object_get(back, "objects")) == 6, "five nodes, and one for what is hidden");
	check(draws(node_named(back, "more1"), "12 more backreferences"), "how many are hidden");
	check(draws(node_named(back, "n2"), "Applicationapp.py:7"), "a type and a place, without a label");
	check(draws(node_named(back, "n4"), "visitapp.py:81") &&
			strcmp(attribute(node_named(back, "n4"), "shape"), "ellipse") == 0,
		"a root has no type, and is an ellipse");
	check(strcmp(attribute(node_named(back, "n0"), "color"), "#c62828") == 0 &&
			strcmp(attribute(node_named(back, "n3"), "color"), "#2e7d32") == 0,
		"the target is red, a module green");
	check(strncmp(attribute(node_named(back, "n1"), "tooltip"), "0x20  dict", 10) == 0, "addresses are tooltips");
	check_leak_edges(back);
	check(strstr(legend, "asked for") && strstr(legend, "possible reference") && !strstr(legend, "[n]") &&
			!strstr(legend, "more object"),
		"the legend has what occurs, and nothing else");
	json_decref(back);
	graph_free(&graph);
}

static void test_look_forwards(void)
{
	struct graph graph = {.refcounts = true, .left_out = 112};
	json_t *back;
	const char *legend;

	for (int i = 0; i < 4; i++) {
		add_node(&graph, "0x1", "dict", "x", NULL);
		graph.nodes[i].depth = i;
		graph.nodes[i].refcount = 7;
	}
	graph.nodes[2].immortal = true;
	graph.nodes[3].hidden = 1;
	back = read_back(&graph);
	legend = attribute(back, "label");
	check(draws(node_named(back, "n1"), "dict [7]x") && draws(node_named(back, "n2"), "dict [immortal]x"),
		"reference counts are shown");
	check(brighter(back, "n1", "n2") && brighter(back, "n2", "n3"), "the farther, the darker");
	check(draws(node_named(back, "more3"), "1 more reference"), "forwards, references are hidden");
	check(strstr(legend, "at least 112 more objects are not shown: a graph has no more than ") &&
			strstr(legend, "[n]") && !strstr(legend, "possible"),
		"the caption tells what was left out");
	json_decref(back);
	graph_free(&graph);
}

/* --- pictures --- */

static void test_formats(void)
{
	static const struct {
		const char *path;
		enum drawing_format format;
	} cases[] = {{"a.dot", DRAWING_DOT}, {"a.gv", DRAWING_DOT}, {"/x.y/a.svg", DRAWING_SVG},
		{"a.b.PNG", DRAWING_PNG}, {"a.pdf", DRAWING_PDF}, {"a", DRAWING_NONE}, {"a.json", DRAWING_NONE},
		{"/x.svg/a", DRAWING_NONE}, {".svg", DRAWING_NONE}, {"svg", DRAWING_NONE}, {"a.svg.gz", DRAWING_NONE},
		{"a.", DRAWING_NONE}, {"", DRAWING_NONE}, {NULL, DRAWING_NONE}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(drawing_format(cases[i].path) == cases[i].format, "the format of %s",
			cases[i].path ? cases[i].path : "(none)");
}

static bool starts_with(const char *path, const char *start)
{
	char *text = read_file(path);
	bool same = strncmp(text, start, strlen(start)) == 0;

	free(text);
	return same;
}

static void test_pictures(const struct graph *graph)
{
	struct error error = {0};
	size_t before = count_files();
	char *svg;

	check(drawing_write(graph, "a.svg", DRAWING_SVG, &error) == 0 && starts_with("a.svg", "<?xml"), "an SVG %s",
		error.text);
	check(drawing_write(graph, "a.png", DRAWING_PNG, &error) == 0 && starts_with("a.png", "\x89PNG"), "a PNG %s",
		error.text);
	check(drawing_write(graph, "a.pdf", DRAWING_PDF, &error) == 0 && starts_with("a.pdf", "%PDF"), "a PDF %s",
		error.text);
	check(drawing_write(graph, "a.dot", DRAWING_DOT, &error) == 0 && starts_with("a.dot", "digraph"), "dot %s",
		error.text);
	svg = read_file("a.svg");
	check(strstr(svg, "&lt;Session number=1&gt;") && strstr(svg, "</svg>"), "the SVG has the labels, and an end");
	free(svg);
	check(count_files() == before + 4, "and no other file is left");
	check(drawing_write(graph, "a.txt", DRAWING_NONE, &error) < 0 && error.code == ERROR_FAILED &&
			strstr(error.text, ".svg") && access("a.txt", F_OK) < 0,
		"no format is an error that names some");
}

/* More than any pipe takes at once, in both directions. */
static void test_big(void)
{
	struct graph graph = {0};
	struct error error = {0};

	for (int i = 0; i < 2000; i++)
		add_node(&graph, "0x1", "dict", "some text that takes its room in a picture and in the text",
			"app.py:1");
	check(drawing_write(&graph, "big.svg", DRAWING_SVG, &error) == 0, "2000 nodes %s", error.text);
	graph_free(&graph);
}

static bool refused(const struct graph *graph, const char *path, enum drawing_format format, const char *says)
{
	struct error error = {0};
	int result = drawing_write(graph, path, format, &error);

	if (result == 0 || !strstr(error.text, says))
		printf("# %d: %s\n", result, error.text);
	return result < 0 && error.code == ERROR_FAILED && strstr(error.text, says);
}

static void test_unwritable(const struct graph *graph)
{
	size_t before = count_files();

	check(refused(graph, "none/a.dot", DRAWING_DOT, "none/a.dot"), "dot into no folder");
	check(refused(graph, "none/a.svg", DRAWING_SVG, "none/a.svg"), "SVG into no folder");
	check(refused(graph, folder, DRAWING_SVG, "no regular file"), "a folder");
	check(refused(graph, "/dev/full", DRAWING_DOT, "No space left"), "a full device");
	check(count_files() == before, "nothing is left");
}

/* The program that stands in for graphviz does this. */
static void fake_dot(const char *script)
{
	char text[1024];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	write_file("bin/dot", text, 0755);
}

static bool intact(size_t before)
{
	return file_is("kept.svg", EARLIER) && count_files() == before && waitpid(-1, NULL, WNOHANG) < 0 &&
	       errno == ECHILD;
}

static void test_missing(const struct graph *graph)
{
	static const char *const paths[] = {"", ".", ":", "bin", "/nonexistent::."};
	struct error error = {0};
	size_t before;

	fake_dot("echo '<svg/>'");
	write_file("dot", "#!/bin/sh\necho '<svg/>'\n", 0755);
	before = count_files();
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		setenv("PATH", paths[i], 1);
		check(refused(graph, "kept.svg", DRAWING_SVG, "graphviz is not installed") && intact(before),
			"PATH=%s: graphviz is missing, and what is in the current directory is not run", paths[i]);
	}
	check(refused(graph, "kept.svg", DRAWING_SVG, ".dot"), "and a way without it is named");
	check(drawing_write(graph, "kept.svg", DRAWING_DOT, &error) == 0 && starts_with("kept.svg", "digraph"),
		"dot needs none");
	write_file("kept.svg", EARLIER, 0644);
	unlink("dot");
}

static void test_failing(const struct graph *graph)
{
	size_t before = count_files();

	fake_dot("echo '<svg>half'; printf 'no font\\033[31m\\n' >&2; exit 3");
	check(refused(graph, "kept.svg", DRAWING_SVG, "exit code 3: no font\\x1b[31m") && intact(before),
		"graphviz fails: what it said, escaped");
	fake_dot("echo '<svg>half'; kill -9 $$");
	check(refused(graph, "kept.svg", DRAWING_SVG, "signal 9") && intact(before), "it is killed");
	fake_dot("exit 0");
	check(refused(graph, "kept.svg", DRAWING_SVG, "no picture") && intact(before), "it makes nothing");
	fake_dot("echo first >&2; i=0; while [ $i -lt 4000 ]; do echo 'a complaint of some length, and many of them' "
		 ">&2; i=$((i+1)); "
		 "done; exit 1");
	check(refused(graph, "kept.svg", DRAWING_SVG, "exit code 1: first\\na complaint") && intact(before),
		"it says more than a pipe takes, and does not read");
	write_file("bin/dot", "#!/nonexistent\n", 0755);
	check(refused(graph, "kept.svg", DRAWING_SVG, "cannot run") && intact(before), "it cannot be run");
}

static void test_surroundings(const struct graph *graph)
{
	struct error error = {0};
	char *told;
	int fd = open("bin", O_RDONLY | O_DIRECTORY);

	dup2(fd, 200);
	close(fd);
	setenv("OGT_SECRET", "secret", 1);
	fake_dot(
		"echo \"arguments: $*.\"; echo \"environment: $OGT_SECRET $PATH.\"; for fd in /proc/self/fd/*; do echo "
		"\"fd: $fd\"; done; while read -r line; do echo \"$line\"; done");
	check(drawing_write(graph, "told.svg", DRAWING_SVG, &error) == 0, "a warning is no failure %s", error.text);
	told = read_file("told.svg");
	check(strstr(told, "arguments: -Tsvg.") && strstr(told, "digraph") && strstr(told, "\n}"),
		"graphviz is told the format, and reads the text");
	check(strstr(told, "environment:  /") && strstr(told, "fd: /proc/self/fd/1\n") &&
			!strstr(told, "/proc/self/fd/200"),
		"it has neither this process's secrets nor its files");
	free(told);
	close(200);
}

static void test_interrupted(const struct graph *graph)
{
	struct error error = {0};
	size_t before = count_files();
	double start = interrupt_now();
	pid_t pid;
	int result;

	fake_dot("echo '<svg>'; echo $$ >pid; exec /bin/sleep 60");
	interrupt_install();
	pid = fork();
	if (pid == 0) {
		usleep(400000);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	result = drawing_write(graph, "kept.svg", DRAWING_SVG, &error);
	waitpid(pid, NULL, 0);
	check(result < 0 && error.code == ERROR_INTERRUPTED && interrupt_now() - start < 20, "SIGTERM ends it %s",
		error.text);
	check(access("pid", F_OK) == 0 && unlink("pid") == 0 && intact(before), "and graphviz with it");
	interrupt_signal = 0;
}

static void test_streams(const struct graph *graph)
{
	struct error error = {0};
	struct stat status;
	int saved = dup(STDOUT_FILENO), fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2], result;
	char *out;

	dup2(fd, STDOUT_FILENO);
	result = dprintf(STDOUT_FILENO, "before\n") > 0 ? drawing_write(graph, "/dev/stdout", DRAWING_DOT, &error) : -1;
	dprintf(STDOUT_FILENO, "after\n");
	dup2(saved, STDOUT_FILENO);
	close(fd);
	out = read_file("out");
	check(result == 0 && strncmp(out, "before\ndigraph", 14) == 0 && strstr(out, "}\nafter\n"),
		"standard output is written on, not replaced %s", error.text);
	free(out);
	check(drawing_write(graph, "/dev/null", DRAWING_DOT, &error) == 0 && stat("/dev/null", &status) == 0 &&
			S_ISCHR(status.st_mode),
		"a device stays one");
	if (pipe(ends) < 0)
		exit(1);
	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	result = drawing_write(graph, "/dev/stdout", DRAWING_DOT, &error);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	check(result == 0, "a reader that has gone is no failure %s", error.text);
}

static void test_drawing_write(void)
{
	char *path = strdup(getenv("PATH")), bin[512];
	struct graph graph;

	make_leak(&graph);
	test_pictures(&graph);
	test_big();
	test_unwritable(&graph);
	write_file("kept.svg", EARLIER, 0644);
	mkdir("bin", 0755);
	test_missing(&graph);
	snprintf(bin, sizeof(bin), "%s/bin", folder);
	setenv("PATH", bin, 1);
	test_failing(&graph);
	test_surroundings(&graph);
	test_interrupted(&graph);
	setenv("PATH", path, 1);
	test_streams(&graph);
	graph_free(&graph);
	free(path);
}

/* --- a tree, and JSON --- */

static void render_to(const char *path, const struct graph *graph, bool json)
{
	struct error error = {0};
	struct render *render = render_open(path, json, 42, &error);

	render_graph(render, graph);
	check(render_close(render, &error) == 0, "%s is written %s", path, error.text);
}

static void test_tree(void)
{
	struct graph graph;

	make_leak(&graph);
	setenv("LC_ALL", "C.UTF-8", 1);
	render_to("tree", &graph, false);
	check(file_is("tree", "Session  0x10  <Session number=1>\n"
			      "└── ['a'] of dict  3 items\n"
			      "    ├── ? Application  (app.py:7)\n"
			      "    │   ├── .app of module  app  (app.py)  (root)\n"
			      "    │   └── local self of visit  (app.py:81)  (root)\n"
			      "    ├── .back\\nwards of Session  <Session number=1>  (see above)\n"
			      "    └── … 12 more backreferences\n"),
		"who refers to it");
	graph.backwards = false;
	graph.refcounts = true;
	graph.nodes[0].refcount = 3;
	graph.nodes[1].refcount = 2;
	graph.nodes[1].hidden = 1;
	graph.nodes[2].immortal = true;
	graph.nodes[3].refcount = 5;
	setenv("LC_ALL", "C", 1);
	render_to("tree", &graph, false);
	check(file_is("tree", "Session [3]  0x10  <Session number=1>\n"
			      "`-- .back\\nwards: dict [2]  3 items\n"
			      "    |-- ['a']: Session [3]  <Session number=1>  (see above)\n"
			      "    `-- ... 1 more reference\n"
			      "Application [immortal]  (app.py:7)\n"
			      "`-- ? dict [2]  3 items  (see above)\n"
			      "module [5]  app  (app.py)  (root)\n"
			      "`-- .app: Application [immortal]  (app.py:7)  (see above)\n"
			      "visit  (app.py:81)  (root)\n"
			      "`-- local self: Application [immortal]  (app.py:7)  (see above)\n"),
		"what it refers to, in ASCII, and what no way leads to");
	graph_free(&graph);
}

static void test_tree_hostile(void)
{
	struct graph graph = {0};

	add_node(&graph, "root:\033", NULL, NULL, "a\n:1");
	add_node(&graph, "0x1", "t\033[31m", "\xff\xe2\x80\xae", NULL);
	add_edge(&graph, 0, 1, "\r", GRAPH_STRONG);
	render_to("tree", &graph, false);
	check(file_is("tree", "root:\\x1b  (a\\n:1)\n`-- \\r: t\\x1b[31m  \\xff\\u202e\n"), "a tree is escaped");
	graph_free(&graph);
}

static void test_chain(void)
{
	struct graph graph = {0};
	char *tree;

	for (size_t i = 0; i < 500; i++)
		add_node(&graph, "0x1", "cell", NULL, NULL);
	for (size_t i = 0; i < 500; i++)
		add_edge(&graph, i, (i + 1) % 500, NULL, GRAPH_STRONG);
	graph.nodes[0].target = true;
	render_to("tree", &graph, false);
	tree = read_file("tree");
	check(strstr(tree, "cell  (see above)\n"), "a long circle ends where it began");
	free(tree);
	graph_free(&graph);
}

/* Whether the JSON has the member with this value, itself given as JSON. */
static bool has(const json_t *object, const char *name, const char *value)
{
	json_t *expected = json_loads(value, JSON_DECODE_ANY, NULL);
	bool same = expected && json_equal(json_object_get(object, name), expected);

	json_decref(expected);
	return same;
}

static void test_json(void)
{
	struct graph graph;
	json_t *event;

	make_leak(&graph);
	graph.left_out = 3;
	graph.refcounts = true;
	graph.nodes[2].ends_early = true;
	graph.nodes[0].refcount = 9;
	graph.nodes[1].immortal = true;
	render_to("events", &graph, true);
	event = json_load_file("events", 0, NULL);
	check(has(event, "event", "\"graph\"") && has(event, "pid", "42") && json_object_get(event, "time") &&
			has(event, "left_out", "3"),
		"the event");
	check(has(event, "nodes",
		      "[{\"id\":\"0x10\",\"type\":\"Session\",\"label\":\"<Session "
		      "number=1>\",\"depth\":0,\"target\":true,"
		      "\"refcount\":9,\"hidden\":0},"
		      "{\"id\":\"0x20\",\"type\":\"dict\",\"label\":\"3 items\",\"depth\":1,\"target\":false,"
		      "\"refcount\":null,\"immortal\":true,\"hidden\":12},"
		      "{\"id\":\"0x30\",\"type\":\"Application\",\"label\":\"\",\"place\":\"app.py:7\",\"depth\":2,"
		      "\"target\":false,\"refcount\":0,\"hidden\":0,\"more\":true},"
		      "{\"id\":\"0x40\",\"type\":\"module\",\"label\":\"app\",\"place\":\"app.py\",\"depth\":3,"
		      "\"target\":false,\"refcount\":0,\"hidden\":0},"
		      "{\"id\":\"root:frame:1\",\"type\":\"\",\"label\":\"visit\",\"place\":\"app.py:81\",\"depth\":3,"
		      "\"target\":false,\"hidden\":0}]"),
		"its nodes");
	check(has(event, "edges",
		      "[{\"from\":\"0x20\",\"to\":\"0x10\",\"label\":\"['a']\",\"kind\":\"strong\"},"
		      "{\"from\":\"0x30\",\"to\":\"0x20\",\"label\":null,\"kind\":\"possible\"},"
		      "{\"from\":\"0x10\",\"to\":\"0x20\",\"label\":\".back\\nwards\",\"kind\":\"strong\"},"
		      "{\"from\":\"0x40\",\"to\":\"0x30\",\"label\":\".app\",\"kind\":\"strong\"},"
		      "{\"from\":\"root:frame:1\",\"to\":\"0x30\",\"label\":\"local self\",\"kind\":\"root\"}]"),
		"its edges");
	json_decref(event);
	graph_free(&graph);
}

static void test_nothing(void)
{
	struct graph graph = {0};
	struct error error = {0};

	render_to("tree", &graph, false);
	check(file_is("tree", ""), "no tree of nothing");
	check(drawing_write(&graph, "nothing.svg", DRAWING_SVG, &error) == 0, "a picture of nothing %s", error.text);
	check(graph_add_node(&graph, &(struct graph_node){.id = strdup("0x1"), .type = strdup("t"), .label = NULL}) ==
				GRAPH_NONE &&
			!graph.node_count,
		"a text that could not be made is no node");
	graph_free(&graph);
}

int main(void)
{
	char template[] = "/tmp/test_drawing.XXXXXX", remove[64];

	folder = mkdtemp(template);
	if (!folder || chdir(folder) < 0)
		return 1;
	unsetenv("NO_COLOR");
	signal(SIGPIPE, SIG_IGN);
	test_formats();
	test_hostile();
	test_any_bytes();
	test_long();
	test_look();
	test_look_forwards();
	test_drawing_write();
	test_tree();
	test_tree_hostile();
	test_chain();
	test_json();
	test_nothing();
	snprintf(remove, sizeof(remove), "rm -rf %s", folder);
	if (chdir("/") < 0 || system(remove) != 0)
		return 1;
	return checks_end();
}
