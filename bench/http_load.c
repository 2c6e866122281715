// SPDX-License-Identifier: BSD-2-Clause
/*
 * http_load PORT CONNECTIONS COUNTERS: asks a server on loopback over so many kept connections, each of which waits for
 * its answer before it asks again, until standard input ends. Answers, and how long each took, are counted in the
 * file COUNTERS, which bench/stream maps as well: number of answers, then a histogram of nanoseconds with SUB steps for
 * each power of two.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define SUB 32
#define BUCKETS (SUB * 48)

struct connection {
	uint64_t asked; /* ns */
	size_t have;
	char answer[65536];
};

static uint64_t *took_so_long; /* of BUCKETS */
static struct pollfd polled[MOST + 1]; /* standard input is the last */
static struct connection connections[MOST];
static unsigned long pages;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void count(uint64_t took)
{
	unsigned power = took < SUB ? 0 : (unsigned)(63 - __builtin_clzll(took)) - __builtin_ctz(SUB);
	uint64_t bucket = power * SUB + (took >> power);

	__atomic_fetch_add(&took_so_long[bucket < BUCKETS ? bucket : BUCKETS - 1], 1, __ATOMIC_RELAXED);
}

static void ask(unsigned i)
{
	char request[256];
	int n = snprintf(request, sizeof(request),
		"GET /pages/%lu HTTP/1.1\r\nHost: localhost\r\nUser-Agent: http_load\r\nAccept: application/json\r\n"
		"Accept-Language: en\r\nCookie: session=0123456789abcdef\r\n\r\n",
		pages++ % 100);

	connections[i].asked = now();
	connections[i].have = 0;
	if (write(polled[i].fd, request, (size_t)n) != n)
		die("http_load: write");
}

/* Whether all of the answer is there. */
static int complete(struct connection *connection)
{
	char *end, *length;

	connection->answer[connection->have] = '\0';
	end = strstr(connection->answer, "\r\n\r\n");
	length = strcasestr(connection->answer, "\r\ncontent-length:");
	if (!end || !length || strncmp(connection->answer, "HTTP/1.1 200", 12) != 0)
		return 0;
	return connection->have >= (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
}

static void take(unsigned i)
{
	struct connection *connection = &connections[i];
	ssize_t n = read(
		polled[i].fd, connection->answer + connection->have, sizeof(connection->answer) - 1 - connection->have);

	if (n <= 0)
		die("http_load: read");
	connection->have += (size_t)n;
	if (complete(connection)) {
		count(now() - connection->asked);
		ask(i);
	}
}

static int connect_to(unsigned short port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("http_load: connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int main(int argc, char **argv)
{
	unsigned n;
	int fd;

	if (argc != 4 || (n = (unsigned)atoi(argv[2])) < 1 || n > MOST) {
		fprintf(stderr, "usage: %s PORT CONNECTIONS COUNTERS\n", argv[0]);
		return 2;
	}
	fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(argv[3]);
	took_so_long = mmap(NULL, BUCKETS * sizeof(*took_so_long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (took_so_long == MAP_FAILED)
		die("http_load: mmap");
	for (unsigned i = 0; i < n; i++) {
		polled[i] = (struct pollfd){.fd = connect_to((unsigned short)atoi(argv[1])), .events = POLLIN};
		ask(i);
	}
	polled[n] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (;;) {
		if (poll(polled, n + 1, -1) < 0 && errno != EINTR)
			die("http_load: poll");
		if (polled[n].revents)
			return 0;
		for (unsigned i = 0; i < n; i++) {
			if (polled[i].revents)
				take(i);
		}
	}
}
