// What the chart draws: columns with gaps where nothing is known, and no more points than the eye can tell apart.

import type { Ring, Slot } from './ring.ts'

export type Column = (number | null)[]

/** Times, fresh readings, stale readings. */
export type Series = [number[], Column, Column]

/** A reading older than this, in ms, is drawn as stale: the plug missed at least two questions. */
export const staleAfter = 1_500

/** Slots farther apart than this, in seconds, have a gap between them; the grid is 0.5 s. */
const gapAfter = 1.25

/** Points beyond this are gathered in buckets. */
const maxPoints = 2_400

/** The live readings from time a to time b, in seconds. */
export function liveSeries(ring: Ring, a: number, b: number): Series {
  const from = Math.max(0, ring.search(a) - 1)
  const to = Math.min(ring.size, ring.search(b) + 1)
  const out: Series = [[], [], []]
  const bucket = Math.ceil((to - from) / (maxPoints / 2))
  if (bucket <= 1) eachSlot(ring, from, to, out)
  else for (let i = from; i < to; i += bucket) extremes(ring, i, Math.min(to, i + bucket), out)
  return out
}

function eachSlot(ring: Ring, from: number, to: number, out: Series): void {
  let wasStale = false
  for (let i = from; i < to; i++) {
    const t = ring.time(i)
    if (i > from && t - ring.time(i - 1) > gapAfter) push(out, ring.time(i - 1) + 0.5, null, null)
    const w = ring.watts(i)
    const stale = ring.age(i) > staleAfter
    const value = Number.isNaN(w) ? null : w
    // The two lines share the point where one becomes the other, so that the curve stays whole.
    const last = out[1].length - 1
    if (stale && !wasStale && last >= 0) out[2][last] = out[1][last]!
    push(out, t, stale ? null : value, stale || wasStale ? value : null)
    wasStale = stale
  }
}

/** The least and the greatest of a bucket, in the order they came. A bucket with an unknown slot shows a gap. */
function extremes(ring: Ring, from: number, to: number, out: Series): void {
  let [least, most] = [-1, -1]
  let broken = false
  for (let i = from; i < to; i++) {
    const w = ring.watts(i)
    broken ||= Number.isNaN(w) || (i > 0 && ring.time(i) - ring.time(i - 1) > gapAfter)
    if (Number.isNaN(w)) continue
    if (least < 0 || w < ring.watts(least)) least = i
    if (most < 0 || w > ring.watts(most)) most = i
  }
  if (broken || least < 0) push(out, ring.time(from), null, null)
  if (least < 0) return
  for (const i of least === most ? [least] : [Math.min(least, most), Math.max(least, most)]) {
    const stale = ring.age(i) > staleAfter
    const t = Math.max(ring.time(i), (out[0].at(-1) ?? 0) + 1e-3)
    push(out, t, stale ? null : ring.watts(i), stale ? ring.watts(i) : null)
  }
}

function push(out: Series, t: number, fresh: number | null, stale: number | null): void {
  out[0].push(t)
  out[1].push(fresh)
  out[2].push(stale)
}

/** What sensor/live says, on its way into the ring. Null for anything else. */
export function slotOf(payload: string): Slot | null {
  try {
    const m = JSON.parse(payload) as Record<string, unknown>
    const t = Date.parse(String(m.ts)) / 1000
    const number = (v: unknown): number => (typeof v === 'number' ? v : NaN)
    if (!Number.isFinite(t)) return null
    return { t, w: number(m.power_w), wh: number(m.energy_wh), ageMs: number(m.age_ms), plugs: number(m.plugs), of: number(m.of) }
  } catch {
    return null
  }
}
