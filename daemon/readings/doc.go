// Package readings keeps what the plugs said that must survive a restart: minute averages of the last 24 hours, energy
// counters, names and the id secret. It never holds money.
//
// It is a file of its own, readings.db, because its rules differ from those of the books: it is written every minute,
// a power cut may cost the last of these writes (synchronous=NORMAL), and losing the whole file costs history and
// names, never a payment. A commit is nevertheless whole or absent, so an unclean end needs no repair.
package readings
