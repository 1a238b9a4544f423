// For money that came out wrong: an exchange took its fee, the reference was forgotten.

import type { App } from '../app.ts'
import { claimMessage, sendClaim, takesClaims } from '../claim.ts'
import { copyButton } from './copy.ts'
import { fill, h, say } from './dom.ts'

/** A folded-in form, empty until it is opened: only then the gateway is asked whether it takes claims. */
export function claimDetails(app: App, order: string, network: string): HTMLElement {
  const body = h('div', {}, h('p', { class: 'soft' }, 'Asking the gateway'))
  const details = h('details', { class: 'more', ontoggle: () => {
    if (!details.open || body.dataset.asked) return
    body.dataset.asked = 'yes'
    void takesClaims(app.gateway).then((takes) => fill(body, ...(takes ? claimForm(app, order, network) : without())))
  } }, h('summary', {}, 'Paid, but nothing happens?'), body)
  return details
}

function without(): HTMLElement[] {
  return [h('p', {}, 'A payment that matches no order is never lost: the gateway lists it, and its owner can assign it to yours. Send the owner the payment’s id and the reference of your order.')]
}

function claimForm(app: App, order: string, network: string): HTMLElement[] {
  const payment = h('input', { id: 'claim-payment', type: 'text', autocomplete: 'off', spellcheck: 'false', maxlength: 128, required: true })
  const signature = h('input', { id: 'claim-signature', type: 'text', autocomplete: 'off', spellcheck: 'false', maxlength: 4096, required: true })
  const text = h('code', {})
  const message = (): string => claimMessage(app.fingerprint, { network, payment: payment.value.trim(), order })
  const update = (): void => say(text, message())
  payment.addEventListener('input', update)
  update()
  const result = h('p', { class: 'small', role: 'status' })
  const button = h('button', { type: 'submit', class: 'secondary full' }, 'Claim the payment')
  return [
    h('p', {}, 'If the amount came out wrong, as when an exchange takes its fee, the address that paid can claim it for this order:'),
    h('form', { onsubmit: (e) => {
      e.preventDefault()
      button.disabled = true
      void sendClaim(app.gateway, { network, payment: payment.value.trim(), order, signature: signature.value.trim() }).then((r) => {
        button.disabled = false
        say(result, r.words)
        if (r.good) app.purchases?.resume()
      })
    } },
      h('div', { class: 'field' }, h('label', { for: 'claim-payment' }, '1. The payment’s id ', h('span', { class: 'soft' }, 'its digest')), payment),
      h('div', { class: 'field' }, h('p', {}, '2. Sign this text as a personal message, with the address that paid:'), h('div', { class: 'block' }, h('pre', { tabindex: 0 }, text), copyButton('the text', message))),
      h('div', { class: 'field' }, h('label', { for: 'claim-signature' }, '3. The signature'), signature),
      h('div', { class: 'shop-action' }, button), result),
  ]
}
