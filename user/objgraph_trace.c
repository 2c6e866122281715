// SPDX-License-Identifier: BSD-2-Clause
/* objgraph-trace: which objects grow in a running Python process, seen from outside. */
#include <signal.h>
#include <stdio.h>

#include "error.h"
#include "interrupt.h"
#include "options.h"
#include "render.h"
#include "watch.h"

/* As a shell counts: 130 for Ctrl-C, 143 for SIGTERM. */
#define EXIT_SIGNALLED (128 + interrupt_signal)

static int finish(struct render *render, int result, const struct error *error)
{
	struct error late;

	if (result < 0 && error->code == ERROR_TARGET_ENDED)
		render_exited(render, error);
	else if (result < 0 && error->code != ERROR_INTERRUPTED)
		render_error(render, error);
	if (render_close(render, &late) < 0 && (result == 0 || error->code == ERROR_INTERRUPTED)) {
		if (late.code == ERROR_INTERRUPTED)
			return EXIT_SIGNALLED;
		render_error(NULL, &late);
		return ERROR_FAILED;
	}
	if (result == 0)
		return 0;
	switch (error->code) {
	case ERROR_INTERRUPTED:
		return EXIT_SIGNALLED;
	case ERROR_TARGET_ENDED:
		return ERROR_TARGET_ENDED;
	default:
		return ERROR_FAILED;
	}
}

int main(int argc, char **argv)
{
	struct error error = {0};
	struct options options;
	struct render *render;
	int result, code;

	options_parse(&options, argc, argv);
	interrupt_install();
	result = options_check_output(&options, &error);
	/* A picture is written when it is there; the output says what there is to say about it. */
	render = result < 0 ? NULL
			    : render_open(options_picture(&options) ? NULL : options.output, options.json, options.pid,
				      &error);
	result = render ? watch_run(&options, render, &error) : -1;
	code = finish(render, result, &error);
	options_free(&options);
	return code;
}
