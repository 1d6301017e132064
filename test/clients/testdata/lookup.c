/*
 * Looks up what standard input asks for, by the C library's getaddrinfo and
 * getnameinfo. It is built once with glibc and once with musl. See doc.go for
 * what it reads and writes.
 */
#define _GNU_SOURCE /* for EAI_NODATA */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *word(int error)
{
	switch (error) {
	case EAI_NONAME: return "none EAI_NONAME";
	case EAI_NODATA: return "none EAI_NODATA";
	case EAI_AGAIN: return "failed EAI_AGAIN";
	case EAI_FAIL: return "failed EAI_FAIL";
	default: return gai_strerror(error);
	}
}

static void addresses(const char *name, int family)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *first;
	int error = getaddrinfo(name, NULL, &hints, &first);
	if (error) {
		puts(word(error));
		return;
	}
	fputs("found", stdout);
	for (struct addrinfo *a = first; a; a = a->ai_next) {
		char text[NI_MAXHOST];
		getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
		printf(" %s", text);
	}
	putchar('\n');
	freeaddrinfo(first);
}

static void name(const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr *sa = (struct sockaddr *)&v4;
	socklen_t size = sizeof v4;
	if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
		inet_pton(AF_INET6, address, &v6.sin6_addr);
		sa = (struct sockaddr *)&v6;
		size = sizeof v6;
	}
	char host[NI_MAXHOST];
	int error = getnameinfo(sa, size, host, sizeof host, NULL, 0, NI_NAMEREQD);
	if (error)
		puts(word(error));
	else
		printf("found %s\n", host);
}

int main(void)
{
	char kind[16], what[NI_MAXHOST];
	while (scanf("%15s %1000s", kind, what) == 2) {
		if (!strcmp(kind, "ptr"))
			name(what);
		else
			addresses(what, !strcmp(kind, "ip4") ? AF_INET : !strcmp(kind, "ip6") ? AF_INET6 : AF_UNSPEC);
		fflush(stdout);
	}
	return 0;
}
