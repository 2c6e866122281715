// SPDX-License-Identifier: BSD-2-Clause
/*
 * Node labels are HTML-like ones, in which &, < and > are all that has to be escaped, but that graphviz looks for its
 * own escapes (\N, \G) in their text too. Names in the dot text are numbers: no text of a target is ever one.
 */
#define _GNU_SOURCE
#include "drawing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

/* A line of a label, and how many of them the parts of a label have. */
#define COLUMNS 40
#define PLACE_COLUMNS 46
#define TYPE_LINES 2
#define LABEL_LINES 4
#define EDGE_COLUMNS 30
#define EDGE_LINES 2
#define TOOLTIP_CHARACTERS 400
#define ELLIPSIS "…"
/* With more nodes than this, a good layout takes minutes to find, and one that is nearly as good must do. */
#define LARGE 300
/* The nearest objects are white, the farthest this grey. */
#define FARTHEST_GREY 0.74

#define TARGET_STYLE "color=\"#c62828\", fillcolor=\"#ffe3e0\", fontcolor=\"#b71c1c\", penwidth=2"
#define MODULE_STYLE "color=\"#2e7d32\", fillcolor=\"#b9e6b4\""
#define ROOT_STYLE "shape=ellipse, margin=\"0.02,0.01\", color=\"#1f5fb4\", fillcolor=\"#d6e6ff\""
#define HIDDEN_STYLE                                                                                                   \
	"fontsize=8, height=0.2, margin=\"0.06,0.03\", color=\"#d9730d\", fillcolor=\"#fff1e0\", "                     \
	"fontcolor=\"#a04d00\""

typedef void put_character(FILE *out, const char *character, size_t size);

static void put_html(FILE *out, const char *character, size_t size)
{
	if (*character == '&')
		fputs("&amp;", out);
	else if (*character == '<')
		fputs("&lt;", out);
	else if (*character == '>')
		fputs("&gt;", out);
	else if (*character == '\\')
		fputs("\\\\", out);
	else
		fwrite(character, 1, size, out);
}

/* Within "...", as part of a label: graphviz knows HTML's entities and its own escapes there. */
static void put_quoted(FILE *out, const char *character, size_t size)
{
	if (*character == '&')
		fputs("&amp;", out);
	else if (*character == '"' || *character == '\\')
		fprintf(out, "\\%c", *character);
	else
		fwrite(character, 1, size, out);
}

/* How often graphviz takes backslashes for escapes in a tooltip differs between its versions: there are none. */
static void put_tooltip(FILE *out, const char *character, size_t size)
{
	if (*character == '\\')
		fputs("⧵", out);
	else
		put_quoted(out, character, size);
}

/* Bytes of the character that starts here, in text_printable()'s text. */
static size_t character_size(const char *text)
{
	unsigned char first = (unsigned char)*text;

	return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Columns that it takes: two for what East Asian scripts, and emoji, are made of. */
static size_t character_width(const char *text)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
	size_t size = character_size(text);
	uint32_t c = (unsigned char)*text & (0xffu >> (size > 1 ? size + 1 : 0));

	for (size_t i = 1; i < size; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
		if (c >= wide[i].first && c <= wide[i].last)
			return 2;
	}
	return 1;
}

/* Bytes of the line that starts here: all that is left, or a part that ends after a blank or a comma or the like if one
 * is near. */
static size_t line_size(const char *text, size_t columns)
{
	size_t size = 0, width = 0, good = 0;

	while (text[size]) {
		width += character_width(text + size);
		if (width > columns)
			return good ? good : size;
		size += character_size(text + size);
		if (width > columns / 2 && strchr(" ,;/._", text[size - 1]))
			good = size;
	}
	return size;
}

static void put_range(FILE *out, const char *text, size_t size, put_character *put)
{
	for (size_t i = 0; i < size; i += character_size(text + i))
		put(out, text + i, character_size(text + i));
}

/* The text in lines, with an ellipsis in place of what there is no room for; br stands between two lines. */
static void put_lines(
	FILE *out, const char *text, size_t columns, unsigned int lines, put_character *put, const char *br)
{
	for (unsigned int line = 1; *text; line++) {
		size_t size = line_size(text, columns);
		bool cut = line == lines && text[size];

		if (cut)
			size = line_size(text, columns - 1);
		put_range(out, text, size, put);
		if (cut) {
			fputs(ELLIPSIS, out);
			return;
		}
		text += size;
		if (*text)
			fputs(br, out);
	}
}

/* The end of a text that is too long: of a path, what tells most. */
static void put_end(FILE *out, const char *text, size_t columns)
{
	size_t length = text_length(text);

	if (length > columns) {
		for (; length >= columns; length--)
			text += character_size(text);
		fputs(ELLIPSIS, out);
	}
	put_range(out, text, strlen(text), put_html);
}

/* --- nodes --- */

