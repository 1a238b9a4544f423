package acl

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// GeneratedIterations is the PBKDF2 cost of a password of 128 random bits:
// nothing can be guessed, and each reload of Mosquitto hashes again the
// password of every connected client.
const GeneratedIterations = 1

// ChosenIterations is the PBKDF2 cost of a password chosen by a person, the
// figure that Mosquitto 2.0 itself uses.
const ChosenIterations = 101

// maxIterations bounds what a reload may cost: at 10,000 one hundred
// connected clients stall Mosquitto for two seconds.
const maxIterations = 10_000

// maxPassword bounds a password in bytes; MQTT itself would allow 65,535.
const maxPassword = 256

// Entry is what the password file holds of a password: PBKDF2-HMAC-SHA512,
// which Mosquitto writes as $7$. Keep it, so that an unchanged account stays
// byte-identical and its client stays connected over a reload.
type Entry struct {
	Iterations int // 1 to 10,000
	Salt       [12]byte
	Key        [64]byte
}

// NewEntry derives an entry with a fresh random salt. The password has 1 to
// 256 bytes and no control characters (Mosquitto stops at a NUL).
func NewEntry(password string, iterations int) (Entry, error) {
	if err := checkPassword(password); err != nil {
		return Entry{}, err
	}
	e := Entry{Iterations: iterations}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	rand.Read(e.Salt[:]) // never fails (crypto/rand)
	key, err := pbkdf2.Key(sha512.New, password, e.Salt[:], iterations, len(e.Key))
	if err != nil {
		return Entry{}, fmt.Errorf("cannot derive a password entry: %w", err)
	}
	copy(e.Key[:], key)
	return e, nil
}

// NewPassword returns 128 random bits as 32 lower-case hexadecimal digits.
func NewPassword() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func checkPassword(password string) error {
	switch {
	case password == "" || len(password) > maxPassword:
		return fmt.Errorf("cannot use a password of %d bytes: choose 1 to %d", len(password), maxPassword)
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("cannot use a password with control characters: choose another")
	}
	return nil
}

func (e Entry) check() error {
	if e.Iterations < 1 || e.Iterations > maxIterations {
		return fmt.Errorf("cannot use a password entry of %d iterations: give 1 to %d", e.Iterations, maxIterations)
	}
	return nil
}

// appendTo writes the entry as the password file holds it.
func (e Entry) appendTo(b []byte) []byte {
	b = append(b, "$7$"...)
	b = strconv.AppendInt(b, int64(e.Iterations), 10)
	b = append(b, '$')
	b = base64.StdEncoding.AppendEncode(b, e.Salt[:])
	b = append(b, '$')
	return base64.StdEncoding.AppendEncode(b, e.Key[:])
}

// parseEntry accepts exactly what appendTo writes. Mosquitto 2.0 takes no
// salt but one of 12 bytes, so neither does it.
func parseEntry(s string) (Entry, error) {
	var e Entry
	parts := strings.Split(s, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "7" {
		return e, errors.New("not a $7$ entry")
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || strconv.Itoa(n) != parts[2] {
		return e, errors.New("iterations are not a plain number")
	}
	e.Iterations = n
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	if err := decodeExactly(e.Salt[:], parts[3]); err != nil {
		return Entry{}, fmt.Errorf("salt: %w", err)
	}
	if err := decodeExactly(e.Key[:], parts[4]); err != nil {
		return Entry{}, fmt.Errorf("key: %w", err)
	}
	return e, nil
}

func decodeExactly(dst []byte, s string) error {
	if len(s) != base64.StdEncoding.EncodedLen(len(dst)) {
		return fmt.Errorf("has not the length of %d bytes", len(dst))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(dst) {
		return fmt.Errorf("is not base64 of %d bytes", len(dst))
	}
	copy(dst, b)
	return nil
}
