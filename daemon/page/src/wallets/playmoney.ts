// Play money: the sandbox pays itself when asked.

import { apiError } from '../gateway.ts'
import type { Gateway } from '../gateway.ts'
import type { Wallet } from './wallet.ts'

export function playMoney(gateway: Gateway): Wallet {
  return {
    name: 'play money',
    networks: ['sandbox'],
    async pay(invoice) {
      const body = JSON.stringify({ address: invoice.address, amount: invoice.amount.base, reference: invoice.reference })
      const reply = await gateway.http('POST', 'api/v1/sandbox/pay', body)
      const refusal = apiError(reply)
      if (refusal) return { refused: refusal.message }
      if (reply.status !== 200) throw new Error('no answer of the gateway')
      return { id: String((JSON.parse(reply.body) as { id?: unknown }).id ?? '') }
    },
  }
}
