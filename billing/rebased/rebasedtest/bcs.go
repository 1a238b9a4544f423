package rebasedtest

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// bcs writes Binary Canonical Serialization: little-endian numbers, lengths and variants in LEB128.
type bcs struct{ b []byte }

func (w *bcs) raw(b ...byte)  { w.b = append(w.b, b...) }
func (w *bcs) len(n int)      { w.b = binary.AppendUvarint(w.b, uint64(n)) }
func (w *bcs) u16(n uint16)   { w.b = binary.LittleEndian.AppendUint16(w.b, n) }
func (w *bcs) u32(n uint32)   { w.b = binary.LittleEndian.AppendUint32(w.b, n) }
func (w *bcs) u64(n uint64)   { w.b = binary.LittleEndian.AppendUint64(w.b, n) }
func (w *bcs) bytes(b []byte) { w.len(len(b)); w.raw(b...) }

// address writes an address or object id.
func (w *bcs) address(a string) {
	b, err := hex.DecodeString(strings.TrimPrefix(a, "0x"))
	if err != nil || len(b) != 32 {
		panic("rebasedtest: " + a + " is no address")
	}
	w.raw(b...)
}

func (w *bcs) digest(d string) { w.bytes(unbase58(d)) }

// Variants of the enumerations, by their place in the protocol.
const (
	dataV1            = 0
	programmable      = 0
	inputPure         = 0
	splitCoins        = 2
	transferObjects   = 1
	argumentGasCoin   = 0
	argumentInput     = 1
	argumentNested    = 3
	ownerAddress      = 0
	stateAbsent       = 0
	stateExists       = 1
	stateWritten      = 1
	idUnchanged       = 0
	idCreated         = 1
	failedGas         = 0 // InsufficientGas
	expirationNever   = 0
	scopeTransaction  = 0
	absent, present   = 0, 1
	statusOK, statusF = 0, 1
)

// data is the transaction that the sender signs: it splits what each recipient gets off the gas coin and transfers it.
func (t *transaction) data() []byte {
	var w bcs
	w.raw(dataV1, programmable)
	w.len(2 * len(t.pays))
	for _, p := range t.pays {
		w.raw(inputPure)
		w.len(8)
		w.u64(p.Amount)
		w.raw(inputPure)
		w.len(32)
		w.address(p.To)
	}
	w.len(2 * len(t.pays))
	for i := range t.pays {
		w.raw(splitCoins, argumentGasCoin)
		w.len(1)
		w.raw(argumentInput)
		w.u16(uint16(2 * i))
		w.raw(transferObjects)
		w.len(1)
		w.raw(argumentNested)
		w.u16(uint16(2 * i))
		w.u16(0)
		w.raw(argumentInput)
		w.u16(uint16(2*i + 1))
	}
	w.address(t.sender.Address)
	w.len(1)
	w.address(t.sender.gas)
	w.u64(t.version - 1)
	w.digest(t.gasBefore())
	w.address(t.sender.Address)
	w.u64(gasPrice)
	w.u64(gasBudget)
	w.raw(expirationNever)
	return w.b
}

// signed is the transaction with its signature.
func (t *transaction) signed() []byte {
	data := t.data()
	var w bcs
	w.len(1)
	w.raw(scopeTransaction, 0, 0)
	w.raw(data...)
	w.len(1)
	w.bytes(t.sender.sign(scopeTransaction, data))
	return w.b
}

// effects are what executing it did.
func (t *transaction) effects() []byte {
	var w bcs
	w.raw(dataV1)
	if t.failed {
		w.raw(statusF, failedGas, absent)
	} else {
		w.raw(statusOK)
	}
	w.u64(0) // epoch
	for _, n := range t.gasUsed() {
		w.u64(n)
	}
	w.digest(t.digest)
	w.raw(present)
	w.u32(0) // the gas coin is the first object
	w.raw(absent)
	w.len(0) // dependencies
	w.u64(t.version)
	coins := t.made
	w.len(1 + len(coins))
	w.address(t.sender.gas)
	w.raw(stateExists)
	w.u64(t.version - 1)
	w.digest(t.gasBefore())
	w.raw(ownerAddress)
	w.address(t.sender.Address)
	w.raw(stateWritten)
	w.digest(t.gasAfter())
	w.raw(ownerAddress)
	w.address(t.sender.Address)
	w.raw(idUnchanged)
	for _, c := range coins {
		w.address(c.id)
		w.raw(stateAbsent, stateWritten)
		w.digest(digest("object", []byte(c.id)))
		w.raw(ownerAddress)
		w.address(c.owner)
		w.raw(idCreated)
	}
	w.len(0) // shared objects
	w.raw(absent)
	return w.b
}
