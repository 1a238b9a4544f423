// The real gateway: where the page came from.

import type { Connection, ConnectionEvents, ConnectOptions, Gateway, Reply } from './gateway.ts'
import type { MqttPart } from './mqtt.ts'

/** How long an answer may take, in ms. */
const patience = 10_000

declare global {
  /** Set by the demonstration, which is loaded before the page. */
  var wattgateDemo: Gateway | undefined
  /** Set by the script with the MQTT client, which is loaded after the first picture. */
  var wattgateMqtt: MqttPart | undefined
}

async function http(method: 'GET' | 'POST', path: string, body?: Uint8Array | string): Promise<Reply> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), patience)
  try {
    const headers: Record<string, string> = { Accept: 'application/json' }
    if (typeof body === 'string') headers['Content-Type'] = 'application/json'
    const init: RequestInit = { method, headers, signal: stop.signal, cache: 'no-store', credentials: 'same-origin' }
    if (body !== undefined) init.body = body as BodyInit
    const answer = await fetch(path, init)
    const date = Date.parse(answer.headers.get('Date') ?? '')
    return { status: answer.status, body: await answer.text(), date: Number.isNaN(date) ? null : date }
  } finally {
    clearTimeout(timer)
  }
}

/** The broker's address: the page's own, below the same path, with ws for http. */
export function brokerURL(page: string): string {
  const url = new URL('mqtt', page)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.search = url.hash = ''
  return url.href
}

let loading: Promise<MqttPart> | undefined

/** Loads the MQTT client once; its hashed name stands in the page. */
function mqttPart(): Promise<MqttPart> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = document.querySelector<HTMLLinkElement>('link#mqtt')?.href ?? ''
    script.onload = () => (globalThis.wattgateMqtt ? resolve(globalThis.wattgateMqtt) : reject(new Error('empty')))
    script.onerror = () => {
      loading = undefined // the next attempt to connect tries again
      script.remove()
      reject(new Error('cannot load the MQTT client'))
    }
    document.head.append(script)
  })
  return loading
}

function connect(options: ConnectOptions, events: ConnectionEvents): Connection {
  let real: Connection | undefined
  let ended = false
  mqttPart().then(
    (part) => {
      if (!ended) real = part.connect(brokerURL(document.baseURI), options, events)
    },
    () => {
      if (!ended) events.closed('no-client')
    },
  )
  return {
    subscribe: (topics) => real?.subscribe(topics),
    publish: (topic, payload) => real?.publish(topic, payload) ?? Promise.reject(new Error('not connected')),
    end() {
      ended = true
      real?.end()
    },
  }
}

export function theGateway(): Gateway {
  return globalThis.wattgateDemo ?? { http, connect, simulated: false }
}
