//go:build linux

// Command probe is the program of a snap that exists to ask the guest's snapd and kernel what a strictly confined snap may
// do. It prints one line for each question, "name: answer", and never fails because of an answer.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	tasks := map[string]func(){
		"service": service,   // the service: asks as root, becomes snap_daemon, asks again, listens
		"hook":    hook,      // the configure hook
		"command": command,   // what a person runs
		"fail":    forbidden, // what must be refused, and be seen to be
		"search":  search,    // who is in the home network
	}
	if len(os.Args) == 2 && tasks[os.Args[1]] != nil {
		tasks[os.Args[1]]()
		return
	}
	fmt.Fprintln(os.Stderr, "usage: probe service|hook|command|fail|search")
	os.Exit(2)
}

// say prints one answer on one line.
func say(question string, answer any) {
	fmt.Printf("%s: %s\n", question, strings.ReplaceAll(strings.TrimSpace(fmt.Sprint(answer)), "\n", " ⏎ "))
}

// ran is what a program printed and how it ended.
func ran(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return string(out)
}

// runDir lies below $SNAP_DATA, which itself is root's for ever.
func runDir() string { return filepath.Join(os.Getenv("SNAP_DATA"), "run") }

func socket() string { return filepath.Join(runDir(), "sock") }

func environment() {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		if strings.HasPrefix(e, "SNAP_COOKIE=") || strings.HasPrefix(e, "SNAP_CONTEXT=") {
			return true // whoever has it may speak to snapd as this snap
		}
		return !strings.HasPrefix(e, "SNAP") && !strings.HasPrefix(e, "HOME=") && !strings.HasPrefix(e, "PATH=") &&
			!strings.HasPrefix(e, "XDG_") && !strings.HasPrefix(e, "TMPDIR=") && !strings.HasPrefix(e, "LD_") &&
			!strings.HasPrefix(e, "SUDO_") && !strings.HasPrefix(e, "JOURNAL_STREAM=")
	})
	slices.Sort(env)
	say("env", strings.Join(env, " "))
	dir, err := os.Getwd()
	say("working directory", fmt.Sprint(dir, " ", err))
}

func settings() {
	say("get -d '' group other", ran("snapctl", "get", "-d", "", "group", "other"))
	say("get -d group other", ran("snapctl", "get", "-d", "group", "other"))
	say("get -d ''", ran("snapctl", "get", "-d", ""))
	say("get -d", ran("snapctl", "get", "-d"))
}

// greet connects to the service's socket and prints whom it took us for.
func greet() {
	c, err := net.DialTimeout("unix", socket(), 5*time.Second)
	if err != nil {
		say("socket", err)
		return
	}
	defer c.Close()
	answer := make([]byte, 200)
	n, err := c.Read(answer)
	say("socket", fmt.Sprint(string(answer[:n]), " ", err))
}

func hook() {
	// A hook's words reach nobody unless it fails, so they are kept where root reads them.
	file, err := os.OpenFile(filepath.Join(os.Getenv("SNAP_DATA"), "hook.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		os.Stdout = file
	}
	identity()
	environment()
	settings()
	greet()
	file, err = os.Open(filepath.Join(runDir(), "private"))
	say("a 0600 file of snap_daemon", err)
	file.Close()
	name := os.Getenv("SNAP_INSTANCE_NAME")
	say("services", ran("snapctl", "services"))
	say("services NAME", ran("snapctl", "services", name+".gate"))
	if strings.Contains(ran("snapctl", "get", "restart"), "now") {
		say("restart", ran("snapctl", "restart", name+".gate"))
	}
	if wrong := ran("snapctl", "get", "wrong"); strings.TrimSpace(wrong) != "" {
		fmt.Fprintf(os.Stderr, "wrong: %q is refused on purpose\n", strings.TrimSpace(wrong))
		os.Exit(1)
	}
}

func command() {
	identity()
	environment()
	settings()
	greet()
	pipe()
}

func forbidden() {
	_, err := os.ReadFile("/etc/shadow")
	say("read /etc/shadow", err)
	_, err = os.ReadDir("/root")
	say("list /root", err)
}
