// The topics as they come: last value, messages a second, and which of them are locked.

export interface Topic {
  name: string
  /** '' while nothing came. */
  value: string
  /** When the last message came, ms; 0 while none did. */
  at: number
  retained: boolean
  count: number
  /** Offered for sale and never received in this session. */
  locked: boolean
}

/** Rates are means over this many seconds. */
const over = 10
/** Strangers cannot make the page grow: beyond this no new topics are taken. */
const maxTopics = 400
const maxValue = 2_000

export class Topics {
  #byName = new Map<string, Topic>()
  #arrivals = new Map<string, number[]>()
  #sold = new Set<string>()

  /** The names for sale; those nothing was received on are locked. */
  offer(names: readonly string[]): void {
    for (const name of this.#sold) {
      const t = this.#byName.get(name)
      if (t && t.count === 0 && !names.includes(name)) this.#byName.delete(name)
    }
    this.#sold = new Set(names)
    for (const name of names) this.#entry(name)
    for (const t of this.#byName.values()) t.locked = t.count === 0 && this.#sold.has(t.name)
  }

  /** Forgets what was received on topics for sale: the access to them is over. */
  lock(): void {
    for (const name of this.#sold) {
      const t = this.#byName.get(name)
      if (t) Object.assign(t, { value: '', at: 0, count: 0, locked: true })
      this.#arrivals.delete(name)
    }
  }

  message(name: string, value: string, retained: boolean, now: number): void {
    if (value === '') { // a retained message was cleared
      this.#byName.delete(name)
      this.#arrivals.delete(name)
      if (this.#sold.has(name)) this.#entry(name)
      return
    }
    const t = this.#entry(name)
    if (!t) return
    Object.assign(t, { value: value.slice(0, maxValue), at: now, retained, count: t.count + 1, locked: false })
    if (retained) return // was kept by the broker: no arrival of now
    let times = this.#arrivals.get(name)
    if (!times) this.#arrivals.set(name, (times = []))
    times.push(now)
    if (times.length > 4_000) times.splice(0, 2_000)
  }

  /** Messages a second over the last ten seconds. */
  rate(name: string, now: number): number {
    const times = this.#arrivals.get(name)
    if (!times) return 0
    const first = times.findIndex((t) => t > now - over * 1000)
    if (first < 0) times.length = 0
    else if (first > 0) times.splice(0, first)
    if (times.length < 2) return times.length / over
    const age = (now - times[0]!) / 1000
    return times.length / Math.min(over, Math.max(1, age + age / times.length))
  }

  /** All of them, by name. */
  list(): Topic[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #entry(name: string): Topic | undefined {
    let t = this.#byName.get(name)
    if (!t && this.#byName.size < maxTopics) {
      t = { name, value: '', at: 0, retained: false, count: 0, locked: this.#sold.has(name) }
      this.#byName.set(name, t)
    }
    return t
  }
}
