// An order under way: what to pay and where, and how far it has come.

import type { App } from '../app.ts'
import type { Pending } from '../book.ts'
import { verify } from '../documents.ts'
import type { Invoice } from '../documents.ts'
import { playMoney } from '../wallets/playmoney.ts'
import { walletsFor } from '../wallets/wallet.ts'
import type { Wallet } from '../wallets/wallet.ts'
import { clockTime, countdown, period } from '../words.ts'
import { claimDetails } from './claimform.ts'
import { copyButton } from './copy.ts'
import { h, icon, say } from './dom.ts'
import { qrPicture } from './qr.ts'
import type { Face } from './shop.ts'

/** After this, in ms, money that this page sent should have been seen. */
const shouldHaveArrived = 10_000

export function pendingFace(app: App, order: Pending): Face {
  const sandbox = order.agreed.network === 'sandbox'
  const invoice = readInvoice(app, order)
  const head = h('p', {}, h('strong', {}, capital(period(order.periodS, order.periods))), ' of live readings ', sandbox ? h('span', { class: 'play' }, 'play money') : null)
  const steps = progress(order)
  if (order.phase === 'lapsed') return { parts: [head, steps, ...lapsed(app, order)] }
  if (order.phase === 'settled' || !invoice) return { parts: [head, steps, order.phase === 'sending' ? giveUp(app, 'Cancel') : null] }
  const left = h('p', { class: 'small soft' })
  const tick = (): void => {
    const seconds = (Date.parse(invoice.expires) - app.clock.now()) / 1000
    say(left, seconds > 0 ? `To be paid within ${countdown(seconds)}, until ${clockTime(Date.parse(invoice.expires))}.` : 'The time to pay is over.')
    late.hidden = !(order.paid > 0 && Date.now() - order.paid > shouldHaveArrived)
  }
  const late = h('div', { class: 'field', hidden: true },
    h('p', { class: 'small' }, 'The gateway has not seen the money. If it is certain that nothing was paid, it can be tried again; what arrives twice is counted as time.'),
    h('button', { type: 'button', class: 'secondary', onclick: () => app.purchases?.payAgain() }, 'Nothing was paid: try again'))
  const parts = [
    head, steps, invoice.state === 'part-paid' ? partPaid(invoice) : null,
    ...buttons(app, order), late, left,
    ...(sandbox ? [h('details', { class: 'more' }, h('summary', {}, 'Address, amount and reference'), ...ways(invoice))] : ways(invoice)),
    claimDetails(app, order.agreed.hash, order.agreed.network), giveUp(app, 'Cancel this order'),
  ]
  return { parts, tick }
}

const capital = (words: string): string => words[0]!.toUpperCase() + words.slice(1)

/** The invoice was verified when it came; storage is not trusted more than the network. */
function readInvoice(app: App, order: Pending): Invoice | null {
  try {
    return order.invoice === '' ? null : verify<Invoice>('invoice', order.invoice, app.fingerprint)
  } catch {
    return null
  }
}

const stages: [Pending['phase'][], string][] = [
  [['sending'], 'Order, sealed for the gateway'],
  [['open', 'part-paid', 'lapsed'], 'Payment'],
  [['settled'], 'Proof that the broker lets you in'],
]

function progress(order: Pending): HTMLElement {
  const at = stages.findIndex(([phases]) => phases.includes(order.phase))
  const items = stages.map(([, words], i) => {
    const state = i < at ? 'done' : i === at ? 'now-step' : ''
    return h('li', { class: state, ...(i === at ? { 'aria-current': 'step' } : {}) }, h('span', { class: 'ball', 'aria-hidden': 'true' }, i < at ? icon('check') : null), h('span', {}, said(order, i, at, words)))
  })
  return h('ol', { class: 'steps' }, ...items)
}

function said(order: Pending, i: number, at: number, words: string): string {
  if (i === 0) return at === 0 ? 'Sending the sealed order' : 'Ordered'
  if (i === 1 && at === 1) return order.phase === 'part-paid' ? 'Part of it is paid' : order.phase === 'lapsed' ? 'Not paid in time' : order.paid > 0 ? 'Waiting for the payment to arrive' : 'Waiting for the payment'
  if (i === 1 && at > 1) return 'Paid'
  return i === 2 && at === 2 ? 'Opening the gate and proving it' : words
}

function buttons(app: App, order: Pending): (HTMLElement | null)[] {
  const wallets: Wallet[] = order.agreed.network === 'sandbox' ? [playMoney(app.gateway)] : walletsFor(order.agreed.network)
  return wallets.map((w) => h('div', { class: 'shop-action' },
    h('button', { type: 'button', class: 'full', disabled: order.paying !== '' || order.phase !== 'open', onclick: () => void app.purchases?.pay(w) },
      order.paying === '' ? `Pay with ${w.name}` : 'Paying')))
}

function partPaid(v: Invoice): HTMLElement {
  return h('p', { class: 'small' }, `${v.paid.amount} of ${v.amount.amount} IOTA have arrived. Pay the rest with the same ${v.reference_kind === 'address' ? 'address' : 'reference'}.`)
}

/** Address, amount and reference, to be copied or photographed. */
function ways(v: Invoice): Node[] {
  const kind = v.reference_kind ?? 'tag'
  const line = (name: string, value: string, what: string, extra = ''): HTMLElement =>
    h('div', {}, h('dt', {}, name), h('dd', { class: extra }, h('code', {}, value), copyButton(what, () => value)))
  const notes = {
    tag: 'Give the reference as the tag of the payment, so that it finds your order.',
    amount: 'Pay exactly this amount, to the last digit and in one payment: the amount itself tells your payment from others. An exchange that takes its fee out of it breaks that.',
    address: 'This address is for this order alone.',
  }
  return [
    qrPicture(v.address, 'the address'),
    h('dl', { class: 'pay' }, line('Exact amount, IOTA', v.amount.amount, 'the amount', 'amount'), line(`Address on ${v.network}`, v.address, 'the address'),
      kind === 'tag' ? line('Reference', v.reference, 'the reference') : null),
    h('p', { class: 'small soft' }, notes[kind]),
  ]
}

function lapsed(app: App, order: Pending): Node[] {
  return [
    h('p', {}, 'The time to pay is over. Money that is still on its way is credited when it arrives, at the price of then; this page keeps looking.'),
    claimDetails(app, order.agreed.hash, order.agreed.network),
    h('div', { class: 'shop-action' }, h('button', { type: 'button', class: 'full', onclick: () => app.purchases?.abandon() }, 'I did not pay: start over')),
  ]
}

function giveUp(app: App, words: string): HTMLElement {
  return h('p', { class: 'field' }, h('button', { type: 'button', class: 'quiet', onclick: () => {
    if (confirm('Forget this order? Do this only if you have not paid for it.')) app.purchases?.abandon()
  } }, words))
}
