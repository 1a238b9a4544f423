// What the browser keeps about one gateway: the buyer's key, credentials, and the order that is under way. Everything is
// written before it is acted on, so a reload, a second tab or a closed laptop loses nothing.

import { random, toBase64url } from './bytes.ts'
import type { Agreed } from './order.ts'

export interface Account {
  username: string
  /** '' when it is not known here: the account was made in another browser. */
  password: string
  /** ms since 1970, by the gateway's clock. */
  end: number
  topics: string[]
  /** Typed in by the visitor, and not known to be right. */
  typed?: boolean
}

/** How far an order has come. sending: the gateway has not answered yet. */
export type Phase = 'sending' | 'open' | 'part-paid' | 'lapsed' | 'settled'

export interface Pending {
  agreed: Agreed
  product: string
  periods: number
  periodS: number
  username: string
  /** The sealed order, base64url: sent again, it only asks for the present state. */
  sealed: string
  /** The X25519 private key that the gateway's secrets are sealed to, base64url. */
  replyPrivate: string
  replyTo: string
  /** ms since 1970. */
  made: number
  phase: Phase
  /** The verified invoice as it came; '' before. Once there is one, the buyer may have paid by any means. */
  invoice: string
  /** Who pays from this page at the moment, '' if nobody: a random mark of the tab. */
  paying: string
  /** When this page last told money to go, ms; 0: never. */
  paid: number
}

export interface Book {
  v: 1
  /** Ed25519 seed, base64url; user names are bound to its key. */
  buyer: string
  /** The user name bought last. */
  last: string
  accounts: Record<string, Account>
  pending: Pending | null
}

/** What of Web Storage is needed. */
export interface Store {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

class Memory implements Store {
  #map = new Map<string, string>()
  getItem(key: string): string | null {
    return this.#map.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    this.#map.set(key, value)
  }
}

/** The browser's storage, or memory where it is switched off; lasting says which. */
export function openStore(): { store: Store; lasting: boolean } {
  try {
    const probe = 'wattgate/probe'
    localStorage.setItem(probe, '1')
    localStorage.removeItem(probe)
    return { store: localStorage, lasting: true }
  } catch {
    return { store: new Memory(), lasting: false }
  }
}

const bookKey = (fingerprint: string): string => `wattgate/book/${fingerprint}`

export class Books {
  constructor(readonly store: Store) {}

  read(fingerprint: string): Book {
    const empty: Book = { v: 1, buyer: '', last: '', accounts: {}, pending: null }
    const raw = this.store.getItem(bookKey(fingerprint))
    if (raw === null) return empty
    try {
      const book = JSON.parse(raw) as Book
      if (book.v === 1 && typeof book.accounts === 'object') return { ...empty, ...book }
    } catch {
      // kept below
    }
    this.store.setItem(`${bookKey(fingerprint)}/unreadable`, raw) // may hold credentials: never thrown away
    return empty
  }

  /** Reads, changes and writes in one go; no other tab can come between within one task of this one. */
  change(fingerprint: string, change: (book: Book) => void): Book {
    const book = this.read(fingerprint)
    change(book)
    this.store.setItem(bookKey(fingerprint), JSON.stringify(book))
    return book
  }

  /** The seed of the buyer's key, made when there is none. */
  buyer(fingerprint: string): string {
    return this.read(fingerprint).buyer || this.change(fingerprint, (b) => (b.buyer ||= toBase64url(random(32)))).buyer
  }

  /** The gateway that answered at this address before, '' at first contact. */
  known(address: string): string {
    return this.store.getItem(`wattgate/known/${address}`) ?? ''
  }

  remember(address: string, fingerprint: string): void {
    this.store.setItem(`wattgate/known/${address}`, fingerprint)
  }

  /** Calls changed when another tab has written the book of this gateway. */
  onOther(fingerprint: string, changed: () => void): void {
    window.addEventListener('storage', (e) => {
      if (e.key === bookKey(fingerprint)) changed()
    })
  }
}

/** The account whose time is not over, the longest first; null if there is none. */
export function currentAccount(book: Book, now: number): Account | null {
  const open = Object.values(book.accounts).filter((a) => a.end > now && a.password !== '')
  open.sort((a, b) => b.end - a.end)
  return open[0] ?? null
}
