package billing

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"fmt"
)

// Iterations of PBKDF2-SHA512. A generated token has 128 random bits and needs no stretching; a password that a person
// chose gets Mosquitto's own default. The broker repeats them for every connected client at each reload.
const (
	iterationsGenerated = 1
	iterationsChosen    = 101
)

// Credential is what the broker checks a password against (PBKDF2-SHA512). It is not the password.
type Credential struct {
	Iterations int
	Salt       [12]byte
	Key        [64]byte
}

// CheckPassword reports whether a chosen password may be used: 12 to 64 printable ASCII characters.
func CheckPassword(password string) error {
	if !printable(password, 12, 64) {
		return refuse(CodePassword, "cannot use this password", "use 12 to 64 printable ASCII characters, or none to get one made")
	}
	return nil
}

// newPassword makes a 128-bit token of letters and digits.
func newPassword() string {
	var raw [16]byte
	rand.Read(raw[:])
	return lowerBase32.EncodeToString(raw[:])
}

// hashPassword makes a credential with a fresh salt.
func hashPassword(password string, iterations int) (Credential, error) {
	c := Credential{Iterations: iterations}
	rand.Read(c.Salt[:])
	key, err := pbkdf2.Key(sha512.New, password, c.Salt[:], iterations, len(c.Key))
	if err != nil {
		return Credential{}, fmt.Errorf("cannot hash password: %w", err)
	}
	copy(c.Key[:], key)
	return c, nil
}
