// A client of wattgate's protocol, version 1, after docs/protocol.md alone: node:crypto and fetch, nothing else.
//   node client.mjs vectors FILE                                     check every test vector
//   node client.mjs seal    URL FINGERPRINT SEED ORDER-JSON          verify the offer, seal an order, do not send it
//   node client.mjs order   URL FINGERPRINT SEED ORDER-JSON          the same, send it, verify the invoice
//   node client.mjs receipt URL FINGERPRINT HASH REPLY-PRIVATE       verify the receipt, open its password
import * as c from 'node:crypto'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const bytes = (...parts) => Buffer.concat(parts.map(p => typeof p === 'string' ? Buffer.from(p) : Buffer.from(p)))
const hex = s => { assert.match(s, /^([0-9a-f]{2})*$/); return Buffer.from(s, 'hex') }
const b64 = s => { const b = Buffer.from(s, 'base64url'); assert.equal(b.toString('base64url'), s); return b }
const sha256 = b => c.createHash('sha256').update(b).digest()

// Raw 32-byte keys, as Node wants them: the constant beginning of PKCS #8 and SPKI before them.
const oid = { ed25519: '70', x25519: '6e' }
const secret = (curve, raw) => c.createPrivateKey({ key: bytes(hex(`302e020100300506032b65${oid[curve]}04220420`), raw), format: 'der', type: 'pkcs8' })
const open25519 = (curve, raw) => c.createPublicKey({ key: bytes(hex(`302a300506032b65${oid[curve]}032100`), raw), format: 'der', type: 'spki' })
const publicOf = key => c.createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)

// RFC 8785, for documents without fractions.
const canonical = v => Array.isArray(v) ? `[${v.map(canonical)}]`
  : v && typeof v === 'object' ? `{${Object.keys(v).sort().map(k => `${JSON.stringify(k)}:${canonical(v[k])}`)}}` : JSON.stringify(v)
const signedBytes = (kind, doc, member = 'signature') => { const { [member]: _, ...rest } = doc; return bytes(`wattgate/${kind}/v1\n`, canonical(rest)) }
const signs = (key, kind, doc, member = 'signature') => c.verify(null, signedBytes(kind, doc, member), open25519('ed25519', key), b64(doc[member]))

function verified(kind, text, fingerprint) { // of the gateway
  const doc = JSON.parse(text), key = b64(doc.gateway)
  assert.equal(doc.v, 1)
  assert.equal(doc.schema, `wattgate/${kind}/v1`)
  assert.equal(sha256(key).toString('hex'), fingerprint, 'another gateway')
  assert(signs(key, kind, doc), `the signature of the ${kind} is wrong`)
  return doc
}

// HPKE, RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
const hmac = (key, data) => c.createHmac('sha256', key).update(data).digest()
const extract = (suite, salt, label, ikm) => hmac(salt, bytes('HPKE-v1', suite, label, ikm))
const expand = (suite, prk, label, info, n) => hmac(prk, bytes([0, n], 'HPKE-v1', suite, label, info, [1])).subarray(0, n) // n <= 32: one block
function schedule(dh, enc, receiver, info) {
  const kem = bytes('KEM', [0, 0x20]), suite = bytes('HPKE', [0, 0x20, 0, 1, 0, 3])
  const shared = expand(kem, extract(kem, '', 'eae_prk', dh), 'shared_secret', bytes(enc, receiver), 32)
  const context = bytes([0], extract(suite, '', 'psk_id_hash', ''), extract(suite, '', 'info_hash', info))
  const prk = extract(suite, shared, 'secret', '')
  return { shared, key: expand(suite, prk, 'key', context, 32), nonce: expand(suite, prk, 'base_nonce', context, 12) }
}
function sealTo(receiver, info, plain) { // enc | ciphertext | tag
  const ephemeral = c.generateKeyPairSync('x25519').privateKey, enc = publicOf(ephemeral)
  const s = schedule(c.diffieHellman({ privateKey: ephemeral, publicKey: open25519('x25519', receiver) }), enc, receiver, info)
  const cipher = c.createCipheriv('chacha20-poly1305', s.key, s.nonce, { authTagLength: 16 })
  return bytes(enc, cipher.update(plain), cipher.final(), cipher.getAuthTag())
}
function openBox(own, info, box) {
  const enc = box.subarray(0, 32), dh = c.diffieHellman({ privateKey: own, publicKey: open25519('x25519', enc) })
  const s = { enc, dh, ...schedule(dh, enc, publicOf(own), info) }
  const cipher = c.createDecipheriv('chacha20-poly1305', s.key, s.nonce, { authTagLength: 16 })
  cipher.setAuthTag(box.subarray(-16))
  return { ...s, plain: bytes(cipher.update(box.subarray(32, -16)), cipher.final()) }
}

