// A gateway inside the browser, for the page without an installation and for tests: broker, HTTP API and plugs.

import type { Connection, ConnectionEvents, ConnectOptions, Gateway, Reply } from '../src/gateway.ts'
import { FakeBooks, Refusal } from './books.ts'
import type { Safe, Terms } from './books.ts'
import { power } from './power.ts'

export interface Options {
  terms?: Partial<Terms>
  level?: 'private' | 'average' | 'live'
  safe?: Safe
  /** How long the network takes, in ms. */
  latency?: number
  /** Faults that tests switch on. */
  faults?: Faults
}

export interface Faults {
  /** Every request fails, every connection breaks. */
  offline: boolean
  /** HTTP answers with another web server's page. */
  noAPI: boolean
  /** Payments are taken, but the answer is lost. */
  loseAnswerOfPay: boolean
  /** Payments are neither taken nor answered. */
  losePay: boolean
  /** The plugs are silent. */
  mute: boolean
}

export const noFaults = (): Faults => ({ offline: false, noAPI: false, loseAnswerOfPay: false, losePay: false, mute: false })

const html: Reply = { status: 404, body: '<!doctype html><title>404</title>', date: null }

interface Client {
  topics: string[]
  username: string
  events: ConnectionEvents
  id: string
}

export class FakeGateway implements Gateway {
  readonly simulated = true
  readonly books: FakeBooks
  readonly faults: Faults
  /** What was asked for, for tests. */
  readonly asked: string[] = []
  #clients = new Set<Client>()
  #level: 'private' | 'average' | 'live'
  #latency: number
  #seq = 0
  #timer: ReturnType<typeof setInterval>