static void put_refcount(FILE *out, const struct graph *graph, const struct graph_node *node)
{
	if (!graph->refcounts || (node->root && !*node->type))
		return;
	if (node->immortal)
		fputs(" [immortal]", out);
	else
		fprintf(out, " [%llu]", (unsigned long long)node->refcount);
}

static void put_node_label(FILE *out, const struct graph *graph, const struct graph_node *node)
{
	/* Something has to be there, or graphviz takes the node's name. */
	const char *first = *node->type ? node->type : *node->label ? "" : *node->id ? node->id : "?";
	char *type = text_printable(first), *label = text_printable(node->label);
	char *place = node->place ? text_printable(node->place) : NULL;

	fputc('<', out);
	if (!type || *type) {
		fputs("<B>", out);
		put_lines(out, type ? type : "?", COLUMNS, TYPE_LINES, put_html, "<BR/>");
		fputs("</B>", out);
		put_refcount(out, graph, node);
	}
	if (label && *label) {
		fputs(!type || *type ? "<BR/>" : "", out);
		put_lines(out, label, COLUMNS, LABEL_LINES, put_html, "<BR/>");
	}
	if (place && *place) {
		fputs("<BR/><FONT POINT-SIZE=\"8\" COLOR=\"#555555\">", out);
		put_end(out, place, PLACE_COLUMNS);
		fputs("</FONT>", out);
	}
	fputc('>', out);
	free(type);
	free(label);
	free(place);
}

static void put_node_tooltip(FILE *out, const struct graph_node *node)
{
	const char *const parts[] = {node->id, node->type, node->label, node->place};

	fputs(", tooltip=\"", out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char *text = parts[i] && *parts[i] ? text_printable(parts[i]) : NULL;

		fputs(text && i ? "  " : "", out);
		if (text)
			put_lines(out, text, TOOLTIP_CHARACTERS, 1, put_tooltip, "");
		free(text);
	}
	fputc('"', out);
}

/* What a depth is drawn as, 0: black to 1: white. */
static double brightness(int depth, int deepest)
{
	return depth <= 1 || deepest <= 1 ? 1 : 1 - (1 - FARTHEST_GREY) * (depth - 1) / (deepest - 1);
}

static void put_node_style(FILE *out, const struct graph_node *node, int deepest)
{
	unsigned int grey = (unsigned int)(255 * brightness(node->depth, deepest) + 0.5);

	if (node->target)
		fputs(", " TARGET_STYLE, out);
	else if (node->module)
		fputs(", " MODULE_STYLE, out);
	else if (node->root)
		fputs(", " ROOT_STYLE, out);
	else
		fprintf(out, ", fillcolor=\"#%02x%02x%02x\"", grey, grey, grey);
}

/* objgraph's "too many": a node of its own, with an edge to where the others would be. */
static void put_hidden(FILE *out, const struct graph *graph, size_t index)
{
	unsigned long long hidden = graph->nodes[index].hidden;

	fprintf(out, "\tmore%zu [" HIDDEN_STYLE ", label=\"%llu more %sreference%s\"];\n", index, hidden,
		graph->backwards ? "back" : "", hidden == 1 ? "" : "s");
	if (graph->backwards)
		fprintf(out, "\tmore%zu -> n%zu", index, index);
	else
		fprintf(out, "\tn%zu -> more%zu", index, index);
	fputs(" [style=dotted, color=\"#d9730d\"];\n", out);
}

static void put_nodes(FILE *out, const struct graph *graph, int deepest)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct graph_node *node = &graph->nodes[i];

		fprintf(out, "\tn%zu [label=", i);
		put_node_label(out, graph, node);
		put_node_style(out, node, deepest);
		put_node_tooltip(out, node);
		fputs("];\n", out);
		if (node->hidden)
			put_hidden(out, graph, i);
	}
}

/* --- edges --- */

/*
 * An edge leaves the side that faces its target, or comes in there, at the end that is farther from what was asked for:
 * its label then stands at a node of which few edges are drawn, and not in the bundle.
 */
static const char *port_of(const struct graph *graph, const struct graph_edge *edge)
{
	int from = graph->nodes[edge->from].depth, to = graph->nodes[edge->to].depth;

	if (graph->backwards)
		return from > to ? "tailport=e, " : "";
	return from < to ? "headport=w, " : "";
}

static void put_edges(FILE *out, const struct graph *graph)
{
	static const char *const styles[] = {
		[GRAPH_STRONG] = "",
		[GRAPH_POSSIBLE] = "style=dashed, color=\"#8a8a8a\", ",
		[GRAPH_ROOT] = "color=\"#1f5fb4\", penwidth=2, ",
	};

	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		char *label = edge->label ? text_printable(edge->label) : NULL;

		fprintf(out, "\tn%zu -> n%zu [%s%slabel=\"", edge->from, edge->to, styles[edge->kind],
			port_of(graph, edge));
		put_lines(out, label ? label : "", EDGE_COLUMNS, EDGE_LINES, put_quoted, "\\n");
		fputs("\"];\n", out);
		free(label);
	}
}

