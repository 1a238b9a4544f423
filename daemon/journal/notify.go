package journal

import (
	"context"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// Notifier tells the service manager how the program is. Its zero value is ready to use; outside systemd, and where
// the manager cannot be reached (a confined snap without the interface for it), its methods do nothing.
type Notifier struct{}

// maxStatus is how many bytes of a status text are sent; it is one line of `systemctl status`.
const maxStatus = 200

// Ready says that start-up, or a reload, is complete.
func (Notifier) Ready() { send(systemd.SdNotifyReady) }

// Reloading says that the configuration is being applied; Ready has to follow.
func (Notifier) Reloading() {
	send(systemd.SdNotifyReloading + "\n" + systemd.SdNotifyMonotonicUsec())
}

// Stopping says that the program is shutting down.
func (Notifier) Stopping() { send(systemd.SdNotifyStopping) }

// Status sets the line that `systemctl status` shows. Line breaks in it are escaped: each line of a notification is
// an order to the service manager.
func (Notifier) Status(text string) {
	text, cut := cutAt(text, maxStatus)
	if cut {
		text += "…"
	}
	send("STATUS=" + printable(text))
}

// RunWatchdog pings the service manager's watchdog twice per WATCHDOG_USEC for as long as alive says so, until ctx
// ends. A program that stops pinging is ended and restarted by systemd, so alive must be false only when a restart would
// help. Where no watchdog is set, as in a snap, hung is called once instead after alive has said no for ownLimit on end.
func (Notifier) RunWatchdog(ctx context.Context, alive func() bool, hung func()) {
	limit, err := systemd.SdWatchdogEnabled(false)
	if err != nil || limit <= 0 {
		watch(ctx, alive, hung)
		return
	}
	pet(ctx, limit, alive, func() { send(systemd.SdNotifyWatchdog) })
}

// pet is RunWatchdog without systemd. Half of the limit is what sd_watchdog_enabled(3) advises.
func pet(ctx context.Context, limit time.Duration, alive func() bool, ping func()) {
	tick := time.NewTicker(max(limit/2, time.Millisecond))
	defer tick.Stop()
	for {
		if alive() {
			ping()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// The check of our own: often enough to be quick, and more than once, because a machine that slept wakes up with
// everything late.
const (
	ownCheck = 2 * time.Second
	ownLimit = 10 * time.Second
)

// watch calls hung, once, when alive has said no at every check for ownLimit.
func watch(ctx context.Context, alive func() bool, hung func()) {
	tick := time.NewTicker(ownCheck)
	defer tick.Stop()
	for dead := time.Duration(0); dead < ownLimit; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if dead += ownCheck; alive() {
			dead = 0
		}
	}
	hung()
}

// send is best effort: a manager that does not listen is no reason to stop metering.
func send(state string) { _, _ = systemd.SdNotify(false, state) }
