// The shop: which of its faces is shown. What the faces show comes from the book, so every tab shows the same.

import type { App } from '../app.ts'
import { walletEvent } from '../wallets/wallet.ts'
import { accessFace } from './shopaccess.ts'
import { orderForm } from './shopform.ts'
import { pendingFace } from './shoppending.ts'
import { signInForm } from './signin.ts'
import { announce, fill, h, must } from './dom.ts'

/** A face of the shop: what it shows, and what changes in it each second. */
export interface Face {
  parts: (Node | null)[]
  tick?: () => void
}

export class Shop {
  #app: App
  #key = ''
  #face: Face = { parts: [] }
  #renewing = false

  constructor(app: App) {
    this.#app = app
    for (const s of [app.offer, app.noOffer, app.book, app.account, app.status]) s.watch(() => this.draw())
    addEventListener(walletEvent, () => this.draw(true))
    addEventListener('wattgate-shop', () => this.#go())
    addEventListener('wattgate-renew', () => {
      this.#renewing = true
      this.draw()
      this.#go()
    })
    setInterval(() => this.#face.tick?.(), 1_000)
  }

  /** Draws anew where the state is another one; what is being typed in a form that stays is not lost. */
  draw(force = false): void {
    const { offer, noOffer, book, account } = this.#app
    const pending = book.value?.pending ?? null
    if (pending) this.#renewing = false
    const p = pending && [pending.agreed.hash, pending.phase, pending.invoice, pending.paying, pending.paid]
    const a = account.value && [account.value.username, account.value.end]
    const key = JSON.stringify([offer.value?.hash, noOffer.value, p, a, this.#renewing, this.#app.status.value.state === 'private'])
    if (key === this.#key && !force) return
    const had = must('shop-body').contains(document.activeElement)
    this.#key = key
    this.#face = this.#choose()
    fill(must('shop-body'), ...this.#face.parts)
    this.#face.tick?.()
    if (had && !must('shop-body').contains(document.activeElement)) must('shop').focus()
  }

  #choose(): Face {
    const app = this.#app
    const { offer, noOffer, book, account } = app
    const pending = book.value?.pending
    if (pending) return pendingFace(app, pending)
    const form = (): Face => orderForm(app, offer.value!, () => this.#ordered())
    const sells = offer.value !== null && noOffer.value === ''
    if (account.value) return accessFace(app, account.value, sells && this.#renewing ? form() : null, sells ? () => this.#renew() : null)
    if (sells) {
      const face = form()
      return { ...face, parts: [...face.parts, signInForm(app)] }
    }
    return { parts: [h('p', { class: 'soft' }, this.#closed()), signInForm(app)] }
  }

  #closed(): string {
    switch (this.#app.noOffer.value) {
      case 'unread':
        return 'Reading the offer'
      case 'untrusted':
        return 'The offer is not shown, because it is not signed by the gateway you know.'
      default:
        return this.#app.status.value.state === 'private' ? 'This gateway is private; nothing is sold.' : 'Nothing is sold here at the moment. The free average stays free.'
    }
  }

  #renew(): void {
    this.#renewing = !this.#renewing
    this.draw()
  }

  #ordered(): void {
    this.#renewing = false
    announce('Ordered. The gateway is asked for an invoice.')
    this.draw()
    must('shop').focus()
  }

  #go(): void {
    must('shop').scrollIntoView({ block: 'nearest' })
    const first = must('shop-body').querySelector<HTMLElement>('input, button')
    ;(first ?? must('shop')).focus({ preventScroll: true })
  }
}
