// Laws of buying, against the simulated gateway: nothing is lost, nothing is paid twice, nothing unsigned is believed.

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { FakeGateway, noFaults } from '../demo/gateway.ts'
import type { Faults, Options } from '../demo/gateway.ts'
import { Books } from '../src/book.ts'
import type { Book, Store } from '../src/book.ts'
import { Clock } from '../src/clock.ts'
import { AnyCourier } from '../src/courier.ts'
import { verifyOffer } from '../src/documents.ts'
import { Lease } from '../src/lease.ts'
import { Purchases } from '../src/purchase.ts'
import type { News } from '../src/purchase.ts'
import { playMoney } from '../src/wallets/playmoney.ts'

class Shelf implements Store {
  map = new Map<string, string>()
  getItem(key: string): string | null {
    return this.map.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    this.map.set(key, value)
  }
}

/** One browser with any number of tabs, in front of one gateway, in made-up time. */
class World {
  faults: Faults = noFaults()
  gateway: FakeGateway
  shelf = new Shelf()
  news: (News | null)[] = []

  constructor(options: Options = {}) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_790_000_000_000 })
    this.gateway = new FakeGateway({ ...options, faults: this.faults })
  }

  tab(name: string): Purchases {
    const events = { changed: () => {}, news: (n: News | null) => this.news.push(n), access: () => {} }
    return new Purchases(new Books(this.shelf), this.fingerprint, this.gateway, new AnyCourier(this.gateway), new Clock(), name, events)
  }

  get fingerprint(): string {
    return this.gateway.books.fingerprint
  }

  get book(): Book {
    return new Books(this.shelf).read(this.fingerprint)
  }

  get offer() {
    return verifyOffer(this.gateway.books.offer())
  }

  paid(): number {
    return this.gateway.asked.filter((a) => a === 'POST api/v1/sandbox/pay').length
  }

  /** Lets ms pass, and whatever happens in them. */
  async pass(ms: number): Promise<void> {
    for (let t = 0; t < ms; t += 20) {
      mock.timers.tick(20)
      for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  end(): void {
    this.gateway.close()
    mock.timers.reset()
  }
}

const law = (name: string, body: (w: World) => Promise<void>, options: Options = {}): void => {
  test(name, async () => {
    const w = new World(options)
    try {
      await body(w)
    } finally {
      w.end()
    }
  })
}
const phase = (w: World): string | undefined => w.book.pending?.phase
const hour = { product: 'live', periods: 1, username: '' }

law('an order is paid and becomes access with a password that only the buyer reads', async (w) => {
  const tab = w.tab('one')
  tab.order({ ...hour, username: 'jane' }, w.offer)
  assert.equal(w.book.pending?.phase, 'sending', 'written down before anything is sent')
  await w.pass(300)
  assert.equal(w.book.pending?.phase, 'open')
  void tab.pay(playMoney(w.gateway))
  await w.pass(5_000)
  const account = w.book.accounts.jane
  assert.equal(w.book.pending, null)
  assert.equal(w.book.last, 'jane')
  assert.ok(account && account.end > Date.now() && account.password === w.gateway.books.grant('jane')?.password)
})

law('a reload at any moment goes on with the same order', async (w) => {
  w.tab('before').order(hour, w.offer)
  const hash = w.book.pending?.agreed.hash
  await w.pass(60) // the request is on its way when the page goes
  for (let i = 0; i < 6; i++) {
    const again = w.tab(`reload-${i}`)
    again.resume()
    await w.pass(i === 0 ? 8_000 : 7_000)
    if (i === 2) void again.pay(playMoney(w.gateway))
  }
  await w.pass(2_000)
  assert.equal(w.book.pending, null)
  assert.equal(Object.keys(w.book.accounts).length, 1)
  assert.equal(w.paid(), 1)
  assert.ok(w.gateway.asked.filter((a) => a.startsWith('GET api/v1/orders/')).every((a) => a.endsWith(hash!)))
})

law('two tabs that pay at the same moment pay once', async (w) => {
  const [a, b] = [w.tab('a'), w.tab('b')]
  a.order(hour, w.offer)
  await w.pass(300)
  b.resume()
  void a.pay(playMoney(w.gateway))
  void b.pay(playMoney(w.gateway))
  void a.pay(playMoney(w.gateway))
  await w.pass(6_000)
  assert.equal(w.paid(), 1)
  assert.equal(w.book.pending, null)
})

law('two tabs that order at the same moment have one order', async (w) => {
  const [a, b] = [w.tab('a'), w.tab('b')]
  a.order(hour, w.offer)
  const first = w.book.pending?.agreed.hash
  b.order({ ...hour, periods: 5 }, w.offer)
  await w.pass(300)
  assert.equal(w.book.pending?.agreed.hash, first)
})

law('while one tab asks the other does not, and takes over when it is gone', async (w) => {
  const shelf = w.shelf
  const [a, b] = [new Lease(shelf, 'k', 'a'), new Lease(shelf, 'k', 'b')]
  assert.ok(a.hold(1_000))
  assert.ok(!b.hold(2_000))
  assert.ok(a.hold(6_000))
  assert.ok(!b.hold(11_000))
  assert.ok(b.hold(12_001), 'silent for too long')
  b.release()
  assert.ok(a.hold(12_100))
  shelf.setItem('k', 'ghost 99999999999999')
  assert.ok(a.hold(13_000), 'a lease from a wrong clock does not block for ever')
})

law('the answer to a payment is lost: nothing is paid again, and access comes', async (w) => {
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(300)
  w.faults.loseAnswerOfPay = true
  void tab.pay(playMoney(w.gateway))
  await w.pass(400)
  void tab.pay(playMoney(w.gateway))
  await w.pass(6_000)
  assert.equal(w.paid(), 1)
  assert.equal(w.book.pending, null)
})

law('a payment that may have got lost is made again only when the buyer says so', async (w) => {
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(300)
  w.faults.losePay = true
  void tab.pay(playMoney(w.gateway))
  await w.pass(1_000)
  w.faults.losePay = false
  void tab.pay(playMoney(w.gateway))
  await w.pass(20_000)
  assert.equal(w.paid(), 1)
  assert.ok(w.book.pending!.paid > 0)
  tab.payAgain()
  void tab.pay(playMoney(w.gateway))
  await w.pass(5_000)
  assert.equal(w.paid(), 2)
  assert.equal(w.book.pending, null)
})

law('the network goes while the order is sent: it is kept, and goes when the network is back', async (w) => {
  w.faults.offline = true
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(20_000)
  assert.equal(w.book.pending?.phase, 'sending')
  assert.equal(w.news.at(-1)?.kind, 'offline')
  w.faults.offline = false
  await w.pass(3_000)
  assert.equal(w.book.pending?.phase, 'open')
  assert.equal(w.news.at(-1), null)
})

law('without an API the order and its answers go over MQTT', async (w) => {
  w.faults.noAPI = true
  const tab = w.tab('one')
  tab.order({ ...hour, username: 'jane' }, w.offer)
  await w.pass(2_000)
  assert.equal(w.book.pending?.phase, 'open')
  const invoice = JSON.parse(w.book.pending!.invoice) as { reference: string }
  w.gateway.books.pay(500n, invoice.reference, Date.now())
  await w.pass(8_000)
  assert.equal(w.book.accounts.jane?.password, w.gateway.books.grant('jane')?.password)
})

law('paid is not yet access: until the broker’s proof there is no account', async (w) => {
  const tab = w.tab('one')
  tab.order({ ...hour, username: 'jane' }, w.offer)
  await w.pass(300)
  void tab.pay(playMoney(w.gateway))
  await w.pass(8_000)
  assert.equal(phase(w), 'settled')
  assert.deepEqual(w.book.accounts, {})
  assert.ok(!w.news.some((n) => n?.kind === 'ended'))
  await w.pass(4_000)
  assert.ok(w.book.accounts.jane)
}, { terms: { proofMs: 9_000 } })

law('part of the money is not access; the rest makes it whole', async (w) => {
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(300)
  const { reference } = JSON.parse(w.book.pending!.invoice) as { reference: string }
  w.gateway.books.pay(200n, reference, Date.now())
  await w.pass(3_000)
  assert.equal(w.book.pending?.phase, 'part-paid')
  w.gateway.books.pay(300n, reference, Date.now())
  await w.pass(4_000)
  assert.equal(w.book.pending, null)
})

law('an order that was not paid in time stays until the buyer lets it go, and late money still counts', async (w) => {
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(300)
  const { reference } = JSON.parse(w.book.pending!.invoice) as { reference: string }
  mock.timers.setTime(Date.now() + 31 * 60_000)
  await w.pass(3_000)
  assert.equal(w.book.pending?.phase, 'lapsed')
  w.gateway.books.pay(500n, reference, Date.now())
  await w.pass(20_000)
  assert.equal(w.book.pending, null)
  assert.equal(Object.keys(w.book.accounts).length, 1)
})

law('what has lapsed meanwhile is not paid', async (w) => {
  const tab = w.tab('one')
  tab.order(hour, w.offer)
  await w.pass(300)
  mock.timers.setTime(Date.now() + 31 * 60_000)
  const click = tab.pay(playMoney(w.gateway)) // the buyer is faster than the next answer
  await w.pass(3_000)
  await click
  assert.equal(w.paid(), 0)
})

law('a renewal keeps the password and adds to the time', async (w) => {
  const tab = w.tab('one')
  const buy = async (): Promise<number> => {
    tab.order({ ...hour, username: 'jane' }, w.offer)
    await w.pass(300)
    void tab.pay(playMoney(w.gateway))
    await w.pass(5_000)
    return w.book.accounts.jane!.end
  }
  const first = await buy()
  const password = w.book.accounts.jane!.password
  const second = await buy()
  assert.equal(second - first, 3_600_000)
  assert.equal(w.book.accounts.jane!.password, password)
})

law('a refusal ends an order nobody can have paid, and is not believed about any other', async (w) => {
  const tab = w.tab('one')
  const place = w.gateway.books.place.bind(w.gateway.books)
  w.gateway.http = async () => ({ status: 503, body: '{"error":{"code":"busy","message":"too many","fix":"later"}}', date: null })
  tab.order(hour, w.offer)
  await w.pass(300)
  assert.ok(!w.book.pending)
  assert.deepEqual(w.news.at(-1), { kind: 'refused', words: 'Too many. Later.' })
  w.gateway.http = async (_m, _p, body) => ({ status: 200, body: body instanceof Uint8Array ? place(body, Date.now()) : '{}', date: null })
  tab.order(hour, w.offer)
  await w.pass(300)
  assert.equal(phase(w), 'open')
  w.gateway.http = async () => ({ status: 404, body: '{"error":{"code":"not-found","message":"no","fix":""}}', date: null })
  await w.pass(5_000)
  assert.equal(phase(w), 'open')
})

law('an invoice that asks for more, or that somebody else signed, is never shown', async (w) => {
  const tab = w.tab('one')
  const honest = w.gateway.http.bind(w.gateway)
  for (const forge of [(s: string) => s.replace('play-money-', 'thief-money-'), () => '{"schema":"wattgate/invoice/v1","v":1,"gateway":"","signature":""}']) {
    w.gateway.http = async (...args) => {
      const reply = await honest(...args)
      return { ...reply, body: forge(reply.body) }
    }
    tab.order(hour, w.offer)
    await w.pass(1_000)
    assert.equal(w.book.pending?.invoice, '')
    assert.match(w.news.at(-1)?.words ?? '', /Do not pay/)
    tab.abandon()
  }
  w.gateway.http = honest
  const dear = new FakeGateway({ terms: { price: 900n } })
  w.gateway.http = dear.http.bind(dear) // the same keys, another price: signed, but not what was agreed
  tab.order(hour, w.offer)
  await w.pass(1_000)
  dear.close()
  assert.equal(w.book.pending?.invoice, '')
  assert.match(w.news.at(-1)?.words ?? '', /asks for 0.0009, the offer for 0.0005/)
})

law('a book that cannot be read is put aside, not thrown away', async (w) => {
  w.shelf.setItem(`wattgate/book/${w.fingerprint}`, '{"v":1,"accounts"')
  assert.deepEqual(w.book.accounts, {})
  assert.equal(w.shelf.getItem(`wattgate/book/${w.fingerprint}/unreadable`), '{"v":1,"accounts"')
})
