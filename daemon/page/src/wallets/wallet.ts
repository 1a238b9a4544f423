// The seam for wallets in the browser. Nothing here is loaded by default: a script of its own that finds a wallet calls
// registerWallet, and the shop then shows one more button beside address, amount and QR code.

import type { Invoice } from '../documents.ts'

export interface Wallet {
  /** As the button calls it. */
  name: string
  /** The networks of offers it can pay on. */
  networks: string[]
  /** Pays an invoice that the page has verified and held against the order. Rejects where it is not certain that nothing was paid. */
  pay(invoice: Invoice): Promise<Paid>
  /** Signs a claim's text with the address that paid; absent where the wallet cannot. */
  sign?(message: string): Promise<string>
}

/** What became of a payment: its id on the network, or why it certainly was not made. */
export type Paid = { id: string } | { refused: string }

declare global {
  /** Shared between scripts, which are bundled apart. */
  var wattgateWallets: Wallet[] | undefined
}

/** Sent on the window when a wallet is there. */
export const walletEvent = 'wattgate-wallet'

export function registerWallet(wallet: Wallet): void {
  ;(globalThis.wattgateWallets ??= []).push(wallet)
  dispatchEvent(new Event(walletEvent))
}

export function walletsFor(network: string): Wallet[] {
  return (globalThis.wattgateWallets ?? []).filter((w) => w.networks.includes(network))
}
