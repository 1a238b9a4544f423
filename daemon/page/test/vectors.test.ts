// The page and the Go side agree byte by byte: billing/testdata/vectors.json is made by the Go side.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { fromBase64url, fromHex, text, toBase64url, toHex, utf8 } from '../src/bytes.ts'
import { canonical, fingerprintOf, hashOf, signedBytes, verify, verifyOffer } from '../src/documents.ts'
import type { Invoice, Receipt } from '../src/documents.ts'
import { open, seal } from '../src/hpke.ts'
import { checkInvoice, makeOrder, openPassword, orderInfo, replyInfo, signOrder } from '../src/order.ts'
import type { Agreed } from '../src/order.ts'

const v: Record<string, string> = JSON.parse(readFileSync(join(process.cwd(), '../../billing/testdata/vectors.json'), 'utf8'))
const at = (name: string): string => {
  const value = v[name]
  assert.ok(typeof value === 'string', `the vectors have no ${name}`)
  return value
}

const agreed = (): Agreed => ({
  id: JSON.parse(at('order')).order,
  hash: at('order_hash'),
  network: 'sandbox',
  cost: '1000',
  decimals: 6,
  amountIsReference: false,
})

test('the keys of the vectors are what the page derives', () => {
  assert.equal(toHex(ed25519.getPublicKey(fromHex(at('gateway_seed')))), at('gateway_public'))
  assert.equal(fingerprintOf(fromHex(at('gateway_public'))), at('fingerprint'))
  assert.equal(toHex(x25519.getPublicKey(fromHex(at('seal_private')))), at('seal_public'))
})

test('an offer of the pinned gateway verifies and has the hash the Go side gives it', () => {
  const got = verifyOffer(at('offer'), at('fingerprint'))
  assert.equal(got.hash, at('offer_hash'))
  assert.equal(verifyOffer(at('offer')).fingerprint, at('fingerprint'))
})

test('an offer of another gateway, or a changed one, does not count', () => {
  assert.throws(() => verifyOffer(at('offer'), '00'.repeat(32)), /not from the gateway/)
  const cheaper = at('offer').replace('"base":"500"', '"base":"400"')
  assert.notEqual(cheaper, at('offer'))
  assert.throws(() => verifyOffer(cheaper, at('fingerprint')), /signature is wrong/)
  assert.throws(() => verify('invoice', at('offer'), at('fingerprint')), /another version/)
})

test('a receipt with a wrong signature is refused, the right one opens its password', () => {
  assert.throws(() => verify('receipt', at('receipt_with_wrong_signature'), at('fingerprint')), /signature is wrong/)
  const r = verify<Receipt>('receipt', at('receipt'), at('fingerprint'))
  assert.equal(r.state, 'active')
  assert.equal(openPassword(r.sealed_password!, fromHex(at('reply_private')), at('order_hash')), at('password'))
  assert.throws(() => openPassword(r.sealed_password!, fromHex(at('reply_private')), '00'.repeat(32)))
})

test('the signed bytes and the signature of an order are those of the Go side', () => {
  const order = JSON.parse(at('order'))
  assert.equal(text(signedBytes('order', order, 'buyer_signature')), at('order_signed_bytes'))
  delete order.buyer_signature
  assert.equal(signOrder(order, fromHex(at('buyer_seed'))), at('order'))
})

test('HPKE opens what Go sealed, and refuses what was touched or sealed to a weak key', () => {
  const sealed = fromHex(at('sealed_order'))
  const info = orderInfo(fromHex(at('gateway_public')), fromHex(at('kid')))
  assert.equal(toHex(info), at('order_info'))
  assert.equal(toHex(replyInfo(at('order_hash'))), at('reply_info'))
  assert.equal(hashOf(sealed), at('order_hash'))
  const plain = text(open(fromHex(at('seal_private')), info, sealed.slice(9)))
  assert.equal(plain.trimEnd(), at('order'))
  assert.equal(plain.length % 256, 0)
  const again = seal(fromHex(at('seal_public')), info, utf8(plain))
  assert.equal(text(open(fromHex(at('seal_private')), info, again)), plain)
  const forged = sealed.slice(9)
  forged[40]! ^= 1
  assert.throws(() => open(fromHex(at('seal_private')), info, forged))
  assert.throws(() => seal(new Uint8Array(32), info, utf8(plain)), 'a key of small order is refused')
})

