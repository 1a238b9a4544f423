// One tab acts, the others look on. Web Locks do not exist on plain HTTP, so this is a lease in the common storage.

import type { Store } from './book.ts'

/** A tab that says nothing for this long, in ms, has given up; timers of hidden tabs may run once a second only. */
const life = 6_000

export class Lease {
  constructor(
    readonly store: Store,
    readonly key: string,
    readonly tab: string,
  ) {}

  /** Takes or renews the lease. False: another tab has it. */
  hold(now: number): boolean {
    const [holder, until] = (this.store.getItem(this.key) ?? '').split(' ')
    if (holder && holder !== this.tab && Number(until) > now && Number(until) < now + 2 * life) return false
    this.store.setItem(this.key, `${this.tab} ${now + life}`)
    return true
  }

  release(): void {
    if ((this.store.getItem(this.key) ?? '').startsWith(`${this.tab} `)) this.store.setItem(this.key, '')
  }
}

/** How long a mark in the common storage may take to be seen by all tabs, in ms. */
export const settleMs = 200
