// What the page knows, in one place: fed by HTTP and MQTT, watched by the views.

import { Averages, minuteOf } from './averages.ts'
import { Books, currentAccount, openStore } from './book.ts'
import type { Account, Book } from './book.ts'
import { random, toHex } from './bytes.ts'
import { Clock } from './clock.ts'
import { AnyCourier } from './courier.ts'
import { verifyOffer } from './documents.ts'
import type { VerifiedOffer } from './documents.ts'
import { apiError } from './gateway.ts'
import type { Gateway } from './gateway.ts'
import { Link } from './link.ts'
import { Purchases } from './purchase.ts'
import type { News } from './purchase.ts'
import { Ring } from './ring.ts'
import { slotOf } from './series.ts'
import { Signal } from './signal.ts'
import { Topics } from './topics.ts'

export interface Status {
  state: 'serving' | 'private' | 'degraded' | 'withheld' | 'unknown'
  reason: string
  version: string
}

/** Why there is no offer to order from; '' if there is one. */
export type NoOffer = '' | 'unread' | 'none' | 'untrusted'

/** Eight hours of live readings. */
const slots = 57_600
/** The end of an account whose end is not known: the last time a Date can hold. */
const endless = 8.64e15
/** What the broker keeps comes at once after connecting; what has not come after this, in ms, is not there. */
const retainedWithin = 3_000
/** Without a message for this long, in ms, a live connection is taken for dead. */
const silence = 12_000

export class App {
  readonly clock = new Clock()
  readonly averages = new Averages()
  readonly topics = new Topics()
  readonly ring = new Ring(slots)
  readonly books: Books
  readonly lasting: boolean
  readonly link: Link

  readonly offer = new Signal<VerifiedOffer | null>(null)
  readonly noOffer = new Signal<NoOffer>('unread')
  /** The offer that was not trusted, in words. */
  offerTrouble = ''
  readonly status = new Signal<Status>({ state: 'unknown', reason: '', version: '' })
  readonly available = new Signal<boolean | null>(null)
  /** null: not asked yet. */
  readonly curve = new Signal<'there' | 'private' | 'no-api' | null>(null)
  readonly book = new Signal<Book | null>(null)
  readonly news = new Signal<News | null>(null)
  readonly account = new Signal<Account | null>(null)
  /** Counts what came, for views that draw; value is the time of the last, ms. */
  readonly lastLive = new Signal<number>(0)
  readonly lastMinute = new Signal<number>(0)
  purchases: Purchases | null = null

  #address = new URL('.', document.baseURI).href
  #tab = toHex(random(8))

  constructor(readonly gateway: Gateway) {
    const { store, lasting } = openStore()
    this.books = new Books(store)
    this.lasting = lasting
    this.link = new Link(gateway)
  }

  get fingerprint(): string {
    return this.books.known(this.#address)
  }

  start(): void {
    this.link.message = (topic, payload, retained) => this.#message(topic, payload, retained)
    this.link.refused = (username) => this.#refused(username)
    this.link.state.watch((s) => {
      if (s.phase === 'open' && this.curve.value !== null) void this.readAverages() // fill what was missed
      if (s.phase === 'open') setTimeout(() => this.noOffer.value === 'unread' && this.noOffer.set('none'), retainedWithin)
    })
    if (this.fingerprint !== '') this.#open(this.fingerprint)
    else this.#choose(this.books.read(this.#bookID))
    void this.readAverages()
    void this.readOffer()
    setInterval(() => this.#tick(), 1_000)
    this.link.start()
  }

  async readAverages(): Promise<void> {
    try {
      const since = this.averages.last ? `?since=${Math.floor(this.averages.last.at / 1000)}` : ''
      const reply = await this.gateway.http('GET', `api/v1/average${since}`)
      if (reply.date !== null) this.clock.hear(reply.date + 500)
      if (reply.status === 200) {
        const rows = (JSON.parse(reply.body) as unknown[]).map(minuteOf).filter((m) => m !== null)
        this.averages.add(rows)
        this.curve.set('there')
        this.lastMinute.set(this.averages.last?.at ?? 0)
      } else this.curve.set(apiError(reply)?.code === 'private' ? 'private' : 'no-api')
    } catch {
      if (this.curve.value === null) this.curve.set('no-api')
    }
  }

  async readOffer(): Promise<void> {
    try {
      const reply = await this.gateway.http('GET', 'api/v1/offer')
      if (reply.status === 200) this.#offer(reply.body)
      else if (apiError(reply) && this.offer.value === null) this.noOffer.set('none')
    } catch {
      // MQTT may bring it
    }
  }

  /** Credentials that the visitor has from elsewhere. When they end, the broker says. */
  signIn(username: string, password: string): void {
    this.news.set(null)
    this.#keep((b) => (b.accounts[username] = { username, password, end: endless, topics: [], typed: true }))
  }

  /** Forgets an account in this browser. */
  forget(username: string): void {
    this.#keep((b) => {
      delete b.accounts[username]
      if (b.last === username) b.last = ''
    })
  }

  #keep(change: (b: Book) => void): void {
    const book = this.books.change(this.#bookID, change)
    this.book.set(book)
    this.#choose(book)
  }

