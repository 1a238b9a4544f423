// Laws of what is shown: rates, gaps, rings, money, times, snippets.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Averages, minuteOf } from '../src/averages.ts'
import { currentAccount } from '../src/book.ts'
import { Clock } from '../src/clock.ts'
import { averagesCSV, liveCSV } from '../src/csv.ts'
import { cost, usernameProblem } from '../src/order.ts'
import type { Product } from '../src/documents.ts'
import { decimal, parseUnits, unitsOf } from '../src/money.ts'
import { buyLine, overheard, reachOf } from '../src/reach.ts'
import { Ring } from '../src/ring.ts'
import { liveSeries, slotOf } from '../src/series.ts'
import { snippets } from '../src/snippets.ts'
import { Topics } from '../src/topics.ts'
import { countdown, period, span, watts } from '../src/words.ts'

const slot = (t: number, w: number, ageMs = 200) => ({ t, w, wh: 1, ageMs, plugs: 1, of: 1 })

test('a ring keeps the newest slots, in order, whatever came before', () => {
  const r = new Ring(5)
  for (let i = 0; i < 13; i++) r.push(slot(i, i * 10))
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => r.watts(i)), [80, 90, 100, 110, 120])
  assert.deepEqual([r.size, r.search(10), r.search(10.5), r.search(99)], [5, 2, 3, 5])
})

test('unknown slots, and slots that never came, are gaps; never a line, never a zero', () => {
  const r = new Ring(100)
  for (const s of [slot(1, 5), slot(1.5, 6), slot(2, NaN), slot(2.5, 7), slot(9, 8), slot(9.5, 9)]) r.push(s)
  const [t, fresh, stale] = liveSeries(r, 0, 10)
  assert.deepEqual(t, [1, 1.5, 2, 2.5, 3, 9, 9.5])
  assert.deepEqual(fresh, [5, 6, null, 7, null, 8, 9])
  assert.ok(stale.every((v) => v === null))
})

test('old readings are drawn apart, and the two curves meet', () => {
  const r = new Ring(100)
  for (const s of [slot(1, 5), slot(1.5, 6), slot(2, 6, 1700), slot(2.5, 6, 2200), slot(3, 7)]) r.push(s)
  const [, fresh, stale] = liveSeries(r, 0, 10)
  assert.deepEqual(fresh, [5, 6, null, null, 7])
  assert.deepEqual(stale, [null, 6, 6, 6, 7])
})

test('eight hours are drawn with few points, and no peak is lost', () => {
  const r = new Ring(57_600)
  for (let i = 0; i < 57_600; i++) r.push(slot(i / 2, i === 31_111 ? 2_000 : 40 + (i % 7)))
  const [t, fresh] = liveSeries(r, 0, 28_800)
  assert.ok(t.length <= 2_500, `${t.length} points`)
  assert.ok(fresh.includes(2_000))
  for (let i = 1; i < t.length; i++) assert.ok(t[i]! > t[i - 1]!, 'times grow')
})

test('hostile readings are not readings', () => {
  for (const bad of ['', '[]', '{"ts":"yesterday"}', 'null', '{']) assert.equal(slotOf(bad), null, bad)
  const odd = slotOf('{"ts":"2026-11-22T07:00:00.500Z","power_w":"12","plugs":null}')
  assert.ok(odd && Number.isNaN(odd.w) && Number.isNaN(odd.plugs))
  assert.equal(minuteOf(null), null)
})

test('averages: told again they are the same, a hole is a gap, a day is kept', () => {
  const a = new Averages()
  const at = (min: number, w: number | null) => ({ at: min * 60_000, w, wh: null, coverage: 1, windowS: 60, simulated: false })
  a.add([at(1, 10), at(2, 11), at(9, 12)])
  a.add([at(2, 11), at(3, null)])
  a.add([at(10, 13)])
  assert.deepEqual(a.rows.map((r) => r.at / 60_000), [1, 2, 3, 9, 10])
  assert.deepEqual(a.series(0, 700)[1], [10, 11, null, null, 12, 13])
  a.add([at(1_441 + 2, 14)])
  assert.deepEqual(a.rows.map((r) => r.at / 60_000), [3, 9, 10, 1_443])
})

