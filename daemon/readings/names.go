package readings

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

// What can be wrong with a name. Match with errors.Is.
var (
	// ErrName: the name or the serial number has not the form it must have.
	ErrName = errors.New("bad name")
	// ErrNameTaken: another plug has the name.
	ErrNameTaken = errors.New("name taken")
)

const (
	derivedPrefix = "p-"
	idLength      = 6    // characters of a derived id; 30 bits tell a house's plugs apart
	longLength    = 26   // characters of the longest one; 130 bits do not collide
	maxNames      = 1024 // names in all; a typing owner never meets it
	maxIDs        = 4096 // derived ids remembered; strangers on the network can invent plugs
)

// Names lists the names the owner gave, by serial number.
func (s *Store) Names(context.Context) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.names), nil
}

// SetName names the plug with that serial number, in place of the name it had. Names are public: they stand in topics.
func (s *Store) SetName(ctx context.Context, serial, name string) error {
	if err := checkName(serial, name); err != nil {
		return fmt.Errorf("cannot name plug %.64q: %w", serial, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, taken := range s.names {
		if taken == name && other != serial {
			return fmt.Errorf("cannot name plug %q: %w: %s is plug %s's; choose another, or rename that plug first",
				serial, ErrNameTaken, name, other)
		}
	}
	if _, renamed := s.names[serial]; !renamed && len(s.names) >= maxNames {
		return fmt.Errorf("cannot name plug %q: %w: %d plugs have names already", serial, ErrName, maxNames)
	}
	if _, err := s.db.ExecContext(ctx, `INSERT INTO names (serial, name) VALUES (?, ?)
		ON CONFLICT (serial) DO UPDATE SET name = excluded.name`, serial, name); err != nil {
		return fmt.Errorf("cannot name plug %q: %w", serial, sqlitefile.Classify(err))
	}
	s.names[serial] = name
	return nil
}

func checkName(serial, name string) error {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{1,64}$`, serial); !ok {
		return fmt.Errorf("%w: that is no serial number (`wattgate plugs` lists them)", ErrName)
	}
	if ok, _ := regexp.MatchString(`^[a-z0-9-]{1,32}$`, name); !ok {
		return fmt.Errorf("%w: %.64q must be 1 to 32 of a-z, 0-9 and -", ErrName, name)
	}
	if strings.HasPrefix(name, derivedPrefix) {
		return fmt.Errorf("%w: %q begins like the ids of unnamed plugs; choose one that does not begin with %s", ErrName, name, derivedPrefix)
	}
	if strings.EqualFold(name, serial) {
		return fmt.Errorf("%w: it is the serial number, which should stay private", ErrName)
	}
	return nil
}

// PlugID is what strangers see of a plug: the owner's name for it, else an id that stays the same over restarts and
// tells nothing about the plug.
func (s *Store) PlugID(udn, serial string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.names[serial]; ok {
		return name
	}
	if id, ok := s.ids[udn]; ok {
		return id
	}
	long := derive(s.secret, udn)
	if len(s.ids) >= maxIDs {
		return derivedPrefix + long // cannot collide, so it need not be remembered
	}
	n := idLength
	for s.owners[derivedPrefix+long[:n]] != "" && n < len(long) {
		n++
	}
	id := derivedPrefix + long[:n]
	s.ids[udn], s.owners[id] = id, udn
	s.remember(udn, id)
	return id
}

// remember keeps an id that was given out, so that of two plugs with the same six characters the same one has the
// longer id after a restart. That is rare enough (one in 2^30 per pair) to go on without when the file cannot be written.
func (s *Store) remember(udn, id string) {
	if _, err := s.db.ExecContext(context.Background(), `INSERT INTO ids (udn, id) VALUES (?, ?) ON CONFLICT DO NOTHING`, udn, id); err != nil {
		s.log.Warn("plug id not kept", "plug", id, "err", err)
	}
}

// derive is the whole id of a UDN, longLength characters of a-z and 2-7.
func derive(secret []byte, udn string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(udn))
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:longLength])
}
