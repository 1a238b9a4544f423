//go:build linux

package nodetest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
	"github.com/wattgate/wattgate/devices/devicestest"
)

const project = "../devicestest/npm"

// role is what this binary does when it is started again, perhaps in another
// network namespace: "plug", "house", "fleet" or "gateway".
const role = "WATTGATE_NODETEST_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "plug":
		err = bePlug()
	case "house":
		err = beHouse()
	case "fleet":
		err = beFleet()
	case "gateway":
		err = beGateway()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bePlug is one simulated plug, until its input ends.
func bePlug() error {
	p := devicestest.New(devicestest.Options{Serial: os.Getenv("SERIAL"), Name: "Fridge", Interface: os.Getenv("INTERFACE"), Seed: 5})
	if err := p.Start(context.Background()); err != nil {
		return err
	}
	fmt.Println(p.Addr())
	io.Copy(io.Discard, os.Stdin)
	return p.Close()
}

// beHouse is as many plugs as PLUGS says, each answering after a delay as on
// Wi-Fi.
func beHouse() error {
	n, err := strconv.Atoi(os.Getenv("PLUGS"))
	if err != nil {
		return err
	}
	for i := range n {
		p := devicestest.New(devicestest.Options{Seed: int64(i), Silent: true})
		if err := p.Start(context.Background()); err != nil {
			return err
		}
		if err := p.Break(devicestest.Fault{Delay: 120 * time.Millisecond}); err != nil {
			return err
		}
		fmt.Println(p.Addr())
	}
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// beGateway runs a fleet for ten seconds and prints what it found.
func beGateway() error {
	cfg := devices.Config{Discover: true, Interface: os.Getenv("INTERFACE")}
	if a := os.Getenv("ADDRESSES"); a != "" {
		cfg = devices.Config{Addresses: strings.Split(a, ",")}
	}
	f := devices.New(devices.Options{Config: cfg})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	<-time.After(9500 * time.Millisecond)
	plugs := f.Plugs()
	if err := <-done; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(plugs)
}

// missing skips a test that cannot run here, or fails it where it must.
func missing(t testing.TB, what string) {
	t.Helper()
	if strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "node") {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// modules installs the npm project into the user's cache and returns its
// node_modules.
func modules(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: it needs Node.js and npm packages")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed")
		}
	}
	lock, err := os.ReadFile(filepath.Join(project, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "wattgate-npm", fmt.Sprintf("%x", sha256.Sum256(lock))[:16])
	installed := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	if err := install(dir); err != nil {
		missing(t, err.Error())
	}
	return installed
}

// install installs the project into dir: aside first and then renamed, so that
// what is there is whole.
func install(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(project, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm packages cannot be installed: %w\n%s", err, out)
	}
	err = os.Rename(tmp, dir)
	if _, there := os.Stat(filepath.Join(dir, "node_modules")); there == nil {
		return nil // by us, or by another test that was faster
	}
	return err
}

// node is a command that runs one of the project's programs.
func node(t testing.TB, n net, modules, program string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(project, program))
	if err != nil {
		t.Fatal(err)
	}
	cmd := n.command("node", append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	return cmd
}

// again is a command that runs this binary in a role.
func again(n net, as string, env ...string) *exec.Cmd {
	cmd := n.command(os.Args[0])
	cmd.Env = append(append(os.Environ(), role+"="+as), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// started runs cmd until the test ends, which closes its input, and returns its
// first lines of output.
func started(t testing.TB, cmd *exec.Cmd, lines int) []string {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return read(t, out, lines)
}
