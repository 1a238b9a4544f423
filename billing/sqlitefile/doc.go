// Package sqlitefile opens a SQLite file the way wattgate needs it: checked, backed up, migrated and durable, or
// refused with the remedy. It knows nothing about what the tables mean.
//
// A file is opened with a write-ahead log, synchronous=FULL (a commit that returned survives a power cut), foreign keys
// on, and a single connection: one writer, and no reader that could hold a snapshot behind its back. Transactions
// begin IMMEDIATE.
//
// Migrations are additive and numbered from 1. Each names the oldest schema version whose program may still work with
// the result, so that one step back to an older release keeps working; a program older than that gets ErrNewer.
// Before a file with content is migrated it is copied to "<name>.v<version>.bak"; the two newest copies are kept.
package sqlitefile
