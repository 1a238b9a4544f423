// The order form: how long, what it costs, under which name.

import type { App } from '../app.ts'
import type { Product, VerifiedOffer } from '../documents.ts'
import { decimal, unitsOf } from '../money.ts'
import { cost, usernameProblem } from '../order.ts'
import { period } from '../words.ts'
import { fill, h, icon, say } from './dom.ts'
import type { Face } from './shop.ts'

/** More than this is a typing error. */
const maxPeriods = 100_000

export function orderForm(app: App, offer: VerifiedOffer, ordered: () => void): Face {
  const product = offer.offer.products[0]!
  const least = Math.max(1, product.min_periods)
  const account = app.account.value
  const count = h('input', { id: 'periods', type: 'number', inputmode: 'numeric', min: least, max: maxPeriods, step: 1, value: least, 'aria-describedby': 'periods-hint' })
  const name = h('input', { id: 'username', type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 32, 'aria-describedby': 'username-hint' })
  name.value = account?.username ?? app.book.value?.last ?? ''
  const hint = h('p', { id: 'periods-hint', class: 'small soft' })
  const nameHint = h('p', { id: 'username-hint', class: 'small soft' })
  const total = h('p', { class: 'total' })
  const beside = h('p', { class: 'small soft' })
  const button = h('button', { type: 'submit', class: 'full' })

  const update = (): void => {
    const n = Number(count.value)
    const wrong = !Number.isSafeInteger(n) || n < least || n > maxPeriods
    const problem = usernameProblem(name.value)
    count.setAttribute('aria-invalid', String(wrong))
    name.setAttribute('aria-invalid', String(problem !== ''))
    say(hint, wrong ? `At least ${period(product.period_s, least)} ${least === 1 ? 'is' : 'are'} sold at once.` : atOnce(product, least))
    say(nameHint, problem || (account ? 'Kept: renewing adds to your time.' : 'May stay empty; then the gateway makes one up. The password is made for you.'))
    button.disabled = wrong || problem !== ''
    fill(total, wrong ? '–' : `${decimal(cost(product, n), product.price.decimals)} IOTA`)
    fill(beside, ...costs(offer, product, wrong ? least : n))
    say(button, wrong ? 'Order' : `${account ? 'Add' : 'Order'} ${period(product.period_s, n)}`)
  }
  const step = (by: number): void => {
    count.value = String(Math.min(maxPeriods, Math.max(least, (Number(count.value) || 0) + by)))
    update()
  }
  const problem = h('p', { class: 'small bad-text', role: 'alert' })
  const form = h('form', { novalidate: true, onsubmit: (e) => {
    e.preventDefault()
    if (button.disabled) return
    try {
      app.purchases?.order({ product: product.id, periods: Number(count.value), username: name.value }, offer)
      ordered()
    } catch (err) {
      say(problem, err instanceof Error ? err.message : String(err))
    }
  } },
    h('div', { class: 'field' },
      h('label', { for: 'periods' }, 'How long ', h('span', { class: 'soft' }, `in ${unitName(product)}`)),
      h('div', { class: 'stepper' },
        h('button', { type: 'button', class: 'secondary', 'aria-label': 'Less', onclick: () => step(-1) }, icon('minus')), count,
        h('button', { type: 'button', class: 'secondary', 'aria-label': 'More', onclick: () => step(1) }, icon('plus'))),
      hint),
    h('div', { class: 'field', ...(account ? { hidden: true } : {}) },
      h('label', { for: 'username' }, 'User name ', h('span', { class: 'soft' }, 'if you want a certain one')), name, nameHint),
    h('div', { class: 'price' }, total, beside),
    h('div', { class: 'shop-action' }, button), problem)
  count.addEventListener('input', update)
  name.addEventListener('input', update)
  update()
  return { parts: [account ? null : intro(offer, product), form, account ? null : terms(offer, product)] }
}

function intro(offer: VerifiedOffer, p: Product): HTMLElement {
  return h('div', {},
    offer.offer.network === 'sandbox' ? h('p', {}, h('span', { class: 'play' }, 'Sandbox: play money, worth nothing')) : h('p', { class: 'small soft' }, `Paid on the network ${offer.offer.network}.`),
    h('p', { class: 'soft' }, `${p.rate_hz} messages a second on ${p.topics.length === 1 ? 'one topic' : `${p.topics.length} topics`}, without an account. ${meter(p)}`))
}

/** Two messages a second do not make two measurements. */
function meter(p: Product): string {
  const between = p.meter_refresh_ms / 1000
  return between > 0 && between > 1 / Math.max(1, p.rate_hz) ? `The meter itself has a new value about every ${between} s.` : ''
}

function terms(offer: VerifiedOffer, p: Product): HTMLElement {
  return h('details', { class: 'more' }, h('summary', {}, 'Terms and topics'), h('p', {}, offer.offer.terms), h('p', { class: 'mono' }, p.topics.join(', ')))
}

function unitName(p: Product): string {
  const words = period(p.period_s, 2)
  return words.startsWith('2 ') ? words.slice(2) : `periods of ${period(p.period_s)}`
}

const atOnce = (p: Product, least: number): string => (least > 1 ? `At least ${period(p.period_s, least)}.` : '')

function costs(offer: VerifiedOffer, p: Product, n: number): (Node | string)[] {
  const fee = offer.offer.fee
  const out: (Node | string)[] = [n === 1 ? `for ${period(p.period_s)}, from the moment access is proven` : `for ${period(p.period_s, n)}, at ${p.price.amount} for ${period(p.period_s)}`]
  if (unitsOf(fee) > 0n) out.push(h('br'), `The network takes about ${fee.amount} IOTA for the payment besides.`)
  if (offer.offer.reference_kind === 'amount') out.push(h('br'), 'The invoice asks for a tiny bit more, which tells your payment from others and buys time too.')
  if (offer.offer.network === 'sandbox') out.push(h('br'), h('span', { class: 'warm-text' }, 'Play money: it costs nothing.'))
  return out
}
