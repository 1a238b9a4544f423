// The one way from the page to a gateway. The real one speaks HTTP and MQTT over WebSockets to where the page came from;
// the demonstration's answers from inside the browser. The page does not know which it has.

/** What came back for an HTTP request, whatever its status. */
export interface Reply {
  status: number
  body: string
  /** The gateway's clock, in ms; null where the answer did not say. */
  date: number | null
}

export interface ConnectOptions {
  clientId: string
  username?: string
  password?: string
}

/** Why a connection ended, for code; the words are made where they are shown. */
export type Ending = 'refused' | 'unreachable' | 'lost' | 'no-client'

export interface ConnectionEvents {
  open(): void
  message(topic: string, payload: string, retained: boolean): void
  /** Called once; nothing follows. */
  closed(why: Ending): void
}

export interface Connection {
  subscribe(topics: string[]): void
  /** Resolves when the broker has taken it. */
  publish(topic: string, payload: Uint8Array): Promise<void>
  /** Ends it; closed is not called. */
  end(): void
}

export interface Gateway {
  /** path is relative to the page: 'api/v1/offer'. Rejects where nothing answered. */
  http(method: 'GET' | 'POST', path: string, body?: Uint8Array | string): Promise<Reply>
  connect(options: ConnectOptions, events: ConnectionEvents): Connection
  /** The page runs on made-up readings, without a gateway. */
  simulated: boolean
}

/** An error of the HTTP API, or null where the body is something else: another web server's page, for example. */
export function apiError(reply: Reply): { code: string; message: string; fix: string } | null {
  try {
    const e = (JSON.parse(reply.body) as { error?: { code?: unknown; message?: unknown; fix?: unknown } }).error
    return e && typeof e.code === 'string' ? { code: e.code, message: String(e.message ?? ''), fix: String(e.fix ?? '') } : null
  } catch {
    return null
  }
}
