// The fake gateway's books: it signs offers, opens sealed orders, takes play money and grants access, as the real one does.

import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromBase64url, fromHex, random, text, toBase64url, toHex, utf8 } from '../src/bytes.ts'
import { canonical, fingerprintOf, hashOf, signedBytes } from '../src/documents.ts'
import type { Kind } from '../src/documents.ts'
import { open, seal } from '../src/hpke.ts'
import { decimal } from '../src/money.ts'
import type { Money } from '../src/money.ts'
import { orderInfo, replyInfo } from '../src/order.ts'

export interface Terms {
  /** Base units for one period. */
  price: bigint
  periodS: number
  minPeriods: number
  endpoints: Record<string, string>
  /** From payment to proof, in ms. */
  proofMs: number
}

interface Row {
  order: { order: string; product: string; periods: number; username?: string; reply_key: string }
  amount: string
  paid: string
  expires: number
  username: string
  sealedPassword: string
  settled: number
}

export interface Grant {
  password: string
  end: number
}

interface State {
  orders: Record<string, Row>
  grants: Record<string, Grant>
}

/** What is kept over a reload. */
export interface Safe {
  load(): string | null
  save(state: string): void
}

const stamp = (ms: number): string => new Date(ms).toISOString()
const decimals = 6
const money = (base: bigint): Money => ({ amount: decimal(base, decimals), base: base.toString(), decimals })

/** Keys of nobody: whoever reads this can sign as the demonstration. */
const gatewaySeed = sha256(utf8('wattgate demonstration, gateway'))
const sealPrivate = sha256(utf8('wattgate demonstration, seal'))

export class Refusal extends Error {
  constructor(readonly code: string, message: string, readonly fix: string) {
    super(message)
  }
}

export class FakeBooks {
  readonly gateway = ed25519.getPublicKey(gatewaySeed)
  readonly fingerprint = fingerprintOf(this.gateway)
  readonly address = `play-money-${this.fingerprint.slice(0, 16)}`
  #seal = x25519.getPublicKey(sealPrivate)
  #kid = sha256(this.#seal).slice(0, 8)
  #state: State
  #offered = Math.floor(Date.now() / 60_000) * 60_000

  constructor(readonly terms: Terms, readonly safe: Safe) {
    this.#state = JSON.parse(safe.load() ?? '{"orders":{},"grants":{}}') as State
  }

  offer(): string {
    return this.#sign('offer', {
      network: 'sandbox', address: this.address, endpoints: this.terms.endpoints, fee: money(0n), ts: stamp(this.#offered),
      products: [{
        id: 'live', topics: ['sensor/live', 'sensor/live/w'], price: money(this.terms.price), period_s: this.terms.periodS,
        min_periods: this.terms.minPeriods, rate_hz: 2, meter_refresh_ms: 2000,
      }],
      keys: [{ kid: toHex(this.#kid), public: toBase64url(this.#seal), not_after: stamp(this.#offered + 60 * 86_400_000) }],
      terms: 'Play money: this offer costs nothing and its network does not exist. Access to the live topics from the moment it is proven for the time paid.',
    })
  }

  /** Takes a sealed order, new or known, and answers with its state. */
  place(sealed: Uint8Array, now: number): string {
    const hash = hashOf(sealed)
    if (!this.#state.orders[hash]) {
      const order = this.#unseal(sealed)
      if (order.username && this.#state.grants[order.username]?.end === 0) throw new Refusal('username-taken', 'cannot use this user name: it belongs to somebody else', 'choose another one')
      this.#state.orders[hash] = {
        order, amount: (this.terms.price * BigInt(order.periods)).toString(), paid: '0', expires: now + 30 * 60_000,
        username: order.username ?? `u-${toHex(random(5))}`, sealedPassword: '', settled: 0,
      }
      this.#save()
    }
    return this.state(hash, now)
  }

  #unseal(sealed: Uint8Array): Row['order'] {
    try {
      const order = JSON.parse(text(open(sealPrivate, orderInfo(this.gateway, this.#kid), sealed.slice(9)))) as Row['order'] & Record<string, string>
      const signature = fromBase64url(order.buyer_signature!)
      if (ed25519.verify(signature, signedBytes('order', order, 'buyer_signature'), fromBase64url(order.buyer_key!))) return order
    } catch {
      // refused below
    }
    throw new Refusal('unreadable', 'cannot read the sealed order', 'seal it to a key of the present offer')
  }

  /** The signed invoice or receipt of an order. */
  state(hash: string, now: number): string {
    const row = this.#state.orders[hash]
    if (!row) throw new Refusal('not-found', 'cannot find this order', 'send it again')
    if (row.settled > 0) return this.#receipt(hash, row, now)
    return this.#sign('invoice', {
      order: row.order.order, hash, network: 'sandbox', address: this.address, amount: money(BigInt(row.amount)), paid: money(BigInt(row.paid)),
      reference: this.#reference(hash), reference_kind: 'tag', expires: stamp(row.expires),
      state: now > row.expires ? 'lapsed' : BigInt(row.paid) > 0n ? 'part-paid' : 'open',
    })
  }

  #receipt(hash: string, row: Row, now: number): string {
    const grant = this.#state.grants[row.username]!
    const state = now < row.settled + this.terms.proofMs ? 'settled' : now < grant.end ? 'active' : 'ended'
    return this.#sign('receipt', {
      order: row.order.order, hash, state, username: row.username, seconds: Number((BigInt(row.paid) * BigInt(this.terms.periodS)) / this.terms.price),
      start: stamp(row.settled), end: stamp(grant.end), topics: ['sensor/live', 'sensor/live/w'], paid: money(BigInt(row.paid)),
      ...(row.sealedPassword ? { sealed_password: row.sealedPassword } : {}),
    })
  }

  /** Credits play money by its reference. */
  pay(amount: bigint, reference: string, now: number): void {
    const found = Object.entries(this.#state.orders).find(([hash]) => this.#reference(hash) === reference)
    if (!found) throw new Refusal('not-paid', 'nobody waits for this reference', 'check the reference')
    const [hash, row] = found
    const before = BigInt(row.paid)
    row.paid = (before + amount).toString()
    if (BigInt(row.paid) >= BigInt(row.amount)) this.#credit(hash, row, row.settled > 0 ? amount : before + amount, now)
    this.#save()
  }

  #credit(hash: string, row: Row, amount: bigint, now: number): void {
    const ms = Number((amount * BigInt(this.terms.periodS) * 1000n) / this.terms.price)
    const known = this.#state.grants[row.username]
    if (!known) {
      const password = toHex(random(13))
      this.#state.grants[row.username] = { password, end: now + ms }
      const box = seal(fromBase64url(row.order.reply_key), replyInfo(hash), utf8(password))
      row.sealedPassword = toBase64url(box)
    } else known.end = Math.max(known.end, now) + ms
    row.settled ||= now
  }

  grant(username: string): Grant | undefined {
    return this.#state.grants[username]
  }

  #reference(hash: string): string {
    return `wg-${toHex(sha256(fromHex(hash)).slice(0, 8))}`
  }

  #sign(kind: Kind, doc: object): string {
    const whole = { v: 1, schema: `wattgate/${kind}/v1`, gateway: toBase64url(this.gateway), ...doc }
    return canonical({ ...whole, signature: toBase64url(ed25519.sign(signedBytes(kind, whole, 'signature'), gatewaySeed)) })
  }

  #save(): void {
    this.safe.save(JSON.stringify(this.#state))
  }
}
