// Package addresses makes addresses to be paid to, on a machine that is not the gateway: a fresh mnemonic and what can be
// derived from it. The gateway imports the addresses alone and never sees the words.
//
// The keys are those of SLIP-10 for Ed25519 along m/44'/4218'/account'/0'/index', which IOTA's wallets derive too: who
// types the words into one finds the money. Every step is hardened, so that no further address can be made without the
// words.
package addresses
