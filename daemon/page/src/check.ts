// The connection test: what works and what does not, in words, with what to do about it.

import { newClientID } from './bytes.ts'
import { apiError } from './gateway.ts'
import type { Ending, Gateway } from './gateway.ts'
import { span } from './words.ts'

export interface Finding {
  state: 'good' | 'maybe' | 'bad'
  words: string
}

export interface Subject {
  gateway: Gateway
  /** How the offer was judged; '' is good. */
  offer: '' | 'unread' | 'none' | 'untrusted'
  login: { username: string; password: string } | null
  /** By how much this machine's clock is wrong, in ms. */
  clockOffset: number
  secure: boolean
}

/** Looks at one thing after another; tell is called with each. */
export async function checkConnection(s: Subject, tell: (f: Finding) => void): Promise<void> {
  await checkAPI(s, tell)
  const heard = await listen(s.gateway, null, (h) => h.topics.has('wattgate/status') && h.topics.has('sensor/1m'), 4_000)
  if (heard.ending) return tell({ state: 'bad', words: unreached(heard.ending, s.secure) })
  tell({ state: 'good', words: `MQTT over WebSockets works; connected in ${Math.round(heard.openMs)} ms.` })
  checkTopics(heard, tell)
  if (s.login) await checkLogin(s, s.login, tell)
  if (Math.abs(s.clockOffset) > 5_000)
    tell({ state: 'maybe', words: `This device’s clock is ${span(Math.abs(s.clockOffset) / 1000)} ${s.clockOffset > 0 ? 'slow' : 'fast'}. Times here are by the gateway’s clock.` })
}

async function checkAPI(s: Subject, tell: (f: Finding) => void): Promise<void> {
  try {
    const reply = await s.gateway.http('GET', 'api/v1/offer')
    if (reply.status === 200) tell({ state: 'good', words: 'The gateway’s HTTP API answers.' })
    else if (apiError(reply)) tell({ state: 'good', words: `The gateway’s HTTP API answers: ${apiError(reply)!.message}.` })
    else tell({ state: 'maybe', words: 'A web server answers, but not wattgate’s API. Ordering goes over MQTT; the last 24 hours are missing.' })
  } catch {
    tell({ state: 'bad', words: 'Nothing answers by HTTP. The gateway is switched off, or this device has lost the network.' })
  }
  if (s.offer === 'untrusted') tell({ state: 'bad', words: 'The offer is not signed by the gateway you know. Do not buy.' })
  if (s.offer === '') tell({ state: 'good', words: 'The offer is signed by this gateway.' })
}

function checkTopics(heard: Heard, tell: (f: Finding) => void): void {
  const status = heard.topics.get('wattgate/status') ?? ''
  const state = /"state":"([a-z]+)"/.exec(status)?.[1]
  if (!state) return tell({ state: 'maybe', words: 'The broker is there, but the gateway has published nothing. Its daemon may not be running.' })
  if (state === 'private') return tell({ state: 'maybe', words: 'The owner publishes nothing at the moment, so there is nothing to read without a login.' })
  if (state === 'withheld') return tell({ state: 'maybe', words: 'The gateway holds its readings back until it has proven that the broker obeys.' })
  if (heard.topics.has('sensor/1m')) tell({ state: 'good', words: 'The free average arrives.' })
  else tell({ state: 'maybe', words: 'Connected, but there is no average yet. It is sent once a minute.' })
}

async function checkLogin(s: Subject, login: { username: string; password: string }, tell: (f: Finding) => void): Promise<void> {
  const heard = await listen(s.gateway, login, (h) => h.live >= 4, 6_000)
  if (heard.ending === 'refused') return tell({ state: 'bad', words: `The broker refuses ${login.username}: the password is wrong, or the access is over.` })
  if (heard.ending) return tell({ state: 'bad', words: unreached(heard.ending, s.secure) })
  if (heard.live === 0) return tell({ state: 'bad', words: `${login.username} is logged in, but no live readings arrive. The gateway may be holding them back.` })
  tell({ state: 'good', words: `${login.username} is logged in and live readings arrive.` })
}

function unreached(why: Ending, secure: boolean): string {
  if (why === 'no-client') return 'A part of this page could not be loaded. Reload it.'
  if (why === 'refused') return 'The broker refuses visitors without a login. The owner may have closed it.'
  const proxy = 'A proxy on the way may not pass WebSockets on, or the broker is restarting.'
  return secure ? `WebSockets do not get through. ${proxy}` : `WebSockets do not get through. ${proxy} Some networks only let encrypted ones pass: try the page over https.`
}

interface Heard {
  ending: Ending | null
  openMs: number
  topics: Map<string, string>
  live: number
}

/** Connects, listens until enough is heard or the time is over, and leaves. */
function listen(gateway: Gateway, login: { username: string; password: string } | null, enough: (h: Heard) => boolean, most: number): Promise<Heard> {
  return new Promise((resolve) => {
    const heard: Heard = { ending: null, openMs: 0, topics: new Map(), live: 0 }
    const begun = performance.now()
    let timer: ReturnType<typeof setTimeout>
    const finish = (): void => {
      clearTimeout(timer)
      connection.end()
      resolve(heard)
    }
    const connection = gateway.connect({ clientId: newClientID(), ...(login ?? {}) }, {
      open() {
        heard.openMs = performance.now() - begun
        connection.subscribe(['wattgate/status', 'sensor/1m', 'sensor/live'])
        clearTimeout(timer)
        timer = setTimeout(finish, most)
      },
      message(topic, payload) {
        heard.topics.set(topic, payload)
        if (topic === 'sensor/live') heard.live++
        if (enough(heard)) finish()
      },
      closed(why) {
        heard.ending = why
        finish()
      },
    })
    timer = setTimeout(() => {
      heard.ending = 'unreachable'
      finish()
    }, 15_000)
  })
}
