package acl

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// Apply makes the broker obey the policy and returns once that is proven; an
// error means that it is not. The policy's Publisher is set by the gate. An
// unchanged policy costs nothing while its proof stands: no file is written
// and no signal sent. Calls take turns. The context bounds the whole; give it
// 12 s, so that a broker that hangs is told from a slow one. Run must be
// running, and the policy stays as it is afterwards: the gate keeps it for
// Restore. See ErrDisobeys and ErrHung for the errors to act upon.
//
// A policy that is refused, or a disk that is full, leaves the files and the
// proof as they were, unless the new policy takes rights away: then, and when
// the proof fails, the gate is unproven and Check says so.
func (g *Gate) Apply(ctx context.Context, p Policy) (Proof, error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return Proof{}, fmt.Errorf("cannot apply the policy: another apply is at work: %w", ctx.Err())
	}
	if reason := g.disturbed(); reason != "" {
		return Proof{}, fmt.Errorf("cannot apply the policy: %w: %s", ErrDisobeys, reason)
	}
	p.Publisher = g.publisher
	gen, proof := g.standing(p.Hash())
	if proof != nil {
		return *proof, nil
	}
	fresh := gen == nil
	if fresh {
		var err error
		if gen, err = g.install(p); err != nil {
			return Proof{}, fmt.Errorf("cannot apply the policy: %w", err)
		}
	}
	found, err := g.prove(ctx, gen, fresh)
	if err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.unprove(err.Error())
		return Proof{}, fmt.Errorf("cannot prove that the broker obeys: %w", err)
	}
	g.step("proven")
	return found, nil
}

// disturbed returns the breach that has to be restored first. A proven file
// that somebody changed is one, whoever sees it first, Check or Apply: writing
// it anew would mend it without a word, beside a broker that may have loaded it.
func (g *Gate) disturbed() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.proof != nil {
		if changed := g.touched(aclName, passwdName, confName); changed != "" {
			g.breached(changed)
		}
	}
	return g.breach
}

// standing returns the generation on disk if it is of this policy and
// untouched, and its proof if the broker is still the one that was proven.
func (g *Gate) standing(hash [32]byte) (*generation, *Proof) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current == nil || g.current.hash != hash || g.touched(aclName, passwdName) != "" {
		return nil, nil
	}
	if p := g.proof; p != nil && p.Generation == g.current.number && g.watch.pid() == p.BrokerPID && g.sender.pid() == p.BrokerPID {
		return g.current, p
	}
	return g.current, nil
}

// install renders the policy and replaces both files.
func (g *Gate) install(p Policy) (*generation, error) {
	gen := &generation{hash: p.Hash(), policy: p}
	gen.probe, gen.password = randomAccount("probe")
	gen.topic = "$canary/" + NewPassword()
	gen.probe.Reads = []string{gen.topic}
	files, err := Render(p, gen.probe)
	if err == nil {
		err = Verify(p, gen.probe, files)
	}
	if err != nil {
		return nil, g.keep(p, err)
	}
	g.step("rendered")
	staged, err := stageBoth(g.dir, files)
	if err != nil {
		return nil, g.keep(p, err)
	}
	g.step("staged")
	g.expect(p)
	g.mu.Lock()
	g.current = nil
	g.count++
	gen.number = g.count
	g.mu.Unlock()
	if err := g.swap(staged, files); err != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.unprove(err.Error())
		return nil, err
	}
	g.mu.Lock()
	g.current = gen
	g.mu.Unlock()
	return gen, nil
}

// keep reports a policy that was not installed. The old proof stands only if
// the old files give no right that the new policy takes away.
func (g *Gate) keep(p Policy, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current == nil || revokes(g.current.policy, p) {
		g.unprove(err.Error())
	}
	return err
}

// revokes tells whether somebody may do less by the new policy than by the old
// one. It may say so needlessly, never the reverse.
func revokes(old, new Policy) bool {
	if lacks(new.Free, old.Free) || lacks(append(sorted(new.Paid), new.Free...), old.Paid) ||
		lacks(new.Orders, old.Orders) || lacks(new.PerClient, old.PerClient) || lacks(new.PerUser, old.PerUser) {
		return true
	}
	grants := make(map[string]Account, len(new.Grants))
	for _, a := range new.Grants {
		grants[a.Name] = a
	}
	for _, a := range old.Grants {
		b, ok := grants[a.Name]
		if !ok || a.Entry != b.Entry || lacks(b.Reads, a.Reads) {
			return true
		}
	}
	return false
}

// lacks tells whether some topic of the old list is not in the new one.
func lacks(new, old []string) bool {
	if len(old) == 0 {
		return false
	}
	set := topicSet(new)
	return slices.ContainsFunc(old, func(t string) bool { return !set[t] })
}

func topicSet(topics []string) map[string]bool {
	set := make(map[string]bool, len(topics))
	for _, t := range topics {
		set[t] = true
	}
	return set
}

// stageBoth writes both files beside their places, so that a full disk is
// met before anything has changed.
func stageBoth(dir string, f Files) (map[string]string, error) {
	a, err := stage(dir, aclName, f.ACL)
	if err != nil {
		return nil, err
	}
	b, err := stage(dir, passwdName, f.Passwd)
	if err != nil {
		discard(a)
		return nil, err
	}
	return map[string]string{aclName: a, passwdName: b}, nil
}

// swap renames the staged files into place, the ACL first: should a reload
// come in between, the new accounts are not there yet. Check never sees a
// file without its stamp.
func (g *Gate) swap(staged map[string]string, f Files) error {
	for _, name := range []string{aclName, passwdName} {
		if err := g.swapOne(name, staged[name]); err != nil {
			for _, tmp := range staged {
				discard(tmp)
			}
			return err
		}
		g.step(name + " replaced")
	}
	if err := syncDir(g.dir); err != nil {
		return err
	}
	g.step("durable")
	for name, want := range map[string][]byte{aclName: f.ACL, passwdName: f.Passwd} {
		got, err := readRegular(filepath.Join(g.dir, name))
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("cannot trust %s: it was changed while it was written", name)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if changed := g.touched(aclName, passwdName); changed != "" {
		return fmt.Errorf("cannot trust %s while it was written", changed)
	}
	return nil
}

func (g *Gate) swapOne(name, tmp string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := putInPlace(g.dir, name, tmp); err != nil {
		return err
	}
	st, err := stampOf(filepath.Join(g.dir, name))
	g.stamps[name] = st
	return err
}

// touched returns what happened to the first of the files whose stamp is not
// the known one, or "". mu is held.
func (g *Gate) touched(names ...string) string {
	for _, name := range names {
		st, err := stampOf(filepath.Join(g.dir, name))
		switch {
		case err != nil:
			return err.Error()
		case st != g.stamps[name]:
			return name + " was changed by somebody else"
		}
	}
	return ""
}