  /** A gateway that sells nothing does not say who it is; its book is then kept under its address. */
  get #bookID(): string {
    return this.fingerprint || `at ${this.#address}`
  }

  /** The visitor says that another gateway at this address is right. */
  trustAnother(fingerprint: string): void {
    this.books.remember(this.#address, fingerprint)
    location.reload()
  }

  /** The fingerprint of an offer that was refused because another gateway answered before. */
  stranger = ''

  #offer(raw: string): void {
    if (raw === '') {
      this.offer.set(null)
      this.noOffer.set('none')
      return this.topics.offer([])
    }
    try {
      const pinned = this.fingerprint
      const got = verifyOffer(raw, pinned || undefined)
      if (pinned === '') {
        const { accounts } = this.books.read(this.#bookID)
        this.books.remember(this.#address, got.fingerprint)
        this.books.change(got.fingerprint, (b) => (b.accounts = { ...accounts, ...b.accounts }))
        this.#open(got.fingerprint)
      }
      if (this.offer.value && Date.parse(got.offer.ts) < Date.parse(this.offer.value.offer.ts)) return
      this.topics.offer(got.offer.products.flatMap((p) => p.topics))
      this.noOffer.set(got.offer.products.length > 0 ? '' : 'none')
      if (this.offer.value?.hash !== got.hash) this.offer.set(got)
    } catch (err) {
      this.stranger = strangerIn(raw, this.fingerprint)
      this.offerTrouble = err instanceof Error ? err.message : String(err)
      if (this.offer.value === null) this.noOffer.set('untrusted')
    }
  }

  /** Opens the book of the gateway at this address. */
  #open(fingerprint: string): void {
    const changed = (book: Book): void => {
      this.book.set(book)
      this.#choose(book)
    }
    this.purchases = new Purchases(this.books, fingerprint, this.gateway, new AnyCourier(this.gateway), this.clock, this.#tab, {
      changed,
      news: (n) => this.news.set(n),
      access: () => {},
    })
    this.books.onOther(fingerprint, () => this.purchases?.resume())
    this.purchases.resume()
  }

  /** Connects with the best account there is. */
  #choose(book: Book): void {
    const account = currentAccount(book, this.clock.now())
    const before = this.account.value
    if (account?.username !== before?.username || account?.end !== before?.end) this.account.set(account)
    this.link.use(account && { username: account.username, password: account.password })
    if (before && !account) this.topics.lock()
    if (before && !account && book.accounts[before.username]) {
      this.news.set({ kind: 'ended', words: 'Your access is over. What you recorded stays here until you leave the page.' })
    }
  }

  #refused(username: string): void {
    const account = this.account.value
    if (account?.username === username && account.typed) {
      this.forget(username)
      this.news.set({ kind: 'problem', words: `The broker does not know ${username} with this password, or the access is over.` })
    } else if (account?.username === username && account.end > this.clock.now() + 5_000)
      this.news.set({ kind: 'problem', words: 'The broker refused the user name and password just now; trying again in 15 seconds.' })
  }

  /** A grant's own topic: renewed elsewhere, or ended before its time. */
  #grant(username: string, payload: string): void {
    let end = 0
    try {
      if (payload !== '') end = Date.parse((JSON.parse(payload) as { end: string }).end) || endless
    } catch {
      return
    }
    const known = this.books.read(this.#bookID).accounts[username]
    if (!known || (known.end === end && !known.typed)) return
    this.#keep((b) => {
      b.accounts[username] = { ...known, typed: false, end: payload === '' ? Math.min(known.end, this.clock.now()) : end }
    })
  }

  #tick(): void {
    const book = this.book.value
    if (book) this.#choose(book)
    const now = Date.now()
    const { phase, as } = this.link.state.value
    if (phase === 'open' && as !== '' && this.lastLive.value > 0 && !document.hidden && now - this.#heard > silence) {
      this.#heard = now
      this.link.renew()
    }
  }

  #heard = Date.now()

  #message(topic: string, payload: string, retained: boolean): void {
    const now = Date.now()
    this.#heard = now
    if (!topic.startsWith('wattgate/grants/')) this.topics.message(topic, payload, retained, now)
    if (topic === 'sensor/live') this.#live(payload, now)
    else if (topic === 'sensor/1m') this.#minute(payload)
    else if (topic === 'wattgate/offer') this.#offer(payload)
    else if (topic === 'wattgate/status') this.#status(payload)
    else if (topic === 'wattgate/availability') this.available.set(payload === 'online')
    else if (topic.startsWith('wattgate/grants/')) this.#grant(topic.slice('wattgate/grants/'.length), payload)
  }

  #live(payload: string, now: number): void {
    const slot = slotOf(payload)
    if (!slot) return
    this.clock.hear(slot.t * 1000, now)
    if (this.ring.size > 0 && slot.t <= this.ring.time(this.ring.size - 1)) return
    this.ring.push(slot)
    this.lastLive.set(now)
  }

  #minute(payload: string): void {
    try {
      const m = minuteOf(JSON.parse(payload))
      if (m && this.averages.add([m])) this.lastMinute.set(m.at)
    } catch {
      // not a reading
    }
  }

  #status(payload: string): void {
    try {
      const s = JSON.parse(payload) as Record<string, unknown>
      const known = ['serving', 'private', 'degraded', 'withheld'].includes(String(s.state))
      const state = known ? (s.state as Status['state']) : 'unknown'
      const before = this.status.value.state
      this.status.set({ state, reason: String(s.reason ?? ''), version: String(s.version ?? '') })
      if (state === 'private') {
        this.averages.clear()
        this.curve.set('private')
        this.lastMinute.set(0)
      } else if (before === 'private') void this.readAverages().then(() => this.readOffer())
    } catch {
      // not a status
    }
  }
}

function strangerIn(raw: string, pinned: string): string {
  try {
    const claimed = verifyOffer(raw).fingerprint
    return claimed === pinned ? '' : claimed
  } catch {
    return ''
  }
}
