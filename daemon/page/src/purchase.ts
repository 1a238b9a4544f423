// A purchase from wish to access. Its state is in the book, so any tab can go on where another stopped; what runs here is
// only the asking. Nothing is believed that the gateway did not sign, except a refusal of what nobody can have paid for.

import { fromBase64url, newClientID, toBase64url } from './bytes.ts'
import type { Account, Book, Books, Pending } from './book.ts'
import type { Clock } from './clock.ts'
import type { Courier } from './courier.ts'
import { schemaOf, verify } from './documents.ts'
import type { Invoice, Receipt, VerifiedOffer } from './documents.ts'
import { apiError } from './gateway.ts'
import type { Gateway } from './gateway.ts'
import { Lease, settleMs } from './lease.ts'
import { checkInvoice, cost, makeOrder, openPassword } from './order.ts'
import type { Wish } from './order.ts'
import type { Wallet } from './wallets/wallet.ts'

/** What the buyer is told beside the state in the book. */
export interface News {
  kind: 'refused' | 'problem' | 'offline' | 'ended' | 'unpaid'
  words: string
}

export interface PurchaseEvents {
  /** The book has changed. */
  changed(book: Book): void
  news(news: News | null): void
  /** Access is proven. */
  access(account: Account): void
}

/** How often the state is asked for, in ms: while money or proof may come any moment, and after the time to pay. */
const often = 1_500
const seldom = 15_000

export class Purchases {
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking = false
  #lease: Lease

  constructor(
    readonly books: Books,
    readonly fingerprint: string,
    readonly gateway: Gateway,
    readonly courier: Courier,
    readonly clock: Clock,
    readonly tab: string,
    readonly events: PurchaseEvents,
  ) {
    this.#lease = new Lease(books.store, `wattgate/lease/${fingerprint}`, tab)
  }

  get pending(): Pending | null {
    return this.books.read(this.fingerprint).pending
  }

  /** Goes on with an order that is under way; call it at the start, and whenever another tab has written. */
  resume(): void {
    this.events.changed(this.books.read(this.fingerprint))
    this.#soon(0)
  }

  /** Makes an order and writes it down before anything is sent. One is under way at a time, in whichever tab. */
  order(wish: Wish, from: VerifiedOffer): void {
    const product = from.offer.products.find((p) => p.id === wish.product)
    if (!product) throw new Error('cannot order this: it is not for sale any more')
    const price = cost(product, wish.periods)
    const seed = fromBase64url(this.books.buyer(this.fingerprint))
    const replyTo = newClientID()
    const made = makeOrder(wish, from, seed, replyTo, this.clock.now())
    const order: Pending = {
      agreed: {
        id: made.id, hash: made.hash, network: from.offer.network, cost: price.toString(), decimals: product.price.decimals,
        amountIsReference: from.offer.reference_kind === 'amount',
      },
      product: product.id, periods: wish.periods, periodS: product.period_s, username: wish.username,
      sealed: toBase64url(made.sealed), replyPrivate: toBase64url(made.replyPrivate), replyTo,
      made: Date.now(), phase: 'sending', invoice: '', paying: '', paid: 0,
    }
    this.events.news(null)
    const book = this.books.change(this.fingerprint, (b) => (b.pending ??= order)) // another tab's order is not lost
    this.events.changed(book)
    this.#soon(0)
  }

  /** Forgets the order under way. The buyer decides that: what he paid late he can still claim or have assigned. */
  abandon(): void {
    this.courier.rest()
    this.events.news(null)
    this.events.changed(this.books.change(this.fingerprint, (b) => (b.pending = null)))
  }

