// Times and powers as people read them.

/** Watts without their unit; what is not known is a dash, never a zero. */
export function watts(w: number | null | undefined): string {
  if (w === null || w === undefined || !Number.isFinite(w)) return '–'
  const digits = Math.abs(w) < 100 ? 1 : 0
  return w.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export function energy(wh: number | null | undefined): string {
  if (wh === null || wh === undefined || !Number.isFinite(wh)) return '–'
  return wh < 10_000 ? `${Math.round(wh).toLocaleString('en')} Wh` : `${(wh / 1000).toFixed(1)} kWh`
}

/** A span of seconds, in at most two units: 2 h 5 min. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const units: [number, string][] = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']]
  const first = units.findIndex(([n]) => s >= n)
  if (first < 0) return '0 s'
  let rest = s
  const parts: string[] = []
  for (const [n, name] of units.slice(first, first + 2)) {
    if (rest >= n) parts.push(`${Math.floor(rest / n)} ${name}`)
    rest %= n
  }
  return parts.join(' ')
}

/** A span with seconds ticking, for the time left: 59:30, 1:05:00, 3 d 4 h. */
export function countdown(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s >= 2 * 86_400) return span(s)
  const two = (n: number): string => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)]
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

export function ago(seconds: number): string {
  if (seconds < 1.5) return 'now'
  return `${span(seconds < 60 ? seconds : seconds - (seconds % (seconds < 3600 ? 60 : 3600)))} ago`
}

export const clockTime = (ms: number, seconds = false): string =>
  new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(seconds ? { second: '2-digit' } : {}) })

export function dayAndTime(ms: number, now: number = Date.now()): string {
  const day = new Date(ms)
  if (day.toDateString() === new Date(now).toDateString()) return clockTime(ms)
  return day.toLocaleString([], { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
}

/** How a period is called: an hour, 24 hours, 90 seconds. */
export function period(seconds: number, n = 1): string {
  const named: [number, string][] = [[86_400, 'day'], [3_600, 'hour'], [60, 'minute'], [1, 'second']]
  const [size, name] = named.find(([size]) => seconds % size === 0) ?? [1, 'second']
  const total = (seconds / size) * n
  return total === 1 ? `${name === 'hour' ? 'an' : 'a'} ${name}` : `${total.toLocaleString('en')} ${name}s`
}
