package billing

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"
)

// How long an offer is told unchanged, and for how long an order may still refer to it. The first bounds how stale its
// time can look, the second is the life of the keys in it.
const (
	offerFresh = time.Hour
	offerKept  = sealKeyLife
)

// cachedOffer is the last offer signed; owned by Shop under its mutex.
type cachedOffer struct {
	raw    []byte
	signed time.Time
}

// Offer is the signed offer. It changes only when the terms or keys do, or when it is an hour old; a restart gives the
// same bytes again.
func (s *Shop) Offer(ctx context.Context, now time.Time) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.offer.signed); s.offer.raw != nil && age >= 0 && age < offerFresh {
		return bytes.Clone(s.offer.raw), nil
	}
	var fresh cachedOffer
	err := s.store.write(ctx, "make an offer", func(tx *sql.Tx) error {
		price, err := currentPrice(ctx, tx, s.terms, now)
		if err != nil {
			return err
		}
		key, err := currentSealKey(ctx, tx, now)
		if err != nil {
			return err
		}
		if fresh, err = s.sameOffer(ctx, tx, key, now); err != nil || fresh.raw != nil {
			return err
		}
		if fresh.raw, err = s.id.SignOffer(offerFrom(s.terms, key, now)); err != nil {
			return err
		}
		fresh.signed = now
		if _, err := tx.ExecContext(ctx, `DELETE FROM offers WHERE signed_ms < ?`, ms(now.Add(-offerKept))); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO offers (hash, price_id, signed_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			hashOf(fresh.raw), price.ID, ms(now))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.offer = fresh
	return bytes.Clone(fresh.raw), nil
}

// sameOffer finds the offer that still says what a new one would. Ed25519 is deterministic: signing the present terms
// with an earlier time gives the earlier bytes exactly if nothing has changed since.
func (s *Shop) sameOffer(ctx context.Context, tx *sql.Tx, key sealKey, now time.Time) (cachedOffer, error) {
	var hash string
	var signed int64
	err := tx.QueryRowContext(ctx, `SELECT hash, signed_ms FROM offers ORDER BY signed_ms DESC, hash LIMIT 1`).Scan(&hash, &signed)
	if errors.Is(err, sql.ErrNoRows) {
		return cachedOffer{}, nil
	}
	if age := now.Sub(at(signed)); err != nil || age < 0 || age >= offerFresh {
		return cachedOffer{}, err
	}
	raw, err := s.id.SignOffer(offerFrom(s.terms, key, at(signed)))
	if err != nil || hashOf(raw) != hash {
		return cachedOffer{}, err
	}
	return cachedOffer{raw: raw, signed: at(signed)}, nil
}

// offerFrom is the offer that terms and a key make at a time.
func offerFrom(t Terms, key sealKey, now time.Time) Offer {
	o := Offer{
		Network: t.Network.Name, Chain: t.Chain, Address: t.Network.Address, Products: []OfferProduct{}, Endpoints: t.Endpoints,
		Keys: []OfferKey{{KID: key.kid, Public: encoding.EncodeToString(key.public), NotAfter: Stamp{at(key.destroy)}}},
		Fee:  moneyOf(t.Fee, t.Network.Decimals), ReferenceKind: t.Network.kind(), Terms: t.Text, TS: Stamp{now},
	}
	if t.Selling {
		o.Products = append(o.Products, OfferProduct{
			ID: t.Product.ID, Topics: t.Product.Topics, Price: moneyOf(t.Price.Amount, t.Network.Decimals), PeriodS: t.Price.Period,
			MinPeriods: t.Price.MinPeriods, RateHz: t.Product.RateHz, MeterRefreshMS: t.Product.MeterRefreshMS,
		})
	}
	return o
}
