package acl

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Pauses between attempts of a proof, doubled from the first to the last.
const (
	attemptPauseMin = 2 * time.Millisecond
	attemptPauseMax = 50 * time.Millisecond
)

// answerTimeout bounds each wait of one attempt; a reload of 100,000 accounts
// stalls Mosquitto 2.0.11 for 0.7 s.
const answerTimeout = 2 * time.Second

// ErrDisobeys is in the error of an Apply whose broker answered, was told to
// load the files, had time to do it, and still does not obey. Restore is the
// remedy. A broker that is absent, hung (ErrHung) or slow is no such case.
var ErrDisobeys = errors.New("the broker disobeys (restart it)")

// stale is the error of an attempt that a reload may mend: the broker runs on
// other files than those on disk.
type stale struct{ error }

// unheard is a stale one that a slow broker would show too.
type unheard struct{ error }

// prove tries until the broker that holds the lock obeys the generation on
// disk. A broker that has not loaded it is signalled, again only after
// signalAgain; one that started meanwhile has loaded it by itself. One that
// was connected when the files were replaced has certainly not: it is
// signalled before it is asked, because under load each question takes time.
func (g *Gate) prove(ctx context.Context, gen *generation, fresh bool) (Proof, error) {
	started := time.Now()
	pause := attemptPauseMin
	var signals tries
	if pid, err := g.broker(); fresh && err == nil && g.watch.pid() == pid {
		if g.hangUp(pid, false) == nil { // else it has ended, and the loop says so
			signals.sent(pid)
		}
	}
	var still stillness
	for {
		pid, err := g.broker()
		if err == nil {
			still.observe(pid)
			if err = g.attempt(ctx, gen, pid); err == nil {
				return g.proven(gen, pid, started)
			}
		}
		_, isStale := errors.AsType[stale](err)
		_, isUnheard := errors.AsType[unheard](err)
		if (isStale || isUnheard) && signals.due(pid) && ctx.Err() == nil {
			if hupErr := g.hangUp(pid, pid == signals.pid); hupErr != nil {
				err = hupErr
			}
			signals.sent(pid)
			pause = attemptPauseMin
		}
		select {
		case <-ctx.Done():
			if isStale && signals.hadTime(pid) {
				err = fmt.Errorf("%w: %w", ErrDisobeys, err)
			}
			err = still.orHung(pid, err)
			return Proof{}, fmt.Errorf("%w (gave up after %v)", err, time.Since(started).Round(time.Millisecond))
		case <-time.After(pause):
			pause = min(2*pause, attemptPauseMax)
		}
	}
}

// attempt asks one broker once whether it obeys one generation.
func (g *Gate) attempt(ctx context.Context, gen *generation, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var got receipts
	probe, err := dial(ctx, g.socket, gen.probe.Name, gen.password, got.add)
	if errors.Is(err, errRefused) {
		return stale{errors.New("the broker has not loaded the new password file")}
	}
	if err != nil {
		return err
	}
	defer probe.close()
	if probe.pid != pid {
		return fmt.Errorf("process %d serves the broker's socket, but %d holds its lock: end the one started by hand", probe.pid, pid)
	}
	if err := g.knowConf(pid); err != nil {
		return err
	}
	g.step("probe in")
	if err := g.refusesWrongPassword(ctx, gen); err != nil {
		return err
	}
	if err := probe.subscribe([]string{CanaryPaid, CanaryFree, gen.topic}); err != nil {
		return err
	}
	return g.compare(ctx, gen, pid, &got)
}

// refusesWrongPassword fails when the broker lets anybody in.
func (g *Gate) refusesWrongPassword(ctx context.Context, gen *generation) error {
	s, err := dial(ctx, g.socket, gen.probe.Name, NewPassword(), nil)
	if err == nil {
		s.close()
		return stale{errors.New("the broker accepted a wrong password")}
	}
	if !errors.Is(err, errRefused) {
		return err
	}
	return nil
}

// compare sends canary, generation and marker, in this order, and looks who
// saw what: the probe all three, the anonymous watch the marker alone.
func (g *Gate) compare(ctx context.Context, gen *generation, pid int, got *receipts) error {
	g.watch.nudge()
	g.sender.nudge()
	watch, err := g.watch.await(ctx, pid)
	if err != nil {
		return err
	}
	if err := watch.subscribe(watchFilters(gen.policy.Paid)); err != nil {
		return err
	}
	sender, err := g.sender.await(ctx, pid)
	if err != nil {
		return err
	}
	leaks := g.leakCount()
	mark, seen, forget := g.marks.expect()
	defer forget()
	for _, topic := range []string{CanaryPaid, gen.topic, CanaryFree} {
		if err := sender.publish(topic, mark); err != nil {
			return fmt.Errorf("cannot send the canary: %w", err)
		}
	}
	select {
	case <-seen:
	case <-ctx.Done():
		return unheard{errors.New("the anonymous watch did not see the marker")}
	}
	if g.leakCount() != leaks {
		return stale{errors.New("anonymous clients can read paid topics")}
	}
	if !got.wait(ctx, CanaryFree, mark) {
		return unheard{errors.New("the probe did not see the marker")}
	}
	if !got.has(gen.topic, mark) {
		return stale{errors.New("the broker has not loaded the new ACL file")}
	}
	if !got.has(CanaryPaid, mark) {
		return stale{errors.New("a grant cannot read paid topics")}
	}
	return nil
}

// knowConf remembers mosquitto.conf as it is when a broker first answers, and
// refuses one that changed beside a running broker. Before a broker answers,
// it holds the lock but may not have written the file yet.
func (g *Gate) knowConf(pid int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.confPID == pid {
		if changed := g.touched(confName); changed != "" {
			return fmt.Errorf("%s: the broker must start again to be trusted", changed)
		}
		return nil
	}
	st, err := stampOf(filepath.Join(g.dir, confName))
	if err != nil {
		return err
	}
	g.stamps[confName], g.confPID = st, pid
	return nil
}

// proven records the proof, unless the files were touched or something leaked
// since.
func (g *Gate) proven(gen *generation, pid int, started time.Time) (Proof, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if changed := g.touched(aclName, passwdName, confName); changed != "" {
		return Proof{}, errors.New(changed)
	}
	now := time.Now()
	if g.proof == nil {
		g.since = now
	}
	g.proof = &Proof{Generation: gen.number, BrokerPID: pid, At: now, Took: now.Sub(started)}
	g.breach, g.reason = "", ""
	g.judged = topicSet(gen.policy.Paid)
	g.log.Info("broker obeys", "generation", gen.number, "grants", len(gen.policy.Grants), "broker_pid", pid,
		"took", g.proof.Took.Round(100*time.Microsecond))
	g.watch.require(watchFilters(gen.policy.Paid))
	return *g.proof, nil
}
