//go:build linux

package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// frozen is the name under which a machine is stored in its own disk.
const frozen = "frozen"

// Image is a frozen machine, of which any number of guests can be resumed, one after the other or side by side.
type Image struct {
	disk  string // the stage with kernel, initrd and id
	stage string // the stage with frozen.qcow2
	key   string
	log   io.Writer
}

// Prepare makes what is missing of the machine with snapd and the stand-in snaps, and says on log what it does and how long
// each step took. It takes about five minutes when nothing is there, on an idle machine, and next to nothing afterwards.
func Prepare(ctx context.Context, log io.Writer) (*Image, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	if err := ensureTools(ctx, root); err != nil {
		return nil, err
	}
	c, err := openCache(log)
	if err != nil {
		return nil, err
	}
	defer c.close()
	treeKey, err := key("tree.go", suite, guestPackages)
	if err != nil {
		return nil, err
	}
	tree, err := c.stage("tree", treeKey, func(dir string) error { return makeTree(ctx, dir) })
	if err != nil {
		return nil, err
	}
	diskKey, err := key("disk.go base.go recipe.go", treeKey)
	if err != nil {
		return nil, err
	}
	disk, err := c.stage("disk", diskKey, func(dir string) error { return makeDisk(ctx, tree, dir) })
	if err != nil {
		return nil, err
	}
	// A frozen machine is bound to the version that froze it.
	version, err := ask(ctx, "qemu-system-x86_64", "--version")
	if err != nil {
		return nil, err
	}
	readyKey, err := key("ready.go machine.go", diskKey, version)
	if err != nil {
		return nil, err
	}
	ready, err := c.stage("ready", readyKey, func(dir string) error { return makeReady(ctx, disk, dir, log) })
	if err != nil {
		return nil, err
	}
	return &Image{disk, ready, readyKey, log}, nil
}

// Frozen returns the machine as it is after setup, frozen: made once for each name and set of files (by their content), and
// resumed afterwards. It saves the minutes in which snapd compiles profiles when the same snap is tested again and again.
func (i *Image) Frozen(ctx context.Context, name string, files []string, setup func(*Guest) error) (*Image, error) {
	sum := sha256.New()
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "%d\n%s", len(data), data)
	}
	c, err := openCache(i.log)
	if err != nil {
		return nil, err
	}
	defer c.close()
	key := i.key + "-" + hex.EncodeToString(sum.Sum(nil))[:12]
	stage, err := c.stage(name, key, func(dir string) error {
		g, err := i.Resume(ctx)
		if err != nil {
			return err
		}
		defer g.Close()
		if err := setup(g); err != nil {
			return err
		}
		return g.freezeInto(ctx, dir)
	})
	if err != nil {
		return nil, err
	}
	return &Image{i.disk, stage, key, i.log}, nil
}

// Resume wakes a machine of its own up, with its clock set to this machine's. It takes seconds.
func (i *Image) Resume(ctx context.Context) (*Guest, error) {
	start := time.Now()
	g, err := newGuest(i.disk, i.log)
	if err != nil {
		return nil, err
	}
	if err := call(ctx, "cp", "--sparse=always", filepath.Join(i.stage, frozen+".qcow2"), g.drive()); err != nil {
		g.Close()
		return nil, err
	}
	if err := g.switchOn(ctx, resumeLimit, "-loadvm", frozen); err != nil {
		g.Close()
		return nil, err
	}
	if err := g.SetClock(ctx, time.Now()); err != nil {
		g.Close()
		return nil, err
	}
	fmt.Fprintf(i.log, "vm: resumed in %.1f s\n", time.Since(start).Seconds())
	return g, nil
}