// Orders.
const orderInfo = (gateway, kid) => bytes('wattgate/order/v1', [0], gateway, kid)
const replyInfo = hash => bytes('wattgate/reply/v1', [0], hash)
function tagOf(hash) { // "wg-" and 80 bits in base32
  let bits = 0n, text = ''
  for (const b of sha256(bytes('wattgate/reference/v1', [0], hash)).subarray(0, 10)) bits = bits << 8n | BigInt(b)
  for (let i = 75n; i >= 0n; i -= 5n) text += 'abcdefghijklmnopqrstuvwxyz234567'[Number(bits >> i & 31n)]
  return 'wg-' + text
}
function sealOrder(offer, buyer, fields) {
  const reply = c.generateKeyPairSync('x25519').privateKey
  const order = { v: 1, order: c.randomBytes(16).toString('base64url'), offer_hash: sha256(canonical(offer)).toString('hex'),
    product: offer.products[0].id, periods: offer.products[0].min_periods, buyer_key: publicOf(buyer).toString('base64url'),
    reply_key: publicOf(reply).toString('base64url'), not_after: new Date(Date.parse(offer.ts) + 3600e3).toISOString(), ...fields }
  order.buyer_signature = c.sign(null, signedBytes('order', order, 'buyer_signature'), buyer).toString('base64url')
  const text = canonical(order), plain = bytes(text, ' '.repeat((256 - Buffer.byteLength(text) % 256) % 256))
  const receiver = b64(offer.keys[0].public), kid = sha256(receiver).subarray(0, 8)
  const sealed = bytes([1], kid, sealTo(receiver, orderInfo(b64(offer.gateway), kid), plain))
  return { order, sealed, hash: sha256(sealed).toString('hex'), replyPrivate: reply.export({ format: 'der', type: 'pkcs8' }).subarray(-32) }
}
function openOrder(gateway, own, sealed) { // the gateway's side, for the vectors
  const box = openBox(own, orderInfo(gateway, sealed.subarray(1, 9)), sealed.subarray(9))
  assert(sealed[0] === 1 && sealed.subarray(1, 9).equals(sha256(publicOf(own)).subarray(0, 8)) && box.plain.length % 256 === 0)
  const text = box.plain.toString().trimEnd(), order = JSON.parse(text)
  assert(signs(b64(order.buyer_key), 'order', order, 'buyer_signature'))
  return { ...box, text, order }
}
function checkInvoice(invoice, offer, order, hash) {
  const price = offer.products.find(p => p.id === order.product).price
  const more = BigInt(invoice.amount.base) - BigInt(price.base) * BigInt(order.periods), kind = invoice.reference_kind ?? 'tag'
  assert(invoice.hash === hash && invoice.order === order.order && invoice.network === offer.network && invoice.amount.decimals === price.decimals)
  if (kind === 'amount') assert(offer.reference_kind === 'amount' && invoice.reference === invoice.amount.base && more >= 1n && more <= 99999n)
  else assert(more === 0n && (kind === 'tag' ? invoice.reference === tagOf(hash) : kind === 'address' && invoice.reference === invoice.address))
}
const claimMessage = (fingerprint, claim) => 'wattgate/claim/v1\nI made this payment. Credit it to this order.' +
  `\ngateway: ${fingerprint}\nnetwork: ${claim.network}\npayment: ${claim.payment}\norder: ${claim.order}`

