package billing

import (
	"encoding/json"
	"time"
)

// Code is a machine-readable reason for refusing a buyer or an owner; codes are never renamed.
type Code string

// The codes of refusals.
const (
	CodeTooLarge      Code = "too-large"      // the sealed order exceeds MaxSealed
	CodeUnreadable    Code = "unreadable"     // not a sealed order of ours: one answer for every way of being none
	CodeKeyUnknown    Code = "key-unknown"    // sealed to a key that was destroyed or is not ours
	CodeInvalid       Code = "invalid"        // opened, but a field is not as it must be
	CodeExpired       Code = "expired"        // its not_after has passed
	CodeOfferChanged  Code = "offer-changed"  // ordered from an offer that no longer holds
	CodeNotSelling    Code = "not-selling"    // nothing is for sale
	CodeUsernameTaken Code = "username-taken" // bound to somebody else
	CodeUsername      Code = "username"       // not a name that can be used
	CodePassword      Code = "password"       // not a password that can be used
	CodeOrderExists   Code = "order-exists"   // the buyer has used this order id already
	CodeBusy          Code = "busy"           // too many open orders; RetryAt says when to come back
	CodeNotFound      Code = "not-found"      // no such order, payment or user
	CodeSignature     Code = "signature"      // a claim that the sender of the payment did not sign
	CodeConflict      Code = "conflict"       // not possible in the present state
)

// Refusal is an error made for the person who asked. It contains nothing secret and nothing of anybody else's.
type Refusal struct {
	Code    Code
	Message string
	// Fix says what to do about it.
	Fix string
	// RetryAt is set for CodeBusy.
	RetryAt time.Time
	// ReplyTo is the client id that a refused order asked to be answered at, when the order could be opened.
	ReplyTo string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message + " (" + r.Fix + ")" }

// MarshalJSON writes the error object of the HTTP API: {"error":{"code","message","fix"}}, with "retry_at" when busy.
func (r *Refusal) MarshalJSON() ([]byte, error) {
	type body struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Fix     string `json:"fix"`
		RetryAt Stamp  `json:"retry_at,omitzero"`
	}
	return json.Marshal(struct {
		Error body `json:"error"`
	}{body{r.Code, r.Message, r.Fix, Stamp{r.RetryAt}}})
}

func refuse(code Code, message, fix string) *Refusal {
	return &Refusal{Code: code, Message: message, Fix: fix}
}
