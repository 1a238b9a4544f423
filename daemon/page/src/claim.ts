// A payer's claim: money that came but matched no order, as after an exchange took its fee.

import { apiError } from './gateway.ts'
import type { Gateway } from './gateway.ts'

export interface Claim {
  network: string
  /** The id that the network gave the payment. */
  payment: string
  /** Lower-case hex SHA-256 of the sealed order. */
  order: string
  /** The wallet's signature of claimMessage. */
  signature: string
}

/** The text that the payer's wallet signs: good for one payment, one order, one gateway. */
export function claimMessage(fingerprint: string, c: Omit<Claim, 'signature'>): string {
  return (
    'wattgate/claim/v1\nI made this payment. Credit it to this order.' +
    `\ngateway: ${fingerprint}\nnetwork: ${c.network}\npayment: ${c.payment}\norder: ${c.order}`
  )
}

/** Whether this gateway takes claims: one that does not says 404. */
export async function takesClaims(gateway: Gateway): Promise<boolean> {
  try {
    const reply = await gateway.http('POST', 'api/v1/claims', '{}')
    return reply.status !== 404 && apiError(reply) !== null
  } catch {
    return false
  }
}

/** Sends a claim; resolves with what to tell the payer. */
export async function sendClaim(gateway: Gateway, c: Claim): Promise<{ good: boolean; words: string }> {
  try {
    const reply = await gateway.http('POST', 'api/v1/claims', JSON.stringify(c))
    const refusal = apiError(reply)
    if (refusal) return { good: false, words: `${refusal.message}${refusal.fix ? ` (${refusal.fix})` : ''}` }
    return { good: true, words: 'The payment is credited to your order.' }
  } catch {
    return { good: false, words: 'The gateway does not answer. Try again in a minute; a claim can be sent twice without harm.' }
  }
}
