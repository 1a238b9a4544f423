-- readable-by: 1

-- The highest time the gateway has seen, one row; none in new books. It never falls.
CREATE TABLE clock (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    highest_ms INTEGER NOT NULL
) STRICT;
CREATE TRIGGER clock_rises BEFORE UPDATE ON clock WHEN NEW.highest_ms < OLD.highest_ms
BEGIN SELECT RAISE(ABORT, 'time never runs backwards'); END;

-- When paid data was withheld from everybody. Intervals are disjoint, at most one is open (to_ms NULL); what a grant
-- missed is their overlap with its active time.
CREATE TABLE withheld (
    id      INTEGER PRIMARY KEY,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER CHECK (to_ms > from_ms),
    reason  TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX withheld_open ON withheld((1)) WHERE to_ms IS NULL;
CREATE INDEX withheld_from ON withheld(from_ms);
CREATE INDEX withheld_to ON withheld(to_ms);
CREATE TRIGGER withheld_disjoint BEFORE INSERT ON withheld
WHEN EXISTS (SELECT 1 FROM withheld WHERE to_ms IS NULL) OR NEW.from_ms < (SELECT max(to_ms) FROM withheld)
BEGIN SELECT RAISE(ABORT, 'withheld time never counts twice'); END;
