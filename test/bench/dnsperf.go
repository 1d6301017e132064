package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/rollcall-dns/rollcall/test/peers"
)

// dnsperf is the load generator.
type dnsperf struct {
	path string
	env  []string
}

// findDNSPerf takes the machine's dnsperf, or else Debian's.
func findDNSPerf(ctx context.Context, logf func(string, ...any)) (dnsperf, error) {
	if path, err := exec.LookPath("dnsperf"); err == nil {
		return dnsperf{path: path}, nil
	}
	root, err := peers.Debian(ctx, logf, "dnsperf")
	if err != nil {
		return dnsperf{}, err
	}
	env, err := peers.Environment(root)
	return dnsperf{path: filepath.Join(root, "usr/bin/dnsperf"), env: env}, err
}

// flood asks a contender as fast as it goes for some seconds: 8 clients, 200
// questions under way in all, with EDNS.
func (d dnsperf) flood(ctx context.Context, c *contender, mode, questions string, seconds int) (perfResult, error) {
	cmd := exec.CommandContext(ctx, d.path, "-s", c.addr.Addr().String(), "-p", strconv.Itoa(int(c.addr.Port())),
		"-m", mode, "-d", questions, "-c", "8", "-T", "1", "-q", "200", "-l", strconv.Itoa(seconds), "-e")
	cmd.Env = append(os.Environ(), d.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return perfResult{}, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	return parsePerf(string(out))
}

// perfResult is what dnsperf found.
type perfResult struct {
	sent, completed float64
	perSecond       float64
	replySize       float64 // bytes on average
	nxdomain        float64 // share of the replies
	otherCodes      float64 // share of the replies that are neither that nor NOERROR
}

// The lines of dnsperf's statistics.
var (
	sentLine      = regexp.MustCompile(`Queries sent: +(\d+)`)
	completedLine = regexp.MustCompile(`Queries completed: +(\d+)`)
	perSecondLine = regexp.MustCompile(`Queries per second: +([\d.]+)`)
	sizeLine      = regexp.MustCompile(`Average packet size: .*response (\d+)`)
	codesLine     = regexp.MustCompile(`Response codes: .*`)
	code          = regexp.MustCompile(`(\w+) (\d+) \(`)
)

// parsePerf reads the statistics that dnsperf prints in the end. That it got no
// reply at all is an error.
func parsePerf(text string) (r perfResult, err error) {
	for line, to := range map[*regexp.Regexp]*float64{
		sentLine: &r.sent, completedLine: &r.completed, perSecondLine: &r.perSecond, sizeLine: &r.replySize,
	} {
		match := line.FindStringSubmatch(text)
		if match == nil {
			return r, fmt.Errorf("no %s in what dnsperf printed:\n%s", line, text)
		}
		if *to, err = strconv.ParseFloat(match[1], 64); err != nil {
			return r, fmt.Errorf("dnsperf: %w", err)
		}
	}
	if r.completed == 0 {
		return r, fmt.Errorf("not one reply:\n%s", text)
	}
	for _, match := range code.FindAllStringSubmatch(codesLine.FindString(text), -1) {
		n, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return r, fmt.Errorf("dnsperf: %w", err)
		}
		switch match[1] {
		case "NOERROR":
		case "NXDOMAIN":
			r.nxdomain = n / r.completed
		default:
			r.otherCodes += n / r.completed
		}
	}
	return r, nil
}
