-- readable-by: 1

-- What ties money to an order: a tag; the amount itself; an address that is the order's alone. reference stays its short
-- name whatever the kind. carried: the order came inside a payment. lapsed_ms: when its lapse was noticed, which may be
-- long after expires_ms where the gateway was down.
ALTER TABLE orders ADD COLUMN kind TEXT NOT NULL DEFAULT 'tag' CHECK (kind IN ('tag', 'amount', 'address'));
ALTER TABLE orders ADD COLUMN carried INTEGER NOT NULL DEFAULT 0 CHECK (carried IN (0, 1));
ALTER TABLE orders ADD COLUMN lapsed_ms INTEGER;
CREATE INDEX orders_known_by ON orders(network, address, amount) WHERE kind <> 'tag';

-- held: bound to conditions, never credited but by the owner. pin_id: the chain it was seen on.
ALTER TABLE payments ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
ALTER TABLE payments ADD COLUMN pin_id INTEGER;
CREATE INDEX payments_tag ON payments(network, reference) WHERE order_id IS NULL AND reference <> '';

-- Amounts that were asked for, so that none is asked for twice before free_ms. They outlive orders that were forgotten.
-- Rows come and go in the sequence of their ids, about: their number is bounded by the span of the ids.
CREATE TABLE amounts (
    id      INTEGER PRIMARY KEY,
    network TEXT    NOT NULL,
    amount  INTEGER NOT NULL CHECK (amount > 0),
    free_ms INTEGER NOT NULL,
    UNIQUE (network, amount)
) STRICT;
CREATE INDEX amounts_free ON amounts(free_ms);

-- The pool: addresses made elsewhere, each for one order. It may be handed out from free_ms on; NULL: money came, never
-- again.
CREATE TABLE addresses (
    id         INTEGER PRIMARY KEY,
    network    TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    added_ms   INTEGER NOT NULL,
    order_hash TEXT    NOT NULL DEFAULT '',
    free_ms    INTEGER DEFAULT 0,
    UNIQUE (network, address)
) STRICT;
CREATE INDEX addresses_free ON addresses(network, free_ms, id) WHERE free_ms IS NOT NULL;

-- The chains that stood behind a network's name, the present one last. cursor is how far one was read when it was left.
CREATE TABLE pins (
    id       INTEGER PRIMARY KEY,
    network  TEXT    NOT NULL,
    identity TEXT    NOT NULL,
    since_ms INTEGER NOT NULL,
    cursor   TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX pins_of ON pins(network, id);
