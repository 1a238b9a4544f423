-- readable-by: 1
CREATE TABLE averages (
	plug      TEXT    NOT NULL,                          -- public id, '' = the sum
	end_ms    INTEGER NOT NULL,                          -- end of the window, Unix milliseconds
	power_w   REAL,                                      -- NULL = unknown
	energy_wh REAL,                                      -- NULL = unknown
	coverage  REAL    NOT NULL CHECK (coverage BETWEEN 0 AND 1),
	window_s  INTEGER NOT NULL CHECK (window_s > 0),
	simulated INTEGER NOT NULL CHECK (simulated IN (0, 1)),
	PRIMARY KEY (plug, end_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX averages_by_end ON averages (end_ms);

CREATE TABLE energy (
	serial TEXT PRIMARY KEY,
	state  TEXT NOT NULL                                 -- JSON, owned by the sampler
) STRICT, WITHOUT ROWID;

CREATE TABLE names (
	serial TEXT PRIMARY KEY,
	name   TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE ids (                                       -- derived ids already given out
	udn TEXT PRIMARY KEY,
	id  TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE secret (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	bytes BLOB NOT NULL CHECK (length(bytes) = 32)
) STRICT;