  constructor(o: Options = {}) {
    const terms: Terms = { price: 500n, periodS: 3600, minPeriods: 1, proofMs: 600, endpoints: {}, ...o.terms }
    this.books = new FakeBooks(terms, o.safe ?? { load: () => null, save: () => {} })
    this.faults = o.faults ?? noFaults()
    this.#level = o.level ?? 'live'
    this.#latency = o.latency ?? 40
    this.#timer = setInterval(() => this.#slot(Math.round(Date.now() / 500) * 500), 500)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async http(method: 'GET' | 'POST', path: string, body?: Uint8Array | string): Promise<Reply> {
    this.asked.push(`${method} ${path}`)
    await new Promise((resolve) => setTimeout(resolve, this.#latency))
    if (this.faults.offline) throw new TypeError('offline')
    if (this.faults.noAPI) return html
    try {
      return { status: 200, body: this.#answer(method, path, body), date: Math.floor(Date.now() / 1000) * 1000 }
    } catch (err) {
      if (!(err instanceof Refusal)) throw err
      const error = { code: err.code, message: err.message, fix: err.fix }
      return { status: err.code.startsWith('not-') ? 404 : 400, body: JSON.stringify({ error }), date: null }
    }
  }

  #answer(method: string, path: string, body?: Uint8Array | string): string {
    const now = Date.now()
    if (path.startsWith('api/v1/average')) {
      if (this.#level === 'private') throw new Refusal('private', 'the owner of this gateway publishes nothing', '')
      return JSON.stringify(averages(Number(/since=(\d+)/.exec(path)?.[1] ?? 0)))
    }
    if (path === 'api/v1/offer') {
      if (this.#level !== 'live') throw new Refusal('not-selling', 'this gateway sells nothing at the moment', '')
      return this.books.offer()
    }
    if (method === 'POST' && path === 'api/v1/orders' && body instanceof Uint8Array) return this.books.place(body, now)
    const hash = /^api\/v1\/orders\/([0-9a-f]{64})$/.exec(path)?.[1]
    if (hash) return this.books.state(hash, now)
    if (path === 'api/v1/sandbox/pay' && typeof body === 'string') return this.#pay(body, now)
    throw new Refusal('not-found', 'there is nothing at this address', '')
  }

  #pay(body: string, now: number): string {
    if (this.faults.losePay) throw new TypeError('lost')
    const { amount, reference } = JSON.parse(body) as { amount: string; reference: string }
    this.books.pay(BigInt(amount), reference, now)
    if (this.faults.loseAnswerOfPay) throw new TypeError('lost')
    return JSON.stringify({ id: `play-${now}` })
  }

  connect(o: ConnectOptions, events: ConnectionEvents): Connection {
    const client: Client = { topics: [], username: o.username ?? '', events, id: o.clientId }
    let over = false
    setTimeout(() => {
      if (over) return
      if (this.faults.offline) return events.closed('unreachable')
      if (client.username && !this.#may(client.username, o.password)) return events.closed('refused')
      this.#clients.add(client)
      events.open()
    }, this.#latency)
    return {
      subscribe: (topics) => {
        client.topics.push(...topics)
        for (const [topic, payload] of this.#retained(client)) if (matches(topics, topic)) events.message(topic, payload, true)
      },
      publish: async (topic, payload) => {
        if (topic === 'wattgate/orders') this.#orderByMQTT(client, payload)
      },
      end: () => {
        over = true
        this.#clients.delete(client)
      },
    }
  }

  /** Breaks every connection, as a broker that restarts does. */
  drop(): void {
    for (const c of [...this.#clients]) {
      this.#clients.delete(c)
      c.events.closed('lost')
    }
  }

  /** Sends slots from now into the future, as fast as they are taken; for measuring. */
  replay(slots: number): void {
    const from = Math.max(this.#last, Math.round(Date.now() / 500) * 500)
    for (let i = 1; i <= slots; i++) this.#slot(from + i * 500)
  }

  #last = 0

  #may(username: string, password?: string): boolean {
    const grant = this.books.grant(username)
    return grant !== undefined && grant.end > Date.now() && (password === undefined || grant.password === password)
  }

  #orderByMQTT(client: Client, sealed: Uint8Array): void {
    let answer: string
    try {
      answer = this.books.place(sealed, Date.now())
    } catch (err) {
      const r = err as Refusal
      answer = JSON.stringify({ error: { code: r.code, message: r.message, fix: r.fix } })
    }
    const topic = `wattgate/replies/${client.id}`
    if (matches(client.topics, topic)) setTimeout(() => client.events.message(topic, answer, false), this.#latency)
  }

  #retained(c: Client): [string, string][] {
    const state = this.#level === 'private' ? 'private' : 'serving'
    const out: [string, string][] = [
      ['wattgate/availability', 'online'],
      ['wattgate/status', JSON.stringify({ v: 1, state, reason: null, since: new Date().toISOString(), version: '0.1.0' })],
    ]
    if (this.#level === 'live') out.push(['wattgate/offer', this.books.offer()])
    const last = averages(Date.now() / 1000 - 121).at(-1)
    if (this.#level !== 'private' && last) out.push(['sensor/1m', JSON.stringify(last)], ['sensor/1m/w', String(last.power_w)])
    const grant = this.books.grant(c.username)
    if (grant) out.push([`wattgate/grants/${c.username}`, JSON.stringify({ v: 1, username: c.username, state: 'active', end: new Date(grant.end).toISOString() })])
    return out
  }

  /** One slot of the 2 Hz grid, to those who may read it. */
  #slot(at: number): void {
    this.#seq++
    this.#last = at
    if (this.faults.offline) this.drop()
    const w = power(at / 1000)
    const live = JSON.stringify({ ts: new Date(at).toISOString(), run: 'demo0001', seq: this.#seq, power_w: w === null ? null : Math.round(w * 1000) / 1000, energy_wh: Math.round(at / 60_000 - 29e6) / 10, age_ms: w === null ? null : 120 + ((at / 500) % 4) * 60, plugs: w === null ? 0 : 3, of: 3 })
    for (const c of [...this.#clients]) {
      if (c.username === '') continue
      if (!this.#may(c.username)) {
        this.#clients.delete(c)
        c.events.closed('lost')
      } else if (!this.faults.mute && matches(c.topics, 'sensor/live')) {
        c.events.message('sensor/live', live, false)
        if (w !== null) c.events.message('sensor/live/w', w.toFixed(1), false)
      }
    }
    if (at % 60_000 === 0 && this.#level !== 'private') this.#minute()
  }

  #minute(): void {
    const last = averages(Date.now() / 1000 - 90).at(-1)
    if (!last) return
    for (const c of this.#clients) if (matches(c.topics, 'sensor/1m')) c.events.message('sensor/1m', JSON.stringify(last), false)
  }
}

/** The averages of the last 24 hours, after a time in seconds since 1970. */
function averages(since: number): { ts: string; window_s: number; power_w: number | null; energy_wh: number; coverage: number; simulated: true }[] {
  const end = Math.floor(Date.now() / 60_000) * 60
  const out = []
  let used = 0
  for (let t = end - 86_400; t <= end; t += 60) {
    const known = [5, 15, 25, 35, 45, 55].map((s) => power(t - s)).filter((w) => w !== null)
    const mean = known.length > 3 ? known.reduce((a, b) => a + b, 0) / known.length : null
    used += (mean ?? 0) / 60
    if (t <= since) continue
    out.push({ ts: new Date(t * 1000).toISOString(), window_s: 60, power_w: mean === null ? null : Math.round(mean * 100) / 100, energy_wh: Math.round((1200 + used) * 100) / 100, coverage: known.length / 6, simulated: true as const })
  }
  return out
}

const matches = (filters: string[], topic: string): boolean => filters.some((f) => f === topic || (f.endsWith('/#') && topic.startsWith(f.slice(0, -1))))
