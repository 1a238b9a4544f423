// Where and how the gateway is reached: what its signed offer says, else what can be guessed from the page's own address.

import type { Endpoints } from './documents.ts'

export interface Place {
  host: string
  port: number
  /** The offer does not say it: the usual port on the page's own host. */
  guessed: boolean
}

export interface Reach {
  tls: Place | null
  plain: Place | null
  /** Lower-case hex SHA-256 of the certificate; '' where the offer names none. */
  tlsSHA256: string
  /** Base of the HTTP API, ending in a slash. */
  web: string
  /** The page over TLS; '' where there is none. */
  secureWeb: string
  websockets: string
}

export function reachOf(endpoints: Endpoints | undefined, page: string): Reach {
  const here = new URL('.', page)
  const guess = (port: number): Place => ({ host: here.hostname || 'localhost', port, guessed: true })
  const ws = new URL('mqtt', here)
  ws.protocol = here.protocol === 'https:' ? 'wss:' : 'ws:'
  const tlsSHA256 = endpoints?.tls_sha256 ?? ''
  const secure = here.protocol === 'https:'
  const secureWeb = secure ? here.href : webBase(endpoints?.https)
  return {
    tls: placeOf(endpoints?.mqtts, 8883) ?? (tlsSHA256 ? guess(8883) : null),
    plain: placeOf(endpoints?.mqtt, 1883) ?? guess(1883),
    tlsSHA256,
    web: here.protocol.startsWith('http') ? here.href : webBase(endpoints?.http),
    secureWeb,
    websockets: ws.href,
  }
}

function placeOf(url: string | undefined, port: number): Place | null {
  // URL knows no ports of mqtt: and leaves its host unchecked; http: does both.
  const m = /^mqtts?:\/\/(.+)$/.exec(url ?? '')
  try {
    const u = new URL(`http://${m?.[1] ?? ''}`)
    return { host: u.hostname, port: Number(u.port) || port, guessed: false }
  } catch {
    return null
  }
}

function webBase(url: string | undefined): string {
  if (!url || !/^https?:\/\//.test(url)) return ''
  return url.endsWith('/') ? url : `${url}/`
}

/** The line for the command-line buyer, which checks who signs. */
export function buyLine(reach: Reach, fingerprint: string): string {
  const place = reach.tlsSHA256 && reach.tls ? reach.tls : reach.plain
  if (!place) return ''
  const scheme = place === reach.tls ? 'mqtts' : 'mqtt'
  return `wattgate buy '${scheme}://${place.host}:${place.port}#${fingerprint}'`
}

/** Others on the way can read along: plain HTTP to another machine. */
export function overheard(page: string): boolean {
  const u = new URL(page)
  return u.protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(u.hostname) && !u.hostname.endsWith('.localhost')
}
