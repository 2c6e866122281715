// SPDX-License-Identifier: BSD-2-Clause
#include "graph.h"

#include <stdlib.h>

static void free_node(const struct graph_node *node)
{
	free(node->id);
	free(node->type);
	free(node->label);
	free(node->place);
}

/* Room for one more of so many bytes; false when out of memory. */
static bool make_room(void **items, size_t count, size_t *capacity, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 16;
	void *grown;

	if (count < *capacity)
		return true;
	grown = reallocarray(*items, more, size);
	if (!grown)
		return false;
	*items = grown;
	*capacity = more;
	return true;
}

size_t graph_add_node(struct graph *graph, const struct graph_node *node)
{
	if (!node->id || !node->type || !node->label ||
		!make_room((void **)&graph->nodes, graph->node_count, &graph->node_capacity, sizeof(*node))) {
		free_node(node);
		return GRAPH_NONE;
	}
	graph->nodes[graph->node_count] = *node;
	return graph->node_count++;
}

size_t graph_add_edge(struct graph *graph, const struct graph_edge *edge)
{
	if (!make_room((void **)&graph->edges, graph->edge_count, &graph->edge_capacity, sizeof(*edge))) {
		free(edge->label);
		return GRAPH_NONE;
	}
	graph->edges[graph->edge_count] = *edge;
	return graph->edge_count++;
}

void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->node_count; i++)
		free_node(&graph->nodes[i]);
	for (size_t i = 0; i < graph->edge_count; i++)
		free(graph->edges[i].label);
	free(graph->nodes);
	free(graph->edges);
	*graph = (struct graph){0};
}
