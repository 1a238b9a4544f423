// The power of a small workshop, made up but the same for everybody: a pure function of time.

/** A number in [0,1) from an integer; the same every time. */
function noise(n: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
}

const hourOf = (t: number): number => {
  const d = new Date(t * 1000)
  return d.getHours() + d.getMinutes() / 60
}

/** Watts at t, in seconds since 1970; null in the minutes in which the plugs did not answer. */
export function power(t: number): number | null {
  const day = Math.floor(t / 86_400)
  const hour = hourOf(t)
  if (t % 86_400 > 80_000 + 3_000 * noise(day) && t % 86_400 < 80_700 + 3_000 * noise(day)) return null
  const meter = Math.floor(t / 2) // the meter has a new value every two seconds
  const jitter = (noise(meter) - 0.5) * 1.6
  return Math.max(0, 3.1 + fridge(t) + desk(t, hour) + kettle(t, hour) + printer(t, hour) + jitter)
}

/** A compressor: on for a third of the time, with a surge as it starts. */
function fridge(t: number): number {
  const cycle = 2_640 + 260 * Math.sin(t / 40_000)
  const at = t % cycle
  if (at > cycle * 0.34) return 1.1
  return 62 + 34 * Math.exp(-at / 4) + 6 * Math.exp(-at / 240)
}

function desk(t: number, hour: number): number {
  if (hour < 8.2 || hour > 18.6) return 1.8
  const work = noise(Math.floor(t / 540)) > 0.28 ? 38 : 14
  return work + 9 * noise(Math.floor(t / 6)) + 7 * Math.sin(t / 95)
}

function kettle(t: number, hour: number): number {
  const slot = Math.floor(t / 4_500)
  const begins = slot * 4_500 + 900 + 2_400 * noise(slot)
  const drinks = hour > 7.5 && hour < 17.5 && noise(slot + 7) > 0.55
  return drinks && t >= begins && t < begins + 130 ? 420 : 0
}

function printer(t: number, hour: number): number {
  if (hour < 10.4 || hour > 15.2) return 0
  return (t % 34 < 12 ? 118 : 52) + 4 * noise(Math.floor(t / 2) + 3)
}