function checkVectors(file) {
  const unread = new Set(Object.keys(JSON.parse(readFileSync(file))).filter(k => k !== 'about'))
  const v = new Proxy(JSON.parse(readFileSync(file)), { get: (o, k) => { assert(k in o, k); unread.delete(k); return o[k] } })
  const is = (a, b) => assert.equal(Buffer.isBuffer(a) ? a.toString('hex') : a, b)
  const gateway = secret('ed25519', hex(v.gateway_seed)), buyer = secret('ed25519', hex(v.buyer_seed)), own = secret('x25519', hex(v.seal_private))
  is(publicOf(gateway), v.gateway_public)
  is(sha256(publicOf(gateway)), v.fingerprint)
  is(publicOf(own), v.seal_public)
  is(sha256(publicOf(own)).subarray(0, 8), v.kid)
  is(orderInfo(publicOf(gateway), hex(v.kid)), v.order_info)
  const offer = verified('offer', v.offer, v.fingerprint), offer2 = verified('offer', v.offer_by_amount, v.fingerprint)
  is(canonical(offer), v.offer)
  is(sha256(v.offer), v.offer_hash)
  const { order, text, ...steps } = openOrder(publicOf(gateway), own, hex(v.sealed_order))
  is(text, v.order)
  is(signedBytes('order', order, 'buyer_signature').toString(), v.order_signed_bytes)
  is(c.sign(null, Buffer.from(v.order_signed_bytes), buyer).toString('base64url'), order.buyer_signature)
  is(order.offer_hash, v.offer_hash)
  is(sha256(hex(v.sealed_order)), v.order_hash)
  is(tagOf(v.order_hash), v.reference)
  is(replyInfo(v.order_hash), v.reply_info)
  for (const [mine, its] of [['enc', 'enc'], ['dh', 'dh'], ['shared', 'shared_secret'], ['key', 'key'], ['nonce', 'nonce']]) is(steps[mine], v.sealed_order_steps[its])
  checkInvoice(verified('invoice', v.invoice, v.fingerprint), offer, order, v.order_hash)
  checkInvoice(verified('invoice', v.invoice_by_amount, v.fingerprint), offer2, order, v.order_hash)
  checkInvoice(verified('invoice', v.invoice_by_address, v.fingerprint), offer2, order, v.order_hash)
  is(openBox(secret('x25519', hex(v.reply_private)), replyInfo(v.order_hash), b64(v.sealed_password)).plain.toString(), v.password)
  is(verified('receipt', v.receipt, v.fingerprint).sealed_password, v.sealed_password)
  assert.throws(() => verified('receipt', v.receipt_with_wrong_signature, v.fingerprint), /signature/)
  is(v.receipt_with_wrong_signature, v.receipt.replace('"seconds":7200', '"seconds":7201'))
  is(openOrder(publicOf(gateway), own, hex(v.metadata)).text, v.metadata_order)
  is(tagOf(sha256(hex(v.metadata)).toString('hex')), v.metadata_tag)
  is(claimMessage(v.fingerprint, v.claim), v.claim_message)
  assert.deepEqual([...unread], [], 'vectors that were not checked')
}

async function ask(url, init) {
  const res = await fetch(url, init), text = await res.text()
  if (!res.ok) throw new Error(`${res.status}: ${text}`)
  return text
}
const [command, at, fingerprint, ...rest] = process.argv.slice(2)
if (command === 'vectors') checkVectors(at)
else if (command === 'receipt') {
  const receipt = verified('receipt', await ask(`${at}/api/v1/orders/${rest[0]}`), fingerprint)
  const password = receipt.sealed_password && openBox(secret('x25519', hex(rest[1])), replyInfo(rest[0]), b64(receipt.sealed_password)).plain.toString()
  console.log(JSON.stringify({ ...receipt, password }))
} else {
  const offer = verified('offer', await ask(`${at}/api/v1/offer`), fingerprint)
  const made = sealOrder(offer, secret('ed25519', hex(rest[0])), JSON.parse(rest[1]))
  const out = { hash: made.hash, sealed: made.sealed.toString('hex'), tag: tagOf(made.hash), reply_private: made.replyPrivate.toString('hex') }
  if (command === 'order') {
    out.invoice = verified('invoice', await ask(`${at}/api/v1/orders`, { method: 'POST', body: made.sealed }), fingerprint)
    checkInvoice(out.invoice, offer, made.order, made.hash)
  }
  console.log(JSON.stringify(out))
}
