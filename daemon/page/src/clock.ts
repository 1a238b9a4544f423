// The gateway's time, as far as it can be told: ends of grants are by its clock, not by the visitor's.

/** Below this, in ms, the difference is taken for latency and rounding. */
const tolerance = 2_500

export class Clock {
  #offset = 0

  /** at is the gateway's time in ms, as just heard. */
  hear(at: number, here: number = Date.now()): void {
    if (!Number.isFinite(at)) return
    const offset = at - here
    this.#offset = Math.abs(offset) < tolerance ? 0 : offset
  }

  /** The gateway's time now, in ms. */
  now(): number {
    return Date.now() + this.#offset
  }

  /** By how much this machine's clock is wrong, in ms; positive: it is behind. */
  get offset(): number {
    return this.#offset
  }
}
