//go:build linux

package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Kill cuts the power: what the guest has not flushed to its disk is lost. Boot switches it on again.
func (g *Guest) Kill() {
	g.machine.cut()
	g.hangUp()
}

// Boot switches on a guest that is off, and waits until it answers. rtc is what its real-time clock says, e.g. "1970-01-01"
// or "2026-11-24T12:00:00" in UTC; empty is this machine's time. systemd moves a clock that is before its own release up
// to it: for a day in 1970, use SetClock afterwards.
func (g *Guest) Boot(ctx context.Context, rtc string) error {
	if !g.machine.dead() {
		return errors.New("cannot boot the guest: it is on (stop or kill it first)")
	}
	start := time.Now()
	var extra []string
	if rtc != "" {
		extra = []string{"-rtc", "base=" + rtc}
	}
	if err := g.switchOn(ctx, bootLimit, extra...); err != nil {
		return err
	}
	step(g.log, "booting", start)
	return nil
}

// Stop shuts the guest down in an orderly way. It takes half a minute; Close is for a guest that nobody needs any more.
func (g *Guest) Stop(ctx context.Context) error {
	start := time.Now()
	if _, err := g.Must(ctx, "systemctl --no-block poweroff"); err != nil {
		return err
	}
	err := g.machine.off(ctx, 5*time.Minute)
	g.hangUp()
	step(g.log, "shutting down", start)
	return err
}

// Reboot shuts the guest down and boots it again, with QEMU running on: its real-time clock keeps its time.
func (g *Guest) Reboot(ctx context.Context) error {
	start := time.Now()
	const id = "cat /proc/sys/kernel/random/boot_id"
	before, err := g.Must(ctx, id)
	if err != nil {
		return err
	}
	if _, err := g.Must(ctx, "systemctl --no-block reboot"); err != nil {
		return err
	}
	for end := start.Add(bootLimit); time.Now().Before(end); {
		g.hangUp()
		if err := g.wait(ctx, time.Until(end)); err != nil {
			return err
		}
		// The connection may have been made to the machine that is going down: no error then.
		if now, _, code, err := g.Run(ctx, id); err == nil && code == 0 && now != before+"\n" {
			step(g.log, "rebooting", start)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return g.machine.broken(fmt.Sprintf("it did not reboot within %.0f s", bootLimit.Seconds()))
}

// Close ends the guest at once and removes its disk. A guest that is over may be closed again.
func (g *Guest) Close() {
	if g.machine != nil {
		g.Kill()
	}
	_ = os.RemoveAll(g.dir)
}

// Console is what the guest and its kernel have written to the serial line since it was first switched on.
func (g *Guest) Console() string {
	text, err := os.ReadFile(g.dir + "/console.log")
	if err != nil {
		return ""
	}
	return string(text)
}
