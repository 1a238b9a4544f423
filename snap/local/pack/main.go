package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	arch := flags.String("arch", hostArch(), "for machines of this `architecture`: amd64, arm64 or armhf")
	version := flags.String("version", "", "the snap's `version` (default: git's)")
	output := flags.String("output", "bin", "the `directory` to leave the snap in")
	names := flags.Bool("base-packages", false, "only print the packages of the base that the snap leans on")
	hooks := map[string]string{}
	flags.Func("hook", "take `NAME=FILE` along as a hook, instead of the repository's or besides", func(s string) error {
		name, file, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("want NAME=FILE")
		}
		hooks[name] = file
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("cannot make out %q (hint: --help)", flags.Arg(0))
	}
	m, err := machineFor(*arch)
	if err != nil {
		return err
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if err := tools(ctx, root); err != nil {
		return err
	}
	p, err := newPacker(root, m, os.Stderr)
	if err != nil {
		return err
	}
	defer p.close()
	p.version, p.hooks = *version, hooks
	if ok, err := p.packages(ctx); err != nil || !ok {
		return err
	}
	prime, r, err := p.tree(ctx)
	if err != nil {
		return err
	}
	if *names {
		fmt.Println(strings.Join(r.links.base, "\n"))
		return nil
	}
	made, err := epoch(ctx, root)
	if err != nil {
		return err
	}
	if r.file, err = p.snap(ctx, prime, *output, made); err != nil {
		return err
	}
	return p.report(prime, r)
}

// packages makes sure that apt knows the packages. Without Mosquitto there is nothing worth packing: where apt cannot have
// it for a foreign machine, that is said and no snap is made.
func (p *packer) packages(ctx context.Context) (ok bool, err error) {
	if p.machine.arch == hostArch() {
		return true, nil
	}
	p.apt.lists = true
	if err := p.apt.update(ctx); err != nil {
		fmt.Fprintf(p.log, "note: not all lists of packages for %s could be had: %v\n", p.machine.arch, err)
	}
	for name, of := range p.recipe.Parts {
		if len(of.StagePackages) == 0 {
			continue
		}
		if _, err := p.apt.closure(ctx, of.StagePackages); err != nil {
			fmt.Fprintf(p.log, "SKIPPED: no snap for %s, apt here does not know part %s's packages for it: %v\n", p.machine.arch, name, err)
			return false, nil
		}
	}
	return true, nil
}

func machineFor(arch string) (machine, error) {
	for _, m := range machines() {
		if m.arch == arch {
			return m, nil
		}
	}
	return machine{}, fmt.Errorf("cannot pack for %q: it is none of amd64, arm64, armhf", arch)
}

// hostArch is this machine's architecture in Debian's words, Go's where they have none.
func hostArch() string {
	for _, m := range machines() {
		if m.goarch == runtime.GOARCH {
			return m.arch
		}
	}
	return runtime.GOARCH
}

// tools installs what packing needs and the machine has not.
func tools(ctx context.Context, root string) error {
	var missing []string
	for program, name := range map[string]string{"snap": "snapd", "mksquashfs": "squashfs-tools", "git": "git"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, ".ci", "apt"), missing...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot install %s: %w", strings.Join(missing, " "), err)
	}
	return nil
}
