package broker

import "log/slog"

// Mosquitto holds one file descriptor for each connection, and what it holds besides: its listeners, its log, the files
// of a reload, and the connections of the gateway on the internal listener.
const (
	outerListeners = 3
	ownFiles       = 64
)

// filesFor is how many open files a cap on the connections of each listener takes.
func filesFor(perListener int) uint64 { return uint64(outerListeners*perListener + ownFiles) }

// perListenerOf is the cap that a limit on open files allows, at least 1.
func perListenerOf(files uint64) int {
	if files < filesFor(1) {
		return 1
	}
	return int((files - ownFiles) / outerListeners)
}

// fitConnections allows this process, and so Mosquitto, the files that the cap takes, and returns the cap that fits. A
// process is usually allowed 1,024: a flood on one listener would use up what the others need, and keep out the probe of
// the gateway as well as those who paid.
func fitConnections(perListener int, log *slog.Logger) int {
	allowed, err := allowFiles(filesFor(perListener))
	if err != nil {
		log.Warn("cannot see to the limit on open files", "error", err)
		return perListener
	}
	fits := min(perListener, perListenerOf(allowed))
	if fits < perListener {
		log.Warn("the limit on open files allows fewer connections than configured: raise it (LimitNOFILE)",
			"key", "broker.max-connections", "configured", perListener, "allowed", fits, "files", allowed)
	}
	return fits
}