/* --- the legend, which is the label of the whole: so it takes no part in the layout --- */

enum mark { MARK_TARGET, MARK_MODULE, MARK_ROOT, MARK_FAR, MARK_POSSIBLE, MARK_HELD, MARK_HIDDEN, MARK_COUNT, MARKS };

/* Which of them occur. */
static void find_marks(const struct graph *graph, int deepest, bool marks[MARKS])
{
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct graph_node *node = &graph->nodes[i];
		bool module = node->module && !node->target, root = node->root && !node->target && !module;

		marks[MARK_TARGET] = marks[MARK_TARGET] || node->target;
		marks[MARK_MODULE] = marks[MARK_MODULE] || module;
		marks[MARK_ROOT] = marks[MARK_ROOT] || root;
		marks[MARK_FAR] = marks[MARK_FAR] || (deepest > 1 && node->depth == deepest && !module && !root);
		marks[MARK_HIDDEN] = marks[MARK_HIDDEN] || node->hidden;
		marks[MARK_COUNT] = graph->refcounts;
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		marks[MARK_POSSIBLE] = marks[MARK_POSSIBLE] || graph->edges[i].kind == GRAPH_POSSIBLE;
		marks[MARK_HELD] = marks[MARK_HELD] || graph->edges[i].kind == GRAPH_ROOT;
	}
}

static void put_legend(FILE *out, const struct graph *graph, int deepest)
{
	static const char *const cells[MARKS] = {
		[MARK_TARGET] = "<TD BGCOLOR=\"#ffe3e0\" COLOR=\"#c62828\">asked for</TD>",
		[MARK_MODULE] = "<TD BGCOLOR=\"#b9e6b4\" COLOR=\"#2e7d32\">module</TD>",
		[MARK_ROOT] = "<TD BGCOLOR=\"#d6e6ff\" COLOR=\"#1f5fb4\" STYLE=\"ROUNDED\">root (no object)</TD>",
		[MARK_FAR] = "<TD BGCOLOR=\"#bdbdbd\" COLOR=\"#777777\">the darker, the more steps away</TD>",
		[MARK_POSSIBLE] = "<TD BORDER=\"0\"><FONT COLOR=\"#8a8a8a\">- - -</FONT> possible reference</TD>",
		[MARK_HELD] = "<TD BORDER=\"0\"><FONT COLOR=\"#1f5fb4\"><B>——</B></FONT> held by a root</TD>",
		[MARK_HIDDEN] = "<TD BORDER=\"0\"><FONT COLOR=\"#d9730d\">·····</FONT> more, not shown</TD>",
		[MARK_COUNT] = "<TD BORDER=\"0\">[n] reference count</TD>",
	};
	bool marks[MARKS] = {false};

	find_marks(graph, deepest, marks);
	fputs("\tlabel=<<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"5\" CELLPADDING=\"2\"><TR>"
	      "<TD BORDER=\"0\">a → b: a refers to b</TD>",
		out);
	for (int i = 0; i < MARKS; i++)
		fputs(marks[i] ? cells[i] : "", out);
	if (graph->left_out)
		fprintf(out,
			"</TR><TR><TD BORDER=\"0\" COLSPAN=\"%d\" ALIGN=\"LEFT\"><B>at least %zu more object%s not "
			"shown: a graph has no more than %zu</B></TD>",
			MARKS + 1, graph->left_out, graph->left_out == 1 ? " is" : "s are", graph->node_count);
	fputs("</TR></TABLE>>;\n", out);
}

void drawing_dot(const struct graph *graph, FILE *out)
{
	int deepest = 0;

	for (size_t i = 0; i < graph->node_count; i++)
		deepest = graph->nodes[i].depth > deepest ? graph->nodes[i].depth : deepest;
	fputs("digraph objects {\n"
	      "\tgraph [charset=\"UTF-8\", rankdir=LR, ranksep=0.5, nodesep=0.14, margin=0.15, bgcolor=white, "
	      "labelloc=t, labeljust=l, fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, fontcolor=\"#333333\"];\n"
	      "\tnode [shape=box, style=filled, fontname=\"Helvetica,Arial,sans-serif\", fontsize=10, "
	      "fontcolor=\"#1a1a1a\", color=\"#777777\", fillcolor=white, height=0.3, margin=\"0.09,0.05\"];\n"
	      "\tedge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, fontcolor=\"#333333\", "
	      "color=\"#5a5a5a\", arrowsize=0.6];\n",
		out);
	if (graph->node_count > LARGE)
		fputs("\tgraph [nslimit=1, nslimit1=1];\n", out);
	put_legend(out, graph, deepest);
	put_nodes(out, graph, deepest);
	put_edges(out, graph);
	fputs("}\n", out);
}
