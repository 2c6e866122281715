/*
 * Threads of C code, as a library for ctypes: each sits in a system call that a stop of the thread makes fail with
 * EINTR (epoll_wait, sigtimedwait, recv with SO_RCVTIMEO), and counts how often it did. start(path) puts three pairs of
 * 64-bit counters into that file: calls begun, calls interrupted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct counters {
	volatile uint64_t begun, interrupted;
} * counters;

static void count(struct counters *mine, int result)
{
	if (result < 0 && errno == EINTR)
		mine->interrupted++;
}

static void *wait_epoll(void *mine)
{
	struct epoll_event event;
	int epoll = epoll_create1(0);

	for (;;) {
		((struct counters *)mine)->begun++;
		count(mine, epoll_wait(epoll, &event, 1, -1));
	}
	return NULL;
}

static void *wait_signal(void *mine)
{
	struct timespec long_time = {1000000, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	for (;;) {
		((struct counters *)mine)->begun++;
		count(mine, sigtimedwait(&set, NULL, &long_time));
	}
	return NULL;
}

static void *wait_socket(void *mine)
{
	struct timeval long_time = {1000000, 0};
	char byte;
	int ends[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof(long_time));
	for (;;) {
		((struct counters *)mine)->begun++;
		count(mine, recv(ends[0], &byte, 1, 0));
	}
	return NULL;
}

int start(const char *path)
{
	void *(*work[])(void *) = {wait_epoll, wait_signal, wait_socket};
	pthread_t thread;
	sigset_t set;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return -1;
	counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread, NULL, work[i], counters + i))
			return -1;
	return 0;
}
