// Package journal speaks to systemd: log lines with priorities, readiness, status, watchdog. It decides neither what is
// logged nor whether the program is well.
//
// Everything works without systemd too: lines then carry a time for a person to read, and the messages to the service
// manager go nowhere. Nothing here can make the program fail.
package journal