test('HPKE is RFC 9180, appendix A.2 (X25519, HKDF-SHA256, ChaCha20-Poly1305)', () => {
  const ephemeral = fromHex('f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600')
  const recipient = fromHex('4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a')
  const info = fromHex('4f6465206f6e2061204772656369616e2055726e')
  // The RFC's first message has additional data, which the protocol does not use; the encapsulation is the same.
  assert.equal(toHex(seal(recipient, info, utf8(''), ephemeral)).slice(0, 64), '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a')
})

test('an order of the page opens on the other side and says what was wished', () => {
  const from = verifyOffer(at('offer'), at('fingerprint'))
  const made = makeOrder({ product: 'live', periods: 3, username: 'jane' }, from, fromHex(at('buyer_seed')), 'page-0123456789abcdefghijklmn', 0)
  assert.equal(toHex(made.sealed.slice(0, 9)), '01' + at('kid'))
  assert.equal((made.sealed.length - 57) % 256, 0)
  const info = orderInfo(fromHex(at('gateway_public')), fromHex(at('kid')))
  const order = JSON.parse(text(open(fromHex(at('seal_private')), info, made.sealed.slice(9))))
  assert.deepEqual([order.username, order.periods, order.offer_hash, order.order], ['jane', 3, at('offer_hash'), made.id])
  assert.equal(order.not_after, '2026-11-22T07:10:00.000Z', 'by the gateway’s clock where ours is behind')
  const key = fromBase64url(order.buyer_key)
  assert.ok(ed25519.verify(fromBase64url(order.buyer_signature), signedBytes('order', order, 'buyer_signature'), key))
  const anonymous = makeOrder({ product: 'live', periods: 1, username: '' }, from, fromHex(at('buyer_seed')), 'x'.repeat(22), 0)
  assert.ok(!('username' in JSON.parse(text(open(fromHex(at('seal_private')), info, anonymous.sealed.slice(9))))))
})

test('an invoice is accepted only for exactly what was ordered', () => {
  const invoice = verify<Invoice>('invoice', at('invoice'), at('fingerprint'))
  checkInvoice(invoice, agreed())
  const refused: [string, Partial<Invoice>, Partial<Agreed>][] = [
    ['dearer', {}, { cost: '999' }],
    ['cheaper', {}, { cost: '1001' }],
    ['another order', { hash: '0'.repeat(64) }, {}],
    ['another network', { network: 'mainnet' }, {}],
    ['amounts that disagree', { amount: { amount: '0.002', base: '1000', decimals: 6 } }, {}],
    ['an amount as reference that the offer did not announce', { reference_kind: 'amount', reference: '1000' }, {}],
    ['an address as reference that is another', { reference_kind: 'address', reference: 'elsewhere' }, {}],
    ['a kind nobody knows', { reference_kind: 'other' as 'tag' }, {}],
  ]
  for (const [why, change, other] of refused)
    assert.throws(() => checkInvoice({ ...invoice, ...change }, { ...agreed(), ...other }), /cannot/, why)
})

test('where the amount is the reference, 1 to 99,999 base units more are asked for, and no more', () => {
  const invoice = verify<Invoice>('invoice', at('invoice'), at('fingerprint'))
  const unique = (base: number): Invoice => ({
    ...invoice,
    amount: { amount: (base / 1e6).toString(), base: String(base), decimals: 6 },
    reference_kind: 'amount',
    reference: String(base),
  })
  const with_ = { ...agreed(), amountIsReference: true }
  checkInvoice(unique(1001), with_)
  checkInvoice(unique(100_999), with_)
  for (const base of [1000, 101_000]) assert.throws(() => checkInvoice(unique(base), with_), /asks for/)
})

test('base64url is read in its canonical form only', () => {
  for (let n = 0; n < 70; n++) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => (i * 37 + n) & 255)
    assert.equal(toBase64url(bytes), Buffer.from(bytes).toString('base64url'))
    assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes)
  }
  for (const bad of ['A', 'AB=', 'AB', 'A+', 'AAAAA', 'AAA/']) assert.throws(() => fromBase64url(bad), /cannot read base64url/, bad)
  assert.deepEqual(fromBase64url('AA'), Uint8Array.of(0))
})

test('the canonical form sorts by code units and refuses numbers that not everybody reads alike', () => {
  assert.equal(canonical({ b: 1, a: ['é', '\u2028'], é: null }), '{"a":["é","\u2028"],"b":1,"é":null}')
  for (const bad of [1.5, -1, 2 ** 53]) assert.throws(() => canonical({ n: bad }))
})
