-- readable-by: 1

-- All times are milliseconds since 1970 UTC, all amounts base units, all durations seconds.

-- A version of the price on a network. The row with the highest since_ms not after a moment was in force then.
CREATE TABLE prices (
    id          INTEGER PRIMARY KEY,
    network     TEXT    NOT NULL,
    product     TEXT    NOT NULL,
    decimals    INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 18),
    amount      INTEGER NOT NULL CHECK (amount > 0),
    period_s    INTEGER NOT NULL CHECK (period_s > 0),
    min_periods INTEGER NOT NULL CHECK (min_periods > 0),
    since_ms    INTEGER NOT NULL
) STRICT;

-- What was offered, so that an order can be held to what its buyer saw.
CREATE TABLE offers (
    hash       TEXT    PRIMARY KEY,
    price_id   INTEGER NOT NULL REFERENCES prices(id),
    signed_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that orders are sealed to; a destroyed key is a deleted row.
CREATE TABLE seal_keys (
    kid         TEXT    PRIMARY KEY,
    private     BLOB    NOT NULL CHECK (length(private) = 32),
    public      BLOB    NOT NULL CHECK (length(public) = 32),
    created_ms  INTEGER NOT NULL,
    destroy_ms  INTEGER NOT NULL
) STRICT;

-- A name somebody may log in with. A name of a buyer is bound to a key until long after its last grant.
CREATE TABLE accounts (
    username   TEXT    PRIMARY KEY,
    owner      INTEGER NOT NULL CHECK (owner IN (0, 1)),
    buyer_key  TEXT    NOT NULL CHECK ((owner = 1) = (buyer_key = '')),
    iterations INTEGER NOT NULL CHECK (iterations > 0),
    salt       BLOB    NOT NULL CHECK (length(salt) = 12),
    key        BLOB    NOT NULL CHECK (length(key) = 64),
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- network '' and no seconds: the owner's user, for ever. end_ms is when it ends, or when it did.
CREATE TABLE grants (
    id         INTEGER PRIMARY KEY,
    username   TEXT    NOT NULL REFERENCES accounts(username),
    network    TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('pending', 'active', 'ended', 'revoked')),
    seconds    INTEGER CHECK (seconds > 0),
    reason     TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    start_ms   INTEGER,
    end_ms     INTEGER,
    CHECK (state <> 'active' OR start_ms IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX grants_live ON grants(username) WHERE state IN ('pending', 'active');
CREATE INDEX grants_of ON grants(username, id);
CREATE INDEX grants_end ON grants(end_ms) WHERE state = 'active';

-- seconds is what the order has brought so far. credential columns hold the verifier until it is applied.
CREATE TABLE orders (
    id              INTEGER PRIMARY KEY,
    hash            TEXT    NOT NULL UNIQUE,
    order_id        TEXT    NOT NULL,
    buyer_key       TEXT    NOT NULL,
    network         TEXT    NOT NULL,
    address         TEXT    NOT NULL,
    reference       TEXT    NOT NULL,
    topics          TEXT    NOT NULL,
    price_id        INTEGER NOT NULL REFERENCES prices(id),
    periods         INTEGER NOT NULL CHECK (periods > 0),
    amount          INTEGER NOT NULL CHECK (amount > 0),
    paid            INTEGER NOT NULL DEFAULT 0 CHECK (paid >= 0),
    seconds         INTEGER NOT NULL DEFAULT 0 CHECK (seconds >= 0),
    state           TEXT    NOT NULL CHECK (state IN ('open', 'part-paid', 'settled', 'lapsed')),
    username        TEXT    NOT NULL,
    chosen          INTEGER NOT NULL CHECK (chosen IN (0, 1)),
    iterations      INTEGER,
    salt            BLOB,
    key             BLOB,
    sealed_password TEXT    NOT NULL DEFAULT '',
    applied         INTEGER NOT NULL DEFAULT 0 CHECK (applied IN (0, 1)),
    announced       INTEGER NOT NULL DEFAULT 0 CHECK (announced IN (0, 1)),
    grant_id        INTEGER REFERENCES grants(id),
    reply_to        TEXT    NOT NULL,
    refund_address  TEXT    NOT NULL,
    transport       TEXT    NOT NULL CHECK (transport IN ('mqtt', 'http')),
    addr            TEXT    NOT NULL,
    placed_ms       INTEGER NOT NULL,
    expires_ms      INTEGER NOT NULL,
    UNIQUE (buyer_key, order_id),
    UNIQUE (network, reference)
) STRICT;
CREATE INDEX orders_open ON orders(expires_ms) WHERE state IN ('open', 'part-paid');
CREATE INDEX orders_grant ON orders(grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX orders_unpaid ON orders(expires_ms) WHERE state = 'lapsed' AND paid = 0;

-- Every deposit ever seen; one without an order is unassigned.
CREATE TABLE payments (
    id          INTEGER PRIMARY KEY,
    network     TEXT    NOT NULL,
    deposit_id  TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    reference   TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount >= 0),
    decimals    INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 18),
    at_ms       INTEGER NOT NULL,
    seen_ms     INTEGER NOT NULL,
    order_id    INTEGER REFERENCES orders(id),
    price_id    INTEGER REFERENCES prices(id),
    note        TEXT    NOT NULL DEFAULT '',
    UNIQUE (network, deposit_id),
    CHECK ((order_id IS NULL) = (price_id IS NULL))
) STRICT;
CREATE INDEX payments_order ON payments(order_id) WHERE order_id IS NOT NULL;
CREATE INDEX payments_unassigned ON payments(id) WHERE order_id IS NULL;

CREATE TABLE cursors (
    network TEXT PRIMARY KEY,
    cursor  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What changed a right, and why. References are by value: the journal outlives what it tells of.
CREATE TABLE journal (
    id         INTEGER PRIMARY KEY,
    at_ms      INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    order_hash TEXT    NOT NULL,
    grant_id   INTEGER NOT NULL,
    payment_id INTEGER NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
CREATE TRIGGER journal_keeps BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_stays BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER payments_stay BEFORE DELETE ON payments BEGIN SELECT RAISE(ABORT, 'no deposit is ever dropped'); END;
