//go:build linux

package vm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func buildProbe(ctx context.Context, dir string) (string, error) {
	prime := filepath.Join(dir, "prime")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(prime, "bin", "probe"), "./probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	hooks := filepath.Join(prime, "meta", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(hooks, "configure"), []byte("#!/bin/sh\nset -e\nexec \"$SNAP/bin/probe\" hook\n"), 0o755); err != nil {
		return "", err
	}
	meta, err := os.ReadFile("probe/snap.yaml")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "probe_1_amd64.snap")
	return out, Pack(ctx, prime, out, string(meta))
}

func TestTry(t *testing.T) {
	i, err := Prepare(t.Context(), os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	g, err := i.Resume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	file, err := buildProbe(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(file, err)
	}
	t.Log(g.Install(t.Context(), file))
	sh := func(user User, line string) {
		r, err := g.Exec(t.Context(), Command{User: user, Line: line})
		t.Logf("$ %s\n%s%s-> %d %v", line, r.Stdout, r.Stderr, r.Code, err)
	}
	sh(Root, "snap services probe; snap connections probe; journalctl -b --no-pager -u snap.probe.service -o cat")
	sh(Root, "cat /var/snap/probe/current/hook.log; ls -lan /var/snap/probe /var/snap/probe/current/ /var/snap/probe/common; ls -lan /var/snap/probe/current/run")
	sh(Root, `time snap set probe group.number=5 group.float=0.00050 group.big=12345678901234567890 group.exp=1e-3 group.bool=true group.list='["a","b"]' group.csv=a,b group.str=hello group.quoted='"5"' group.null=null other.deep.key=x unknown.top=1 group.neg=-0.5 group.lead=007 group.trail=1.50 group.empty= `)
	sh(Root, "snap get -d probe; cat /var/snap/probe/current/hook.log | grep -a 'get -d'")
	sh(Root, "time snap set probe wrong=yes group.number=6; snap get probe group.number; snap set probe wrong!")
	sh(Root, "time snap set probe restart=now; sleep 3; grep restart: /var/snap/probe/current/hook.log; snap unset probe restart; snap get -d probe; systemctl show snap.probe.service -p NRestarts -p ActiveEnterTimestamp; snap services probe")
	sh(Owner, "echo words | snap run probe")
	sh(Owner, "echo words | sudo snap run probe")
	sh(Owner, "echo words | sudo /snap/bin/probe | head -3")
	sh(Owner, "sudo probe < /dev/null | head -3")
	sh(Root, "journalctl -b --no-pager -o cat _TRANSPORT=audit | grep -E 'DENIED|SECCOMP|syscall=' | grep -v 'STATUS' | cut -c1-400 | tail -80")
	sh(Root, "cat /var/lib/snapd/seccomp/bpf/snap.probe.service.src | grep -E '^(set|pidfd|memfd|prlimit|fch|lch|chown|fcntl|kill|sched_set|inotify|mlock|clock_set|adjtimex|io_uring|clone|socket )' ; snap get -d probe")
	sh(Root, "snap fail 2>&1; probe.fail; journalctl --sync; journalctl -b --no-pager -o json _TRANSPORT=audit | tail -3")
	m, err := g.MarkJournal(t.Context())
	t.Log(m, err)
	rs, err := g.Refusals(t.Context(), "")
	t.Log(len(rs), err)
	sh(Root, "time snap stop probe; time snap start probe; time true")
	sh(Root, "ps -eo pid=,user:32=,rss=,label=,args= ww | grep -a snap")
	t.Log(g.Processes(t.Context(), "probe"))
	t.Log(g.Services(t.Context(), "probe"))
	sh(Root, "snap remove --purge probe; ls /var/snap")
}
