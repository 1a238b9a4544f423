// The last hours of live readings in memory that never grows.

/** One slot of the 2 Hz grid. What is not known is NaN. */
export interface Slot {
  /** Seconds since 1970. */
  t: number
  w: number
  wh: number
  ageMs: number
  plugs: number
  of: number
}

const width = 6

export class Ring {
  #data: Float64Array
  #next = 0
  #size = 0

  /** capacity is in slots; 57,600 are eight hours and 2.7 MB. */
  constructor(readonly capacity: number) {
    this.#data = new Float64Array(capacity * width)
  }

  get size(): number {
    return this.#size
  }

  push(s: Slot): void {
    this.#data.set([s.t, s.w, s.wh, s.ageMs, s.plugs, s.of], this.#next * width)
    this.#next = (this.#next + 1) % this.capacity
    if (this.#size < this.capacity) this.#size++
  }

  /** i counts from the oldest. */
  at(i: number): Slot {
    const o = this.#offset(i)
    const d = this.#data
    return { t: d[o]!, w: d[o + 1]!, wh: d[o + 2]!, ageMs: d[o + 3]!, plugs: d[o + 4]!, of: d[o + 5]! }
  }

  time(i: number): number {
    return this.#data[this.#offset(i)]!
  }

  watts(i: number): number {
    return this.#data[this.#offset(i) + 1]!
  }

  age(i: number): number {
    return this.#data[this.#offset(i) + 3]!
  }

  /** The first index whose time is not before t; size if there is none. Times only grow. */
  search(t: number): number {
    let [lo, hi] = [0, this.#size]
    while (lo < hi) {
      const mid = (lo + hi) >> 1
      if (this.time(mid) < t) lo = mid + 1
      else hi = mid
    }
    return lo
  }

  clear(): void {
    this.#next = this.#size = 0
  }

  #offset(i: number): number {
    return ((this.#next - this.#size + i + this.capacity) % this.capacity) * width
  }
}