  /** Has a wallet pay, once whatever happens: the mark is set first, and of two tabs one wins. */
  async pay(wallet: Wallet): Promise<void> {
    const hash = this.pending?.agreed.hash ?? ''
    const mine = `${this.tab} ${Math.random()}`
    const marked = this.#mark(hash, (p) => {
      if (p.paying === '') p.paying = mine
    })
    if (marked?.paying !== mine) return
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const now = this.pending
    if (now?.paying !== mine) return
    const invoice = verify<Invoice>('invoice', now.invoice, this.fingerprint)
    if (invoice.state !== 'open' || Date.parse(invoice.expires) <= this.clock.now()) return this.payAgain()
    this.#mark(hash, (p) => (p.paid = Date.now()))
    try {
      const paid = await wallet.pay(invoice)
      if ('refused' in paid) {
        this.payAgain() // for certain not paid
        this.events.news({ kind: 'problem', words: `Not paid: ${sentence(paid.refused)}` })
      }
    } catch {
      this.events.news({ kind: 'offline', words: 'The connection broke while paying. Waiting to see whether the money arrives.' })
    }
    this.#soon(0)
  }

  /** Takes the mark of pay away: nothing was paid. */
  payAgain(): void {
    const hash = this.pending?.agreed.hash ?? ''
    this.#mark(hash, (p) => Object.assign(p, { paying: '', paid: 0 }))
  }

  #mark(hash: string, change: (p: Pending) => void): Pending | null {
    const book = this.books.change(this.fingerprint, (b) => {
      if (b.pending?.agreed.hash === hash) change(b.pending)
    })
    this.events.changed(book)
    return book.pending
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#turn(), ms)
  }

  async #turn(): Promise<void> {
    const order = this.pending
    if (!order) return this.#lease.release()
    if (this.#asking) return
    if (!this.#lease.hold(Date.now())) return this.#soon(often) // another tab asks; it may close
    this.#asking = true
    try {
      const answer = await this.courier.ask(order)
      if (answer !== null && this.pending?.agreed.hash === order.agreed.hash) this.#take(order, answer)
    } catch {
      this.events.news({ kind: 'offline', words: 'The gateway does not answer. The order is kept; asking again.' })
    } finally {
      this.#asking = false
    }
    const now = this.pending
    if (now) this.#soon(now.phase === 'lapsed' ? seldom : often)
    else this.#lease.release()
  }

  /** Acts on one answer. */
  #take(order: Pending, raw: string): void {
    try {
      const refusal = apiError({ status: 0, body: raw, date: null })
      if (refusal) return this.#refused(order, refusal)
      const schema = schemaOf(raw)
      if (schema === 'wattgate/invoice/v1') this.#invoice(order, raw)
      else if (schema === 'wattgate/receipt/v1') this.#receipt(order, raw)
      else return // anybody may try to confuse us; what is not signed does not count
      if (this.pending) this.events.news(null)
    } catch (err) {
      this.events.news({ kind: 'problem', words: `${sentence(err)} Do not pay.` })
    }
  }

  /** A refusal is not signed, so it is never believed about an order that may have been paid for. */
  #refused(order: Pending, refusal: { code: string; message: string; fix: string }): void {
    if (order.invoice !== '') return
    this.courier.rest()
    this.events.changed(this.books.change(this.fingerprint, (b) => (b.pending = null)))
    this.events.news({ kind: 'refused', words: `${sentence(refusal.message)} ${sentence(refusal.fix)}`.trim() })
  }

  #invoice(order: Pending, raw: string): void {
    const invoice = verify<Invoice>('invoice', raw, this.fingerprint)
    if (invoice.hash !== order.agreed.hash) return // about another order
    checkInvoice(invoice, order.agreed)
    if (invoice.state === order.phase && raw === order.invoice) return
    this.#mark(order.agreed.hash, (p) => Object.assign(p, { phase: invoice.state, invoice: raw }))
  }

  #receipt(order: Pending, raw: string): void {
    const receipt = verify<Receipt>('receipt', raw, this.fingerprint)
    if (receipt.hash !== order.agreed.hash) return
    if (receipt.state === 'settled') {
      if (order.phase !== 'settled') this.#mark(order.agreed.hash, (p) => (p.phase = 'settled'))
      return
    }
    const opened = receipt.sealed_password ? openPassword(receipt.sealed_password, fromBase64url(order.replyPrivate), order.agreed.hash) : ''
    let account: Account | undefined
    const book = this.books.change(this.fingerprint, (b) => {
      const password = opened || (b.accounts[receipt.username]?.password ?? '')
      account = { username: receipt.username, password, end: Date.parse(receipt.end ?? '') || 0, topics: receipt.topics }
      b.accounts[receipt.username] = account
      b.last = receipt.username
      b.pending = null
    })
    this.courier.rest()
    this.events.changed(book)
    if (receipt.state === 'active') this.events.access(account!)
    else this.events.news({ kind: 'ended', words: 'What this order bought is over.' })
  }
}

function sentence(err: unknown): string {
  const words = err instanceof Error ? err.message : String(err)
  if (words === '') return ''
  return words[0]!.toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.')
}
