// Package supervise runs programs as the first process of a container has to: it
// passes signals on, and reaps the processes that nobody else waits for.
//
// Where this process is process 1, or a child subreaper (prctl(2)), the kernel
// makes it the parent of orphans, which stay as zombies until their parent waits
// for them. Processes waits for all of them then, and for those that it started
// itself; a process of which it doesn't know must not be started meanwhile by
// package os/exec alone, as its status might be taken away. Elsewhere nothing is
// waited for but what it started.
package supervise
