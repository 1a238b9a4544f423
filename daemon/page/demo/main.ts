// Loaded before the page: the page then talks to this gateway instead of to where it came from.
// ?period=330 sells shorter periods (in seconds), ?level=private closes the gateway.

import { FakeGateway } from './gateway.ts'
import type { Options } from './gateway.ts'

const key = 'wattgate-demo/books'
const safe = {
  load: (): string | null => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  },
  save: (state: string): void => {
    try {
      localStorage.setItem(key, state)
    } catch {
      // nothing is kept then
    }
  },
}
const asked = new URLSearchParams(location.search)
const options: Options = {
  safe,
  terms: {
    periodS: Math.max(10, Number(asked.get('period')) || 3600),
    endpoints: {
      mqtt: 'mqtt://workshop.example:1883',
      mqtts: 'mqtts://workshop.example:8883',
      https: 'https://workshop.example:8443',
      tls_sha256: '5f2c0a7d9be14f0c83c1d2a64e7b90f15a3c8e62d417b09fa4c35e8d2716b0c9',
    },
  },
}
const level = asked.get('level')
if (level === 'private' || level === 'average') options.level = level
globalThis.wattgateDemo = new FakeGateway(options)
