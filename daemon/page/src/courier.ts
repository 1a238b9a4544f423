// Carries a sealed order to the gateway and the answers back: by HTTP, or by MQTT where no API answers, as behind
// Mosquitto's own web server. Asking again is always safe: the same bytes only ask for the present state.

import { fromBase64url } from './bytes.ts'
import type { Pending } from './book.ts'
import { apiError } from './gateway.ts'
import type { Connection, Gateway } from './gateway.ts'

export interface Courier {
  /** Resolves with a document or an error object as it came; null when there is no answer yet. Rejects when nobody is reached. */
  ask(order: Pending): Promise<string | null>
  /** Lets go of connections. */
  rest(): void
}

/** How long an answer over MQTT is waited for, in ms. */
const answerWithin = 4_000

export class AnyCourier implements Courier {
  #gateway: Gateway
  #post: Post | undefined

  constructor(gateway: Gateway) {
    this.#gateway = gateway
  }

  async ask(order: Pending): Promise<string | null> {
    if (!this.#post) {
      const answer = await this.#byHTTP(order)
      if (answer !== undefined) return answer
    }
    if (this.#post?.id !== order.replyTo) {
      this.#post?.end()
      this.#post = new Post(this.#gateway, order.replyTo, () => (this.#post = undefined))
    }
    return this.#post.ask(fromBase64url(order.sealed))
  }

  rest(): void {
    this.#post?.end()
    this.#post = undefined
  }

  /** undefined: whoever answers there is not the API. */
  async #byHTTP(order: Pending): Promise<string | undefined> {
    if (order.phase !== 'sending') {
      const known = await this.#gateway.http('GET', `api/v1/orders/${order.agreed.hash}`)
      if (known.status === 200) return known.body
      if (apiError(known)?.code !== 'not-found') return apiError(known) ? known.body : undefined
    }
    const reply = await this.#gateway.http('POST', 'api/v1/orders', fromBase64url(order.sealed))
    return reply.status === 200 || apiError(reply) ? reply.body : undefined
  }
}

/** An anonymous connection with the client id that the order names; only it can read the answers. */
class Post {
  #connection: Connection
  #opened: Promise<void>
  #waiting: ((answer: string | null) => void) | undefined
  #unread: string | undefined

  constructor(gateway: Gateway, readonly id: string, gone: () => void) {
    let open = (): void => {}
    let fail = (_: Error): void => {}
    this.#opened = new Promise((resolve, reject) => ([open, fail] = [resolve, reject]))
    this.#opened.catch(() => {}) // told to whoever asks
    const mine = `wattgate/replies/${id}`
    this.#connection = gateway.connect({ clientId: id }, {
      open: () => {
        this.#connection.subscribe([mine])
        open()
      },
      message: (topic, payload) => {
        if (topic !== mine || payload === '') return
        if (this.#waiting) this.#waiting(payload)
        else this.#unread = payload
      },
      closed: () => {
        fail(new Error('cannot reach the gateway'))
        this.#waiting?.(null)
        gone()
      },
    })
  }

  async ask(sealed: Uint8Array): Promise<string | null> {
    await this.#opened
    if (this.#unread !== undefined) {
      const answer = this.#unread
      this.#unread = undefined
      return answer
    }
    const answer = new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve(null), answerWithin)
      this.#waiting = (got) => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(got)
      }
    })
    await this.#connection.publish('wattgate/orders', sealed)
    return answer
  }

  end(): void {
    this.#connection.end()
  }
}
