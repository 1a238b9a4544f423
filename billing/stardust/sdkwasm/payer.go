package sdkwasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wattgate/wattgate/billing"
)

//go:embed package.json package-lock.json pay.cjs
var files embed.FS

// Payer is the SDK with a key that everybody knows; it pays only what it was given before.
type Payer struct{ dir string }

// Install returns the payer, installing the SDK first if need be.
func Install(ctx context.Context) (*Payer, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("cannot pay by the official SDK: %w (install Node.js 20 or newer with npm)", err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range names() {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(sum, name, len(raw))
		sum.Write(raw)
	}
	p := &Payer{dir: filepath.Join(cache, "wattgate-sdkwasm", fmt.Sprintf("%x", sum.Sum(nil)[:8]))}
	if _, err := os.Stat(p.dir); err == nil {
		return p, nil
	}
	return p, p.install(ctx)
}

func names() []string { return []string{"package.json", "package-lock.json", "pay.cjs"} }

// install fills a directory beside the one that counts and renames it, so that what is there is whole.
func (p *Payer) install(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(p.dir), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(p.dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	for _, name := range names() {
		raw, err := files.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, name), raw, 0o644)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = fresh
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot install the official SDK: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, p.dir); err != nil {
		if _, there := os.Stat(p.dir); there != nil { // nobody else was faster
			return err
		}
	}
	return nil
}

// Address is where the payer gets its money from, in the network of the node.
func (p *Payer) Address(ctx context.Context, node string) (string, error) {
	var said struct{ Address string }
	return said.Address, p.run(ctx, &said, "address", node)
}

// Pay pays and waits until a milestone has confirmed it. It returns the id of the transaction.
func (p *Payer) Pay(ctx context.Context, node, to string, amount billing.Units, tag string) (txid string, err error) {
	var said struct{ Transaction string }
	err = p.run(ctx, &said, "pay", node, to, fmt.Sprint(int64(amount)), tag)
	return said.Transaction, err
}

func (p *Payer) run(ctx context.Context, said any, args ...string) error {
	cmd := exec.CommandContext(ctx, "node", append([]string{"pay.cjs"}, args...)...)
	cmd.Dir = p.dir
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, said)
	}
	if err != nil {
		return fmt.Errorf("the official SDK cannot %s: %w", args[0], errors.Join(err, errors.New(problem.String())))
	}
	return nil
}