test('money is exact', () => {
  assert.equal(parseUnits('0.0005', 6), 500n)
  assert.equal(decimal(500n, 6), '0.0005')
  assert.equal(decimal(1_000_000n, 6), '1')
  assert.equal(decimal(7n, 0), '7')
  for (const bad of ['', '.5', '5.', '1e3', '-1', ' 1', '0.0000001', '9'.repeat(20)]) assert.throws(() => parseUnits(bad, 6), /cannot read/, bad)
  assert.throws(() => unitsOf({ amount: '0.0006', base: '500', decimals: 6 }), /not 500 base units/)
  const p = { price: { amount: '0.0005', base: '500', decimals: 6 }, min_periods: 24 } as Product
  assert.equal(cost(p, 24), 12_000n)
  assert.throws(() => cost(p, 23), /at least 24/)
  assert.throws(() => cost(p, 24.5))
})

test('user names are judged as the gateway judges them', () => {
  for (const good of ['', 'abc', '0-_', 'a'.repeat(32)]) assert.equal(usernameProblem(good), '', good)
  for (const bad of ['ab', 'A-b', '-abc', '_abc', 'a b c', 'a'.repeat(33), 'admin', 'gw-x', 'probe-1', 'ünal']) assert.notEqual(usernameProblem(bad), '', bad)
})

test('a rate counts what comes now: not what was kept, and not for ever', () => {
  const t = new Topics()
  t.message('sensor/1m', '{}', true, 0)
  assert.equal(t.rate('sensor/1m', 1_000), 0)
  for (let i = 0; i <= 60; i++) t.message('sensor/live', '{}', false, i * 500)
  assert.ok(Math.abs(t.rate('sensor/live', 30_000) - 2) < 0.11)
  assert.equal(t.rate('sensor/live', 41_000), 0)
})

test('a paid topic is locked until something comes on it, and again when access is over', () => {
  const t = new Topics()
  t.offer(['sensor/live'])
  const live = () => t.list().find((x) => x.name === 'sensor/live')
  assert.equal(live()?.locked, true)
  t.message('sensor/live', '{}', false, 1)
  assert.equal(live()?.locked, false)
  t.offer(['sensor/live'])
  assert.equal(live()?.locked, false)
  t.lock()
  assert.deepEqual([live()?.locked, live()?.value], [true, ''])
  t.offer([])
  assert.equal(live(), undefined)
  for (let i = 0; i < 1_000; i++) t.message(`sensor/x${i}`, 'y', false, 1)
  assert.ok(t.list().length <= 400, 'strangers cannot make it grow')
})

test('CSV: unknown is empty, times are UTC', () => {
  const r = new Ring(9)
  r.push({ t: 1_790_000_000.5, w: NaN, wh: 1.5, ageMs: NaN, plugs: 0, of: 2 })
  assert.equal(liveCSV(r), 'ts,power_w,energy_wh,age_ms,plugs,of\r\n2026-09-21T14:13:20.500Z,,1.5,,0,2\r\n')
  assert.match(averagesCSV([{ at: 0, w: null, wh: 3, coverage: 0.2, windowS: 60, simulated: false }]), /\r\n1970-01-01T00:00:00.000Z,60,,3,0.2\r\n$/)
})

test('the best account is the one that ends last; one without a password is of no use here', () => {
  const book = { v: 1 as const, buyer: '', last: '', pending: null, accounts: {
    a: { username: 'a', password: 'x', end: 50, topics: [] }, b: { username: 'b', password: 'x', end: 90, topics: [] }, c: { username: 'c', password: '', end: 99, topics: [] },
  } }
  assert.equal(currentAccount(book, 10)?.username, 'b')
  assert.equal(currentAccount(book, 90), null)
})

