package acl

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of processor times in /proc: USER_HZ is 100 on every
// architecture of Linux that the gateway runs on.
const clockTick = time.Second / 100

// cpuTime returns the processor time a process has used so far, in steps of
// 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("cannot see what the broker's process computes: %w", err)
	}
	// The program's name, in parentheses, may hold blanks: count from its end.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	const utime, stime = 11, 12 // fields 14 and 15 of proc(5)
	if len(fields) <= stime {
		return 0, fmt.Errorf("cannot understand /proc/%d/stat", pid)
	}
	var ticks int64
	for _, f := range [][]byte{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("cannot understand /proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
