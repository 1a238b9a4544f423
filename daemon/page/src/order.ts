// An order: made, signed and sealed so that the gateway alone reads it; and the answers held against it.

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, fromBase64url, random, text, toBase64url, utf8 } from './bytes.ts'
import { canonical, hashOf, signedBytes } from './documents.ts'
import type { Invoice, Product, VerifiedOffer } from './documents.ts'
import { newKey, open, seal } from './hpke.ts'
import { decimal, unitsOf } from './money.ts'

/** What a buyer wants. */
export interface Wish {
  product: string
  periods: number
  /** '' lets the gateway make one up. */
  username: string
}

/** A sealed order and what its maker must keep to use the answer. */
export interface MadeOrder {
  id: string
  sealed: Uint8Array
  hash: string
  replyPrivate: Uint8Array
}

const padTo = 256
const maxSealed = 2048
/** For how long a new order may be on its way, in ms. */
const placeWithin = 10 * 60_000
/** What an amount that serves as reference may exceed the price by, in base units. */
const maxRemainder = 99_999n

/** Makes, signs and seals an order to the first key of a verified offer. now is by this machine's clock, in ms. */
export function makeOrder(wish: Wish, from: VerifiedOffer, buyerSeed: Uint8Array, replyTo: string, now: number): MadeOrder {
  const reply = newKey()
  const id = toBase64url(random(16))
  const order: Record<string, unknown> = {
    v: 1,
    order: id,
    offer_hash: from.hash,
    product: wish.product,
    periods: wish.periods,
    buyer_key: toBase64url(ed25519.getPublicKey(buyerSeed)),
    reply_key: toBase64url(reply.public),
    reply_to: replyTo,
    // By the gateway's clock where it is ahead of ours, so that a wrong clock here does not make a stale order.
    not_after: new Date(Math.max(now, Date.parse(from.offer.ts)) + placeWithin).toISOString(),
  }
  if (wish.username !== '') order.username = wish.username
  const sealed = sealOrder(signOrder(order, buyerSeed), from)
  return { id, sealed, hash: hashOf(sealed), replyPrivate: reply.private }
}

/** The canonical text of an order with its buyer's signature. */
export function signOrder(order: object, buyerSeed: Uint8Array): string {
  const signature = ed25519.sign(signedBytes('order', order, 'buyer_signature'), buyerSeed)
  return canonical({ ...order, buyer_signature: toBase64url(signature) })
}

/** What binds a sealed order to one gateway and one of its keys. */
export function orderInfo(gateway: Uint8Array, kid: Uint8Array): Uint8Array {
  return concat(utf8('wattgate/order/v1'), Uint8Array.of(0), gateway, kid)
}

function sealOrder(plain: string, from: VerifiedOffer): Uint8Array {
  const key = from.offer.keys[0]
  if (!key) throw new Error('cannot seal the order: the offer has no key')
  const recipient = fromBase64url(key.public)
  const kid = sha256(recipient).slice(0, 8)
  const bytes = utf8(plain)
  const padded = new Uint8Array(Math.ceil(bytes.length / padTo) * padTo).fill(0x20)
  padded.set(bytes)
  const sealed = concat(Uint8Array.of(1), kid, seal(recipient, orderInfo(fromBase64url(from.offer.gateway), kid), padded))
  if (sealed.length > maxSealed) throw new Error('cannot seal the order: it is too long')
  return sealed
}

/** Opens the generated password of a receipt. */
export function openPassword(sealed: string, replyPrivate: Uint8Array, orderHash: string): string {
  return text(open(replyPrivate, replyInfo(orderHash), fromBase64url(sealed)))
}

export function replyInfo(orderHash: string): Uint8Array {
  return concat(utf8('wattgate/reply/v1'), Uint8Array.of(0), utf8(orderHash))
}

/** What a number of periods costs, in base units. */
export function cost(product: Product, periods: number): bigint {
  if (!Number.isSafeInteger(periods) || periods < Math.max(1, product.min_periods))
    throw new Error(`at least ${product.min_periods} are sold at once`)
  return unitsOf(product.price) * BigInt(periods)
}

/** What was ordered, as kept beside the sealed order: the offer may change before the invoice is read again. */
export interface Agreed {
  id: string
  hash: string
  network: string
  /** Base units, as a string. */
  cost: string
  decimals: number
  amountIsReference: boolean
}

/** Throws unless the invoice asks for exactly what was ordered. */
export function checkInvoice(invoice: Invoice, agreed: Agreed): void {
  if (invoice.hash !== agreed.hash || invoice.order !== agreed.id) throw new Error('cannot accept the invoice: it is for another order')
  if (invoice.network !== agreed.network || invoice.amount.decimals !== agreed.decimals)
    throw new Error(`cannot accept the invoice: it asks for money on ${invoice.network}, the offer for ${agreed.network}`)
  const want = BigInt(agreed.cost)
  let [least, most] = [want, want]
  switch (invoice.reference_kind ?? 'tag') {
    case 'tag':
      break
    case 'amount':
      if (!agreed.amountIsReference || invoice.reference !== invoice.amount.base)
        throw new Error('cannot accept the invoice: its amount is the reference, but the offer does not say so or they differ')
      ;[least, most] = [want + 1n, want + maxRemainder]
      break
    case 'address':
      if (invoice.reference !== invoice.address)
        throw new Error('cannot accept the invoice: its address is the reference, but they differ')
      break
    default:
      throw new Error('cannot accept the invoice: its kind of reference is unknown here (reload the page)')
  }
  const got = unitsOf(invoice.amount)
  if (got < least || got > most)
    throw new Error(`cannot accept the invoice: it asks for ${invoice.amount.amount}, the offer for ${decimal(want, agreed.decimals)}`)
}

/** Says what is wrong with a user name, or ''. */
export function usernameProblem(name: string): string {
  if (name === '') return ''
  if (!/^[a-z0-9][a-z0-9_-]{2,31}$/.test(name)) return 'Use 3 to 32 of a–z, 0–9, _ and -, beginning with a letter or digit.'
  if (reserved.has(name) || name.startsWith('gw-') || name.startsWith('probe-')) return 'This name is reserved; choose another one.'
  return ''
}

const reserved = new Set(
  ('admin administrator anonymous broker daemon everyone gateway guest mosquitto nobody none null ' +
    'operator owner public root support system wattgate').split(' '),
)
