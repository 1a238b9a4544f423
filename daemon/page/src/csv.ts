// Readings as a file for a spreadsheet: RFC 4180, times in UTC, unknown is empty.

import type { Minute } from './averages.ts'
import type { Ring } from './ring.ts'

const cell = (n: number | null): string => (n === null || Number.isNaN(n) ? '' : String(n))
const stamp = (ms: number): string => new Date(ms).toISOString()

export function liveCSV(ring: Ring): string {
  const lines = ['ts,power_w,energy_wh,age_ms,plugs,of']
  for (let i = 0; i < ring.size; i++) {
    const s = ring.at(i)
    lines.push([stamp(Math.round(s.t * 1000)), ...[s.w, s.wh, s.ageMs, s.plugs, s.of].map(cell)].join(','))
  }
  return lines.join('\r\n') + '\r\n'
}

export function averagesCSV(rows: Minute[]): string {
  const lines = ['ts,window_s,power_w,energy_wh,coverage']
  for (const r of rows) lines.push([stamp(r.at), ...[r.windowS, r.w, r.wh, r.coverage].map(cell)].join(','))
  return lines.join('\r\n') + '\r\n'
}
