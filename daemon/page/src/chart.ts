// The curve: uPlot with our colours, gaps drawn as gaps, and a view that keyboard, mouse and touch can move.

import uPlot from 'uplot'
import type { Series } from './series.ts'
import { watts } from './words.ts'

export interface View {
  /** Width of the picture in seconds. */
  span: number
  /** Its right edge, seconds since 1970; null follows the newest reading. */
  end: number | null
}

export interface Source {
  series(a: number, b: number): Series
  /** Time of the newest reading, seconds since 1970. */
  newest(): number
  /** Time of the oldest. */
  oldest(): number
  /** Begins with what there is, at least this many seconds wide, and grows to the view. Absent: always as wide as the view. */
  growsFrom?: number
}

/** The narrowest view, in seconds. */
const narrowest = 5

export class Chart {
  view: View = { span: 86_400, end: null }
  /** Called when zooming or moving has changed the view. */
  moved: () => void = () => {}
  /** Called with the reading under the pointer, null when it leaves. */
  pointed: (at: { t: number; w: number | null; stale: boolean } | null) => void = () => {}

  #host: HTMLElement
  #source: Source
  #plot: uPlot | undefined
  #edges: [number, number] = [0, 1]

  constructor(host: HTMLElement, source: Source) {
    this.#host = host
    this.#source = source
    new ResizeObserver(() => this.#resize()).observe(host)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild())
    host.addEventListener('keydown', (e) => this.#key(e))
  }

  use(source: Source, view: View): void {
    this.#source = source
    this.view = view
    this.#rebuild()
  }

  draw(): void {
    if (document.hidden) return
    this.#edges = this.#place()
    if (!this.#plot) return this.#rebuild()
    this.#plot.setData(this.#source.series(...this.#edges) as uPlot.AlignedData, true)
  }

  /** factor < 1 shows less, about the point at, seconds since 1970. */
  zoom(factor: number, at?: number): void {
    const [a, b] = this.#edges
    const span = Math.max(narrowest, Math.min((b - a) * factor, Math.max(86_400, this.#source.newest() - this.#source.oldest())))
    const about = at ?? (this.view.end === null ? b : (a + b) / 2)
    const end = about + (b - about) * (span / (b - a))
    this.#see({ span, end: this.view.end === null && at === undefined ? null : end })
  }

  /** Moves by a part of the width; positive is later. */
  pan(part: number): void {
    this.#see({ span: this.view.span, end: this.#edges[1] + part * this.view.span })
  }

  #see(view: View): void {
    const newest = this.#source.newest()
    const oldest = this.#source.oldest()
    if (view.end !== null) {
      if (view.end >= newest) view.end = null
      else view.end = Math.max(view.end, Math.min(newest, oldest + view.span))
    }
    this.view = view
    this.draw()
    this.moved()
  }

  /** Left and right edge of the picture. */
  #place(): [number, number] {
    const { newest, oldest, growsFrom } = this.#source
    const end = this.view.end ?? newest()
    const most = growsFrom === undefined ? Infinity : Math.max(growsFrom, newest() - oldest())
    return [end - Math.min(this.view.span, most), end]
  }

  #key(e: KeyboardEvent): void {
    const act: Record<string, () => void> = {
      ArrowLeft: () => this.pan(-0.25),
      ArrowRight: () => this.pan(0.25),
      '+': () => this.zoom(0.5),
      '=': () => this.zoom(0.5),
      '-': () => this.zoom(2),
      End: () => this.#see({ span: this.view.span, end: null }),
    }
    const it = act[e.key]
    if (!it || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    it()
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#host
    if (width === 0 || height === 0) return
    if (!this.#plot) this.draw()
    else if (this.#plot.width !== width || this.#plot.height !== height) this.#plot.setSize({ width, height })
  }

  #rebuild(): void {
    this.#plot?.destroy()
    this.#plot = undefined
    const { clientWidth: width, clientHeight: height } = this.#host
    if (width === 0 || height === 0) return
    this.#edges = this.#place()
    const data = this.#source.series(...this.#edges) as uPlot.AlignedData
    this.#plot = new uPlot({ ...this.#options(), width, height }, data, this.#host)
  }

  #options(): Omit<uPlot.Options, 'width' | 'height'> {
    const style = getComputedStyle(this.#host)
    const colour = (name: string): string => style.getPropertyValue(name).trim()
    const axis = {
      stroke: colour('--soft'), font: '12px system-ui, sans-serif',
      grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false },
    }
    return {
      padding: [12, 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 8 }, drag: { x: true, y: false, setScale: false }, dataIdx: nearest },
      scales: { x: { time: true, range: () => this.#edges }, y: { range: (_u, _min, max) => [0, ceiling(max)] } },
      axes: [
        { ...axis, size: 30, space: 70, values: timeLabels },
        { ...axis, size: 54, space: 42, values: (_u, ticks) => ticks.map((t, i) => (i === ticks.length - 1 ? `${label(t)} W` : label(t))) },
      ],
      series: [
        {},
        { stroke: colour('--curve'), width: this.view.span > 7_200 ? 1.25 : 2, fill: colour('--curve-fill'), points: { show: false } },
        { stroke: colour('--stale'), width: 2, dash: [3, 4], points: { show: false } },
      ],
      hooks: {
        drawClear: [(u) => gaps(u, colour('--gap'))],
        setCursor: [(u) => this.#point(u)],
        setSelect: [(u) => this.#select(u)],
      },
    }
  }

  #point(u: uPlot): void {
    const i = u.cursor.idx
    if (i === null || i === undefined || (u.cursor.left ?? -1) < 0) return this.pointed(null)
    const [fresh, stale] = [u.data[1]![i] ?? null, u.data[2]![i] ?? null]
    this.pointed({ t: u.data[0]![i]!, w: fresh ?? stale, stale: fresh === null && stale !== null })
  }

  #select(u: uPlot): void {
    const { left, width } = u.select
    if (width < 6) return
    const [a, b] = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    this.#see({ span: Math.max(narrowest, b - a), end: b })
  }
}

/** uPlot would also point at a point far away, across a gap; the one under the pointer is what counts. */
const nearest = (_u: uPlot, _series: number, i: number): number => i

/** The curve never touches the top, and a picture of nearly nothing is not blown up. */
function ceiling(max: number | null): number {
  const need = Math.max(max ?? 0, 1) * 1.12
  const unit = 10 ** Math.floor(Math.log10(need))
  return (([1, 1.5, 2, 3, 4, 5, 6, 8].find((n) => n * unit >= need) ?? 10) * unit)
}

const label = (w: number): string => (Number.isInteger(w) ? w.toLocaleString('en') : watts(w))

function timeLabels(_u: uPlot, ticks: number[], _axis: number, _space: number, step: number): string[] {
  return ticks.map((t, i) => {
    const d = new Date(t * 1000)
    const hm = d.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    if (step < 60) return `${hm}:${String(d.getSeconds()).padStart(2, '0')}`
    const before = i > 0 ? new Date(ticks[i - 1]! * 1000) : d
    return before.getDate() === d.getDate() ? hm : d.toLocaleDateString([], { weekday: 'short', day: 'numeric' })
  })
}

/** Shades the times at which nothing is known. */
function gaps(u: uPlot, colour: string): void {
  const [times, fresh, stale] = u.data as unknown as Series
  const { ctx, bbox } = u
  ctx.save()
  ctx.fillStyle = colour
  for (let i = 0; i < times.length; i++) {
    if (fresh[i] !== null || stale[i] !== null) continue
    let j = i
    while (j + 1 < times.length && fresh[j + 1] === null && stale[j + 1] === null) j++
    const from = u.valToPos(times[i > 0 ? i - 1 : i]!, 'x', true)
    const to = u.valToPos(times[j + 1] ?? times[j]!, 'x', true)
    const left = Math.max(from, bbox.left)
    ctx.fillRect(left, bbox.top, Math.max(0, Math.min(to, bbox.left + bbox.width) - left), bbox.height)
    i = j
  }
  ctx.restore()
}
