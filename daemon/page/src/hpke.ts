// HPKE base mode, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; one message per context.
//
// WebCrypto is missing on http://192.168…, so the primitives are noble's; what is here is the RFC's key schedule.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, random, utf8 } from './bytes.ts'

const empty = new Uint8Array(0)
const version = utf8('HPKE-v1')
/** DHKEM(X25519, HKDF-SHA256) is KEM 0x0020. */
const kemSuite = concat(utf8('KEM'), Uint8Array.of(0x00, 0x20))
/** KEM 0x0020, KDF 0x0001, AEAD 0x0003. */
const suite = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x03))

const labeledExtract = (of: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array =>
  extract(sha256, concat(version, of, utf8(label), ikm), salt)

const labeledExpand = (of: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array =>
  expand(sha256, prk, concat(Uint8Array.of(length >> 8, length & 255), version, of, utf8(label), info), length)

/** ExtractAndExpand of section 4.1. */
function sharedSecret(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Uint8Array {
  const prk = labeledExtract(kemSuite, empty, 'eae_prk', dh)
  return labeledExpand(kemSuite, prk, 'shared_secret', concat(enc, recipient), 32)
}

/** KeySchedule of section 5.1, mode_base, and the cipher for sequence number 0. */
function cipher(shared: Uint8Array, info: Uint8Array) {
  const context = concat(
    Uint8Array.of(0x00),
    labeledExtract(suite, empty, 'psk_id_hash', empty),
    labeledExtract(suite, empty, 'info_hash', info),
  )
  const secret = labeledExtract(suite, shared, 'secret', empty)
  return chacha20poly1305(labeledExpand(suite, secret, 'key', context, 32), labeledExpand(suite, secret, 'base_nonce', context, 12))
}

/** A new X25519 key pair. */
export function newKey(): { private: Uint8Array; public: Uint8Array } {
  const secret = random(32)
  return { private: secret, public: x25519.getPublicKey(secret) }
}

/** Seals to a public key: the 32-byte encapsulation followed by the ciphertext. ephemeral is given by tests only. */
export function seal(recipient: Uint8Array, info: Uint8Array, plain: Uint8Array, ephemeral: Uint8Array = random(32)): Uint8Array {
  const enc = x25519.getPublicKey(ephemeral)
  const dh = x25519.getSharedSecret(ephemeral, recipient) // refuses points of small order
  return concat(enc, cipher(sharedSecret(dh, enc, recipient), info).encrypt(plain))
}

/** Opens what seal sealed; throws for anything else. */
export function open(secret: Uint8Array, info: Uint8Array, box: Uint8Array): Uint8Array {
  const enc = box.slice(0, 32)
  const dh = x25519.getSharedSecret(secret, enc)
  return cipher(sharedSecret(dh, enc, x25519.getPublicKey(secret)), info).decrypt(box.slice(32))
}
