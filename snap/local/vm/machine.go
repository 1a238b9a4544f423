//go:build linux

package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// memory is what the guest has, in MiB. snapd's profiles compile in a few hundred.
const memory = "2048"

// machine is one run of QEMU: from being switched on, or resumed, until it is switched off.
type machine struct {
	dir  string // console.log, qemu.log, qmp
	port int    // of the guest's sshd on 127.0.0.1
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// arguments are QEMU's, the same for each run of a guest: a frozen machine resumes only on the one it was frozen on.
func arguments(disk, kernel, initrd, dir string, port int) []string {
	return []string{
		"-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2", "-m", memory,
		"-display", "none", "-nodefaults", "-no-user-config",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "root=/dev/vda rw console=ttyS0 apparmor=1 security=apparmor audit=1 audit_backlog_limit=8192 quiet systemd.show_status=0",
		// cache=unsafe leaves out the fsync on this machine's disk, not the write that comes before it: what the guest has
		// flushed is this machine's when the process of QEMU is killed, and what it has not may be lost, as on a real disk.
		"-drive", "file=" + disk + ",format=qcow2,if=virtio,cache=unsafe",
		"-netdev", fmt.Sprintf("user,id=uplink,restrict=on,hostfwd=tcp:127.0.0.1:%d-:22", port),
		"-device", "virtio-net-pci,netdev=uplink", "-device", "virtio-rng-pci",
		"-chardev", "file,id=console,append=on,path=" + filepath.Join(dir, "console.log"), "-serial", "chardev:console",
		"-qmp", "unix:" + filepath.Join(dir, "qmp") + ",server=on,wait=off",
	}
}

// startMachine switches a machine on; extra goes to QEMU. The process ends with this one.
func startMachine(disk, kernel, initrd, dir string, extra ...string) (*machine, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	said, err := os.OpenFile(filepath.Join(dir, "qemu.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	m := &machine{dir: dir, port: port, done: make(chan struct{})}
	m.cmd = exec.Command("qemu-system-x86_64", append(arguments(disk, kernel, initrd, dir, port), extra...)...)
	m.cmd.Stdout, m.cmd.Stderr = said, said
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := m.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the virtual machine: %w", err)
	}
	go func() {
		defer close(m.done)
		_ = m.cmd.Wait() // how it ended is in qemu.log and the console
	}()
	return m, nil
}

// freePort finds a TCP port of 127.0.0.1 that nobody uses at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// cut is a power cut: the process is gone when it returns.
func (m *machine) cut() {
	_ = m.cmd.Process.Kill()
	<-m.done
}

// off waits for the machine to switch itself off, and cuts its power if it does not in time.
func (m *machine) off(ctx context.Context, patience time.Duration) error {
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
	case <-time.After(patience):
	}
	m.cut()
	return m.broken(fmt.Sprintf("it did not switch itself off within %.0f s", patience.Seconds()))
}

// dead says that the process has ended.
func (m *machine) dead() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// broken is an error with the last words of QEMU and of the console.
func (m *machine) broken(what string) error {
	qemu, _ := os.ReadFile(filepath.Join(m.dir, "qemu.log"))
	console, _ := os.ReadFile(filepath.Join(m.dir, "console.log"))
	return fmt.Errorf("cannot use the virtual machine: %s\n--- QEMU:\n%s\n--- the console's end:\n%s",
		what, tail(string(qemu), 10), tail(string(console), 40))
}

// freeze stores the running machine in its disk under a name, and ends it.
func (m *machine) freeze(ctx context.Context, name string) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(m.dir, "qmp"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		return err
	}
	in := bufio.NewScanner(c)
	in.Buffer(nil, 1<<20)
	if said, err := command(c, in, `{"execute":"qmp_capabilities"}`); err != nil {
		return fmt.Errorf("cannot speak with QEMU: %w %s", err, said)
	}
	save := fmt.Sprintf(`{"execute":"human-monitor-command","arguments":{"command-line":"savevm %s"}}`, name)
	// The monitor answers with nothing when it worked.
	if said, err := command(c, in, save); err != nil || said != `""` {
		return fmt.Errorf("cannot freeze the virtual machine: %w %s", err, said)
	}
	if said, err := command(c, in, `{"execute":"quit"}`); err != nil {
		return fmt.Errorf("cannot end QEMU: %w %s", err, said)
	}
	return m.off(ctx, time.Minute)
}

// command sends one QMP command and returns its answer as it was written, past events and the greeting.
func command(c net.Conn, in *bufio.Scanner, line string) (string, error) {
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		return "", err
	}
	for in.Scan() {
		var answer struct{ Return, Error json.RawMessage }
		if err := json.Unmarshal(in.Bytes(), &answer); err != nil {
			return "", err
		}
		if answer.Error != nil {
			return strings.TrimSpace(string(answer.Error)), errors.New("QEMU refused")
		}
		if answer.Return != nil {
			return strings.ReplaceAll(string(answer.Return), `\r\n`, ""), nil
		}
	}
	return "", errors.Join(errors.New("QEMU hung up"), in.Err())
}
