//go:build linux

package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// makeReady boots the disk for the first time, installs the two stand-in snaps and freezes the machine into dir.
func makeReady(ctx context.Context, disk, dir string, log io.Writer) error {
	g, err := newGuest(disk, log)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := call(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", filepath.Join(disk, "root.img"), g.drive()); err != nil {
		return err
	}
	start := time.Now()
	if err := g.switchOn(ctx, bootLimit); err != nil {
		return err
	}
	step(log, "the first boot", start)
	start = time.Now()
	if _, err := g.Must(ctx, "snap wait system seed.loaded"); err != nil {
		return err
	}
	step(log, "the seeding of snapd", start)
	for _, name := range []string{snapdSnap, baseSnap} {
		start = time.Now()
		if err := g.Put(ctx, filepath.Join(disk, name), "/root/"+name); err != nil {
			return err
		}
		if _, err := g.Must(ctx, "snap install --dangerous /root/"+name+" && rm /root/"+name); err != nil {
			return err
		}
		step(log, "installing the stand-in "+name, start)
	}
	return g.freezeInto(ctx, dir)
}

// freezeInto stores the guest in a stage; it is over then.
func (g *Guest) freezeInto(ctx context.Context, dir string) error {
	start := time.Now()
	if _, err := g.Must(ctx, "sync"); err != nil {
		return err
	}
	g.hangUp()
	if err := g.machine.freeze(ctx, frozen); err != nil {
		return err
	}
	if err := moveFile(ctx, g.drive(), filepath.Join(dir, frozen+".qcow2")); err != nil {
		return err
	}
	step(g.log, "freezing", start)
	return nil
}

// moveFile also moves between file systems.
func moveFile(ctx context.Context, from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	return call(ctx, "mv", from, to)
}

func step(log io.Writer, what string, start time.Time) {
	fmt.Fprintf(log, "vm:   %s took %.1f s\n", what, time.Since(start).Seconds())
}
