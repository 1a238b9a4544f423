// The free curve: the averages of the last 24 hours, from the HTTP API at once and from sensor/1m as they come.

import type { Series } from './series.ts'

export interface Minute {
  /** End of the window, ms since 1970. */
  at: number
  w: number | null
  wh: number | null
  coverage: number
  windowS: number
  simulated: boolean
}

const day = 24 * 3600_000
/** More rows than this are not kept: the demonstration may send faster than once a minute. */
const maxRows = 20_000

export function minuteOf(value: unknown): Minute | null {
  const m = (value ?? {}) as Record<string, unknown>
  const at = Date.parse(String(m.ts))
  if (!Number.isFinite(at)) return null
  const number = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : null)
  return {
    at,
    w: number(m.power_w),
    wh: number(m.energy_wh),
    coverage: number(m.coverage) ?? 0,
    windowS: number(m.window_s) ?? 60,
    simulated: m.simulated === true,
  }
}

export class Averages {
  rows: Minute[] = []

  get last(): Minute | undefined {
    return this.rows.at(-1)
  }

  /** Takes rows in any order; of two with one time the later told wins. Reports whether anything changed. */
  add(rows: Minute[]): boolean {
    if (rows.length === 0) return false
    const newest = this.last?.at ?? -Infinity
    if (rows.length === 1 && rows[0]!.at > newest) this.rows.push(rows[0]!)
    else {
      const byTime = new Map([...this.rows, ...rows].map((r) => [r.at, r]))
      this.rows = [...byTime.values()].sort((a, b) => a.at - b.at)
    }
    const oldest = this.last!.at - day
    const first = Math.max(this.rows.findIndex((r) => r.at >= oldest), this.rows.length - maxRows)
    if (first > 0) this.rows.splice(0, first)
    return true
  }

  clear(): void {
    this.rows = []
  }

  /** The curve from a to b, in seconds. A hole of more than two windows is a gap. */
  series(a: number, b: number): Series {
    const out: Series = [[], [], []]
    let before: Minute | undefined
    for (const r of this.rows) {
      const t = r.at / 1000
      if (t < a - 120 || t > b + 120) continue
      if (before && t - before.at / 1000 > 2.5 * Math.max(r.windowS, 1)) {
        out[0].push(before.at / 1000 + 1)
        out[1].push(null)
        out[2].push(null)
      }
      out[0].push(t)
      out[1].push(r.w)
      out[2].push(null)
      before = r
    }
    return out
  }
}
