// Bytes and the texts they travel as.

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    out.set(p, at)
    at += p.length
  }
  return out
}

/** base64url without padding, as every key and signature of the protocol is written. */
export function toBase64url(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const n = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const chars = Math.min(bytes.length - i, 3) + 1
    for (let k = 0; k < chars; k++) out += alphabet[(n >> (18 - 6 * k)) & 63]
  }
  return out
}

/** Reads the one canonical form only: no padding, no other alphabet, no stray bits. */
export function fromBase64url(s: string): Uint8Array {
  const out = new Uint8Array(Math.floor((s.length * 3) / 4))
  let bits = 0
  let have = 0
  let at = 0
  for (const c of s) {
    const v = alphabet.indexOf(c)
    if (v < 0) throw new Error('cannot read base64url: it contains other characters')
    bits = ((bits << 6) | v) & 0xffff
    have += 6
    if (have >= 8) {
      have -= 8
      out[at++] = (bits >> have) & 255
    }
  }
  if (have === 6 || (bits & ((1 << have) - 1)) !== 0) throw new Error('cannot read base64url: it is not in its canonical form')
  return out
}

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')

export function fromHex(s: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(s)) throw new Error('cannot read hexadecimal digits')
  return Uint8Array.from(s.match(/../g) ?? [], (b) => parseInt(b, 16))
}

/** Random bytes. crypto.getRandomValues exists on plain HTTP too, unlike the rest of WebCrypto. */
export const random = (n: number): Uint8Array => crypto.getRandomValues(new Uint8Array(n))

/** A client id nobody can guess: on Mosquitto, whoever knows a client's id can take its connection over. */
export const newClientID = (): string => 'page-' + toBase64url(random(18))
