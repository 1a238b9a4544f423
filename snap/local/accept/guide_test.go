//go:build linux

package accept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// block is a block of commands in the owner's guide.
type block struct {
	commands []string
	mark     string // what the comment above it says: "" or "not run: …" or "run last: …"
}

// guide reads the blocks of commands, in their order.
func guide(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../../../docs/owners-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile("(?m)^(?:<!-- (.*) -->\n)?```(sh|yaml)\n((?s:.*?))^```$")
	var all []block
	for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
		if m[2] != "sh" {
			continue
		}
		all = append(all, block{strings.Split(strings.TrimSpace(m[3]), "\n"), m[1]})
	}
	return all
}

// The guide is held to its form without a machine, too: every block is run, or says why not.
func TestGuideIsMadeOfCommands(t *testing.T) {
	run, not := 0, 0
	for _, b := range guide(t) {
		for _, c := range b.commands {
			if strings.HasPrefix(c, "#") || strings.HasSuffix(c, `\`) || strings.Contains(c, " # ") {
				t.Errorf("%q is not one whole command", c)
			}
		}
		switch {
		case b.mark == "":
			run += len(b.commands)
		case strings.HasPrefix(b.mark, "not run: ") || strings.HasPrefix(b.mark, "run last: "):
			not++
		default:
			t.Errorf("nobody knows what %q means", b.mark)
		}
	}
	if run < 35 || not > 8 {
		t.Errorf("%d commands are run, %d blocks are not", run, not)
	}
}

// ownersGuide runs every command of the guide that can be run here, as the ordinary user whom it speaks to.
func ownersGuide(w *world) {
	w.certificate()
	password := ""
	for _, b := range guide(w.t) {
		if b.mark != "" {
			continue
		}
		for _, command := range b.commands {
			if strings.Contains(command, "wattgate status") {
				w.settled() // an emulated broker answers late now and then
			}
			start := time.Now()
			line := strings.ReplaceAll(command, "$PASSWORD", password)
			r := w.as(vm.Owner, "export PATH=$PATH:/snap/bin; set -o pipefail 2>/dev/null; "+line)
			w.t.Logf("%4.1f s  $ %s\n%s%s", time.Since(start).Seconds(), command, r.Stdout, r.Stderr)
			if r.Code != 0 {
				w.t.Errorf("exit %d: %s\n%s%s", r.Code, command, r.Stdout, r.Stderr)
			}
			if strings.Contains(command, "grants add") {
				password = wordAfter(r.Stdout, "password")
			}
			if strings.Contains(command, "sandbox") || strings.Contains(command, "restore") || strings.Contains(command, "restart") {
				w.settled()
			}
		}
	}
	w.must("snap unset wattgate publish price ledger public plugs")
	w.serves("private")
}

// settled waits until the gateway is whole again: a person reads on meanwhile.
func (w *world) settled() {
	w.t.Helper()
	w.eventually(serveLimit, func() error {
		r := w.as(vm.Root, "wattgate status")
		if r.Code != 0 {
			return expectIn(r.Stdout+r.Stderr, "exit 0")
		}
		return nil
	})
}

// wordAfter finds the line that begins with a word and returns the next one.
func wordAfter(text, begins string) string {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == begins {
			return f[1]
		}
	}
	return ""
}

// certificate puts the files into the owner's home that the guide speaks of.
func (w *world) certificate() {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "meter.example.org"}, DNSNames: []string{"meter.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	chain, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"fullchain.pem": {Type: "CERTIFICATE", Bytes: chain}, "privkey.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		local := filepath.Join(w.t.TempDir(), name)
		if err := os.WriteFile(local, pem.EncodeToMemory(b), 0o644); err != nil {
			w.t.Fatal(err)
		}
		if err := w.g.Put(w.ctx, local, "/home/owner/"+name); err != nil {
			w.t.Fatal(err)
		}
	}
}
