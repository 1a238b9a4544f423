package acl

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestCPUTimeGrowsWithWhatAProcessComputes and with nothing else.
func TestCPUTimeGrowsWithWhatAProcessComputes(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
	}
	after, err := cpuTime(os.Getpid())
	if err != nil || after-before < 10*time.Millisecond {
		t.Errorf("100 ms of computing count as %v, %v", after-before, err)
	}
	idle := exec.Command("sleep", "60")
	if err := idle.Start(); err != nil {
		t.Fatal(err)
	}
	defer idle.Wait()
	defer idle.Process.Kill()
	if spent, err := cpuTime(idle.Process.Pid); err != nil || spent > 50*time.Millisecond {
		t.Errorf("a process that sleeps has computed %v, %v", spent, err)
	}
	if _, err := cpuTime(1 << 22); err == nil {
		t.Error("a process that is not there has computed")
	}
}
