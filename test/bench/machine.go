package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// The cores of a run.
const (
	serverCore = 0
	loadCore   = 1
)

// tick is the unit of the kernel's CPU times in /proc (USER_HZ, which is the same
// on every Linux).
const tick = 10 * time.Millisecond

// pin moves every thread of this process to the given cores. What is started
// later inherits them, so that a server that is started on one core also counts
// one core. It goes over the threads again until it has met no new one, since a
// thread that was not moved yet may have started another.
func pin(cores ...int) error {
	var mask [16]uint64 // 1,024 cores, the kernel's own limit for such a mask
	for _, core := range cores {
		mask[core/64] |= 1 << (core % 64)
	}
	moved := make(map[string]bool)
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("listing threads: %w", err)
		}
		before := len(moved)
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil || moved[thread.Name()] {
				continue
			}
			_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(id), unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
			if errno != 0 && errno != syscall.ESRCH {
				return fmt.Errorf("moving to cores %v: %w", cores, errno)
			}
			moved[thread.Name()] = true
		}
		if len(moved) == before {
			return nil
		}
	}
}

// descendants are the processes that descend from this one. NSD's answers, for
// one, come from a grandchild.
func descendants() ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, path := range paths {
		if s, err := readStat(path); err == nil { // else it has just ended
			children[s.parent] = append(children[s.parent], s.pid)
		}
	}
	all := children[os.Getpid()]
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// started calls start and returns the processes that came of it and are still
// there.
func started(start func() error) ([]int, error) {
	before, err := descendants()
	if err != nil {
		return nil, err
	}
	if err := start(); err != nil {
		return nil, err
	}
	after, err := descendants()
	return slices.DeleteFunc(after, func(pid int) bool { return slices.Contains(before, pid) }), err
}

// stat is what is needed of /proc/PID/stat.
type stat struct {
	pid, parent int
	cpu         time.Duration // user and system, of all threads
}

func readStat(path string) (stat, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// parseStat reads proc_pid_stat(5). The second field is the program's name in
// parentheses, in which anything may stand.
func parseStat(text string) (s stat, err error) {
	end := strings.LastIndexByte(text, ')')
	pid, _, found := strings.Cut(text, " ")
	if end < 0 || !found {
		return s, fmt.Errorf("not a process' status: %q", text)
	}
	rest := strings.Fields(text[end+1:]) // from the third field on
	const parent, user, system = 4 - 3, 14 - 3, 15 - 3
	if len(rest) <= system {
		return s, fmt.Errorf("too few fields in a process' status: %q", text)
	}
	var numbers [4]int
	for i, field := range []string{pid, rest[parent], rest[user], rest[system]} {
		if numbers[i], err = strconv.Atoi(field); err != nil {
			return s, fmt.Errorf("a process' status: %w", err)
		}
	}
	return stat{pid: numbers[0], parent: numbers[1], cpu: time.Duration(numbers[2]+numbers[3]) * tick}, nil
}

// cpuOf is the CPU time that processes have taken so far.
func cpuOf(pids []int) (total time.Duration, err error) {
	for _, pid := range pids {
		s, err := readStat(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("reading CPU times: %w", err)
		}
		total += s.cpu
	}
	return total, nil
}

// memoryOf is the resident memory of processes in bytes. A page that several of
// them share is counted once, in parts (the kernel's Pss).
func memoryOf(pids []int) (total int64, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("reading memory: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
				kib, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					return 0, fmt.Errorf("reading memory: %w", err)
				}
				total += kib << 10
			}
		}
	}
	return total, nil
}

// cpuOfMachine is the CPU time that anybody has taken so far on any core, and
// the hypervisor kept.
func cpuOfMachine() (total time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the machine's CPU times: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	// cpu user nice system idle iowait irq softirq steal … Processes' own times
	// have interrupts in them, unless the kernel counts those apart
	// (CONFIG_IRQ_TIME_ACCOUNTING): there the load's own look like somebody else's.
	busy := []int{1, 2, 3, 6, 7, 8}
	if len(fields) <= busy[len(busy)-1] {
		return 0, fmt.Errorf("too few fields in %q", line)
	}
	for _, i := range busy {
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the machine's CPU times: %w", err)
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}

// cpuOfLoad is the CPU time that this process and the load generators that have
// ended took so far.
func cpuOfLoad() (total time.Duration, err error) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0, fmt.Errorf("reading own CPU times: %w", err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total, nil
}

// loadAverage is the machine's, of the last minute.
func loadAverage() (float64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, fmt.Errorf("reading the load: %w", err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	return strconv.ParseFloat(first, 64)
}
