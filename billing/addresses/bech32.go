package addresses

import (
	"errors"
	"strings"
)

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// encodeBech32 writes data as BIP-173 has it. The prefix is 1 to 83 lower-case letters and digits.
func encodeBech32(hrp string, data []byte) (string, error) {
	if hrp == "" || len(hrp) > 83 || strings.Trim(hrp, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", errors.New("cannot write a Stardust address: its prefix is 1 to 83 lower-case letters and digits, such as iota")
	}
	groups := fiveBits(data)
	sum := polymod(append(append(expand(hrp), groups...), 0, 0, 0, 0, 0, 0)) ^ 1
	var out strings.Builder
	out.WriteString(hrp + "1")
	for _, g := range groups {
		out.WriteByte(bech32Digits[g])
	}
	for i := range 6 {
		out.WriteByte(bech32Digits[sum>>(5*(5-i))&31])
	}
	return out.String(), nil
}

// fiveBits cuts bytes into groups of five bits, the last one filled up with zeros.
func fiveBits(data []byte) []byte {
	var out []byte
	var acc, bits uint
	for _, b := range data {
		acc, bits = acc<<8|uint(b), bits+8
		for ; bits >= 5; bits -= 5 {
			out = append(out, byte(acc>>(bits-5)&31))
		}
	}
	if bits > 0 {
		out = append(out, byte(acc<<(5-bits)&31))
	}
	return out
}

// expand is the prefix as the checksum takes it in.
func expand(hrp string) []byte {
	out := make([]byte, 0, 2*len(hrp)+1)
	for i := range len(hrp) {
		out = append(out, hrp[i]>>5)
	}
	out = append(out, 0)
	for i := range len(hrp) {
		out = append(out, hrp[i]&31)
	}
	return out
}

// polymod is the checksum of BIP-173 over groups of five bits.
func polymod(groups []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	sum := uint32(1)
	for _, g := range groups {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(g)
		for i, gen := range generator {
			if top>>i&1 == 1 {
				sum ^= gen
			}
		}
	}
	return sum
}
