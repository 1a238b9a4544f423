// The MQTT client as a script of its own: it is larger than the rest of the page, and the first picture does not need it.

import type { IClientOptions, MqttClient } from 'mqtt'
import * as clientModule from 'mqtt/lib/client'
import { browserStreamBuilder } from 'mqtt/lib/connect/ws'
import type { Connection, ConnectionEvents, ConnectOptions } from './gateway.ts'

/** Largest message that is looked at, in bytes. */
const maxMessage = 32 << 10

export interface MqttPart {
  connect(url: string, options: ConnectOptions, events: ConnectionEvents): Connection
}

/** The class itself, without mqtt.connect: that would bring TCP, TLS and proxies along. */
const Client = unwrap(clientModule) as new (build: (client: MqttClient) => ReturnType<typeof browserStreamBuilder>, options: IClientOptions) => MqttClient

/** CommonJS seen from a module: the class is the default of the default. */
function unwrap(m: unknown): unknown {
  let it = m
  while (it !== null && typeof it === 'object' && 'default' in it) it = it.default
  return it
}

const part: MqttPart = {
  connect(url, options, events) {
    const at = new URL(url)
    const secure = at.protocol === 'wss:'
    const wanted: IClientOptions = {
      protocol: secure ? 'wss' : 'ws',
      hostname: at.hostname,
      port: Number(at.port) || (secure ? 443 : 80),
      path: at.pathname,
      clientId: options.clientId,
      ...(options.username === undefined ? {} : { username: options.username, password: options.password ?? '' }),
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0, // when to try again is the page's decision: it knows why the last one ended
      connectTimeout: 10_000,
      keepalive: 90, // timers of hidden tabs run once a minute
      timerVariant: 'native', // the other kind needs a worker made of text, which the page's policy forbids
      resubscribe: false,
      queueQoSZero: false,
    }
    const client = new Client((c) => browserStreamBuilder(c, wanted), wanted)
    let opened = false
    let refused = false
    let done = false
    const close = (): void => {
      if (done) return
      done = true
      client.end(true)
      events.closed(refused ? 'refused' : opened ? 'lost' : 'unreachable')
    }
    client.on('connect', () => {
      opened = true
      events.open()
    })
    client.on('message', (topic, payload, packet) => {
      if (!done && payload.length <= maxMessage) events.message(topic, payload.toString(), packet.retain)
    })
    client.on('error', (err) => {
      const code = (err as { code?: unknown }).code
      refused ||= code === 4 || code === 5 // CONNACK: bad user name or password; not authorized
      close()
    })
    client.on('close', close)
    return {
      subscribe: (topics) => void client.subscribe(topics, { qos: 0 }),
      publish: (topic, payload) => client.publishAsync(topic, payload as Buffer, { qos: 1 }).then(() => undefined),
      end() {
        done = true
        client.end(true)
      },
    }
  },
}

globalThis.wattgateMqtt = part
