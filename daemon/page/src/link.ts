// The MQTT connection for reading: kept up, with the credentials there are, else as a stranger.

import { newClientID } from './bytes.ts'
import type { Connection, Ending, Gateway } from './gateway.ts'
import { Signal } from './signal.ts'

export interface Credentials {
  username: string
  password: string
}

export interface LinkState {
  phase: 'connecting' | 'open' | 'waiting'
  /** Who is connected; '' is a stranger. */
  as: string
  /** Why the last connection ended; '' after none or a good one. */
  trouble: Ending | ''
  /** When the next attempt is made, ms; 0 unless waiting. */
  retryAt: number
}

/** What everybody may ask for. */
const open = ['wattgate/status', 'wattgate/availability', 'wattgate/offer', 'sensor/#']

const firstPause = 1_000
const longestPause = 30_000
/** A refused login may be the broker's restart, which begins with nobody's rights; then it is tried again, in ms. */
const loginAgain = 15_000

export class Link {
  readonly state = new Signal<LinkState>({ phase: 'connecting', as: '', trouble: '', retryAt: 0 })
  /** The broker refused the credentials, which should be good; the link goes on as a stranger. */
  refused: (username: string) => void = () => {}
  message: (topic: string, payload: string, retained: boolean) => void = () => {}

  #gateway: Gateway
  #connection: Connection | undefined
  #credentials: Credentials | null = null
  #shunned = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #pause = firstPause

  constructor(gateway: Gateway) {
    this.#gateway = gateway
  }

  start(): void {
    addEventListener('online', () => this.kick())
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.kick()
    })
    this.#connect()
  }

  /** Connects with other credentials, or as a stranger with null. */
  use(credentials: Credentials | null): void {
    if (credentials?.username === this.#credentials?.username && credentials?.password === this.#credentials?.password) return
    this.#credentials = credentials
    this.#shunned = 0
    this.#again()
  }

  /** Tries at once if it is waiting. */
  kick(): void {
    if (this.state.value.phase === 'waiting') this.#again()
  }

  /** Drops the connection, which seems dead, and makes a new one. */
  renew(): void {
    this.#again()
  }

  #again(): void {
    clearTimeout(this.#timer)
    this.#connection?.end()
    this.#pause = firstPause
    this.#connect()
  }

  #connect(): void {
    const login = this.#credentials && Date.now() >= this.#shunned ? this.#credentials : null
    const topics = login ? [...open, `wattgate/grants/${login.username}`] : open
    this.state.set({ ...this.state.value, phase: 'connecting', as: login?.username ?? '', retryAt: 0 })
    const connection = this.#gateway.connect({ clientId: newClientID(), ...(login ?? {}) }, {
      open: () => {
        if (this.#connection !== connection) return
        this.#pause = firstPause
        connection.subscribe(topics)
        this.state.set({ phase: 'open', as: login?.username ?? '', trouble: '', retryAt: 0 })
      },
      message: (topic, payload, retained) => {
        if (this.#connection === connection) this.message(topic, payload, retained)
      },
      closed: (why) => {
        if (this.#connection === connection) this.#closed(why, login)
      },
    })
    this.#connection = connection
    if (this.#credentials && !login) this.#later(loginAgain, () => this.#again())
  }

  #closed(why: Ending, login: Credentials | null): void {
    if (why === 'refused' && login) {
      this.#shunned = Date.now() + loginAgain
      const ended = this.#connection
      this.refused(login.username)
      if (this.#connection === ended) this.#connect() // else other credentials were given at once
      return
    }
    const pause = this.#pause * (0.75 + Math.random() / 2) // a thousand pages must not come back at once
    this.#pause = Math.min(this.#pause * 2, longestPause)
    this.state.set({ phase: 'waiting', as: '', trouble: why, retryAt: Date.now() + pause })
    this.#later(pause, () => this.#connect())
  }

  #later(ms: number, what: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(what, ms)
  }
}
