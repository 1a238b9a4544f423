// What a gateway signs: offers, invoices, receipts. A document counts only when the pinned gateway signed it.

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, fromBase64url, toHex, utf8 } from './bytes.ts'
import type { Money } from './money.ts'

export type Kind = 'offer' | 'invoice' | 'receipt' | 'order'

interface Signed {
  v: 1
  schema: string
  /** The gateway's Ed25519 key, base64url. */
  gateway: string
  signature: string
}

export interface Product {
  id: string
  topics: string[]
  price: Money
  period_s: number
  min_periods: number
  rate_hz: number
  meter_refresh_ms: number
}

export interface Endpoints {
  mqtt?: string
  mqtts?: string
  http?: string
  https?: string
  /** Lower-case hex SHA-256 of the certificate that TLS endpoints show. */
  tls_sha256?: string
}

export type ReferenceKind = 'tag' | 'amount' | 'address'

export interface Offer extends Signed {
  network: string
  address: string
  products: Product[]
  keys: { kid: string; public: string; not_after: string }[]
  endpoints: Endpoints
  fee: Money
  reference_kind?: ReferenceKind
  terms: string
  ts: string
}

export interface Invoice extends Signed {
  order: string
  hash: string
  network: string
  address: string
  amount: Money
  reference_kind?: ReferenceKind
  reference: string
  expires: string
  state: 'open' | 'part-paid' | 'lapsed'
  paid: Money
}

export interface Receipt extends Signed {
  order: string
  hash: string
  state: 'settled' | 'active' | 'ended'
  username: string
  sealed_password?: string
  seconds: number
  start?: string
  end?: string
  topics: string[]
  paid: Money
}

/** A verified offer and what an order calls it. */
export interface VerifiedOffer {
  offer: Offer
  /** Lower-case hex SHA-256 of the canonical offer with its signature. */
  hash: string
  /** The gateway's fingerprint: what buyers pin. */
  fingerprint: string
}

const maxDocument = 32 << 10

/** RFC 8785. Documents hold no numbers but integers, so ECMAScript's own number and string forms are the canonical ones. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)))
    throw new Error('cannot read document: a number in it is not an integer from 0 to 2^53-1')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).filter(([, v]) => v !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
}

/** What is signed: the kind, and the canonical object without the member that holds the signature. */
export function signedBytes(kind: Kind, object: object, member: string): Uint8Array {
  const bare: Record<string, unknown> = { ...object }
  delete bare[member]
  return concat(utf8(`wattgate/${kind}/v1\n`), utf8(canonical(bare)))
}

export const fingerprintOf = (key: Uint8Array): string => toHex(sha256(key))

export const hashOf = (bytes: Uint8Array): string => toHex(sha256(bytes))

/**
 * Reads a document of the gateway with this fingerprint. What is verified is the parsed object itself, in canonical form,
 * so no other reading of the same bytes can slip through.
 */
export function verify<T extends Signed>(kind: Kind, raw: string, fingerprint: string): T {
  const doc = parse(raw)
  if (doc.v !== 1 || doc.schema !== `wattgate/${kind}/v1`)
    throw new Error(`cannot read this ${kind}: it is of another version (reload the page)`)
  const key = fromBase64url(String(doc.gateway))
  if (key.length !== 32 || fingerprintOf(key) !== fingerprint)
    throw new Error(`cannot trust this ${kind}: it is not from the gateway with fingerprint ${fingerprint}`)
  const signature = fromBase64url(String(doc.signature))
  if (signature.length !== 64 || !ed25519.verify(signature, signedBytes(kind, doc, 'signature'), key))
    throw new Error(`cannot trust this ${kind}: its signature is wrong`)
  return doc as T
}

/** Reads an offer; without a fingerprint, whoever signed it is trusted: first contact. */
export function verifyOffer(raw: string, fingerprint?: string): VerifiedOffer {
  const pin = fingerprint ?? signer(raw)
  const offer = verify<Offer>('offer', raw, pin)
  return { offer, hash: hashOf(utf8(canonical(offer))), fingerprint: pin }
}

/** The fingerprint of the key a document claims to be signed with. It proves nothing before verify. */
export function signer(raw: string): string {
  return fingerprintOf(fromBase64url(String(parse(raw).gateway)))
}

/** The schema a document claims, or '' for anything else. */
export function schemaOf(raw: string): string {
  try {
    return String(parse(raw).schema)
  } catch {
    return ''
  }
}

function parse(raw: string): Signed & Record<string, unknown> {
  if (raw.length > maxDocument) throw new Error(`cannot read document: it exceeds ${maxDocument} bytes`)
  const doc: unknown = JSON.parse(raw)
  if (doc === null || typeof doc !== 'object' || Array.isArray(doc)) throw new Error('cannot read document: it is not an object')
  return doc as Signed & Record<string, unknown>
}
