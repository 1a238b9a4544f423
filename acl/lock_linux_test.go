package acl_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

func TestLockIsHeldByMosquittoItself(t *testing.T) {
	b := acltest.Start(t)
	pid, err := acl.LockHolder(b.File("lock"))
	if err != nil || pid != b.PID() || pid == 0 {
		t.Fatalf("holder %d (%v), broker %d", pid, err, b.PID())
	}
	// What holds the lock is Mosquitto, no longer the process that took it.
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil || strings.HasSuffix(exe, ".test") {
		t.Errorf("the holder runs %s (%v)", exe, err)
	}
	if _, err := acl.TakeLock(b.File("lock")); err == nil || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("a second broker: %v, want an error naming process %d", err, pid)
	}
	b.Stop()
	if pid, err := acl.LockHolder(b.File("lock")); pid != 0 || err != nil {
		t.Errorf("after the end: holder %d (%v)", pid, err)
	}
}

func TestLockOfNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if pid, err := acl.LockHolder(path); pid != 0 || err != nil {
		t.Errorf("no file: %d, %v", pid, err)
	}
	if err := os.WriteFile(path, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if pid, err := acl.LockHolder(path); pid != 0 || err != nil {
		t.Errorf("a file nobody locked: %d, %v", pid, err)
	}
	if err := os.Symlink(path, path+"-link"); err != nil {
		t.Fatal(err)
	}
	if _, err := acl.LockHolder(path + "-link"); err == nil {
		t.Error("a symbolic link was followed")
	}
	if _, err := acl.TakeLock(path + "-link"); err == nil {
		t.Error("a symbolic link was locked")
	}
}

func TestLockPassesToTheNextBroker(t *testing.T) {
	b := acltest.Start(t)
	old := b.PID()
	b.Restart()
	if pid, err := acl.LockHolder(b.File("lock")); err != nil || pid != b.PID() || pid == old {
		t.Errorf("holder %d (%v), broker %d, before %d", pid, err, b.PID(), old)
	}
}
