package billing

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// A key that orders are sealed to is offered for 30 days, opens orders for 30 more, and is then destroyed: HPKE's base
// mode cannot keep an order secret from who later steals the key.
const (
	sealKeyOffered = 30 * 24 * time.Hour
	sealKeyLife    = 2 * sealKeyOffered
)

type sealKey struct {
	kid              string
	private, public  []byte
	created, destroy int64
}

// currentSealKey is the key to offer now; it destroys old ones and makes a new one when it is time.
func currentSealKey(ctx context.Context, tx *sql.Tx, now time.Time) (sealKey, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM seal_keys WHERE destroy_ms <= ?`, ms(now)); err != nil {
		return sealKey{}, err
	}
	var k sealKey
	err := tx.QueryRowContext(ctx, `SELECT kid, private, public, created_ms, destroy_ms FROM seal_keys WHERE created_ms > ? ORDER BY created_ms DESC, kid LIMIT 1`,
		ms(now.Add(-sealKeyOffered))).Scan(&k.kid, &k.private, &k.public, &k.created, &k.destroy)
	if !errors.Is(err, sql.ErrNoRows) {
		return k, err
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return sealKey{}, fmt.Errorf("cannot make a key for orders: %w", err)
	}
	k = sealKey{private: private.Bytes(), public: private.PublicKey().Bytes(), created: ms(now), destroy: ms(now.Add(sealKeyLife))}
	k.kid = hex.EncodeToString(keyID(k.public))
	_, err = tx.ExecContext(ctx, `INSERT INTO seal_keys (kid, private, public, created_ms, destroy_ms) VALUES (?, ?, ?, ?, ?)`,
		k.kid, k.private, k.public, k.created, k.destroy)
	return k, err
}

// sealKeyFor is the private key that an envelope names, nil when there is none (any more).
func sealKeyFor(ctx context.Context, tx *sql.Tx, kid []byte, now time.Time) ([]byte, error) {
	var private []byte
	err := tx.QueryRowContext(ctx, `SELECT private FROM seal_keys WHERE kid = ? AND destroy_ms > ?`, hex.EncodeToString(kid), ms(now)).Scan(&private)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return private, err
}