test('small differences of clocks are latency, large ones count', () => {
  const c = new Clock()
  c.hear(1_000, 2_500)
  assert.equal(c.offset, 0)
  c.hear(3_600_000, 0)
  assert.equal(c.offset, 3_600_000)
})

test('spans and powers read well', () => {
  assert.deepEqual([0, 59, 60, 3_723, 90_000].map((s) => span(s)), ['0 s', '59 s', '1 min', '1 h 2 min', '1 d 1 h'])
  assert.deepEqual([-5, 65, 3_600, 3_665].map((s) => countdown(s)), ['0:00', '1:05', '1:00:00', '1:01:05'])
  assert.deepEqual([period(3_600), period(3_600, 24), period(86_400, 7), period(90), period(1)], ['an hour', '24 hours', '7 days', '90 seconds', 'a second'])
  assert.deepEqual([watts(null), watts(NaN), watts(0), watts(41.26), watts(1234.5)], ['–', '–', '0.0', '41.3', '1,235'])
})

const sha = 'ab'.repeat(32)
const full = { mqtt: 'mqtt://gw.example:1883', mqtts: 'mqtts://gw.example:8883', https: 'https://gw.example:8443', tls_sha256: sha }

test('the settings are those of the signed offer, else the usual ports, said as such', () => {
  const told = reachOf(full, 'http://192.168.1.5:8080/power/')
  assert.deepEqual([told.tls, told.secureWeb, told.web, told.websockets], [{ host: 'gw.example', port: 8883, guessed: false }, 'https://gw.example:8443/', 'http://192.168.1.5:8080/power/', 'ws://192.168.1.5:8080/power/mqtt'])
  const guessed = reachOf({ tls_sha256: sha }, 'http://192.168.1.5:8080/')
  assert.deepEqual([guessed.tls, guessed.plain?.guessed], [{ host: '192.168.1.5', port: 8883, guessed: true }, true])
  assert.equal(reachOf(undefined, 'https://h/').tls, null)
  assert.equal(reachOf({ mqtt: 'mqtt://[2001:db8::1]:1884' }, 'http://h/').plain?.host, '[2001:db8::1]')
  assert.equal(buyLine(told, 'f'.repeat(64)), `wattgate buy 'mqtts://gw.example:8883#${'f'.repeat(64)}'`)
  assert.equal(reachOf(full, 'https://gw.example/p/').websockets, 'wss://gw.example/p/mqtt')
})

test('plain HTTP to another machine can be overheard; this machine and TLS cannot', () => {
  for (const page of ['http://192.168.1.5:8080/', 'http://gateway.local/', 'http://localhost.evil.example/']) assert.ok(overheard(page), page)
  for (const page of ['https://h/', 'http://localhost:8080/', 'http://127.0.0.1/', 'http://[::1]/']) assert.ok(!overheard(page), page)
})

test('every snippet pins the certificate where there is TLS, and names the buyer and never a password', () => {
  const reach = reachOf(full, 'http://gw.example:8080/')
  const all = snippets(reach, { username: 'jane' })
  assert.deepEqual(all.map((s) => s.id), ['mosquitto_sub', 'python', 'node', 'node-red', 'home-assistant', 'telegraf', 'curl'])
  for (const s of all) {
    const code = s.parts.map((p) => p.about + p.code).join('\n')
    assert.ok(code.includes(sha), `${s.id} does not check the certificate`)
    assert.ok(code.includes('jane'), `${s.id} does not name the user`)
    assert.ok(/sensor\/live|api\/v1\/live/.test(code), s.id)
    assert.ok(!/:1883/.test(code), `${s.id} goes around TLS`)
  }
  JSON.parse(all.find((s) => s.id === 'node-red')!.parts.at(-1)!.code)
  const free = snippets(reachOf({ mqtt: 'mqtt://gw.example:1883' }, 'http://gw.example/'), { username: '' })
  for (const s of free) assert.ok(!s.parts.some((p) => /tls|cafile|PASSWORD/i.test(p.code.replace('usetls": false', ''))), s.id)
})
