// Package sandbox starts a program whose C library asks a server of ours: in a
// mount namespace with a resolv.conf of its own and, if wanted, in a network
// namespace where port 53 is free.
//
// A Go process has many threads, and namespaces are a thread's. So the program of
// the caller is started again, in new namespaces from its first instruction, under
// the name Name; there it calls Main, which prepares them and becomes the program
// that was asked for (execve, so that its process ID, standard streams and parent are
// those of the program itself). Whoever may not make namespaces makes them within a
// user namespace, which maps the user to the same user.
//
// Nothing is changed outside: mounts are private, the files that are mounted have no
// name any more, and all goes with the last process inside.
//
// Linux alone has such namespaces. Elsewhere Start fails with errors.ErrUnsupported.
package sandbox
