// The live picture: the number of now, the free curve of a day, and the live curve where there is access.

import type { App } from '../app.ts'
import { Chart } from '../chart.ts'
import type { Source } from '../chart.ts'
import { averagesCSV, liveCSV } from '../csv.ts'
import { liveSeries, staleAfter } from '../series.ts'
import { ago, clockTime, energy, period, span, watts } from '../words.ts'
import { announce, download, fill, h, icon, must, say, show, svg, tabs } from './dom.ts'

type Mode = 'day' | 'live'

/** What can be seen at once: seconds, and how the button calls it. */
const spans: Record<Mode, [number, string][]> = {
  day: [[3_600, '1 h'], [6 * 3_600, '6 h'], [86_400, '24 h']],
  live: [[60, '1 min'], [300, '5 min'], [1_800, '30 min'], [8 * 3_600, '8 h']],
}

/** A live number older than this, in ms, is not the power of now. */
const oldAfter = 3_000

export class Picture {
  #app: App
  #mode: Mode = 'day'
  #chart: Chart
  #sources: Record<Mode, Source>
  #choose: (id: string) => void
  #greeted = ''

  constructor(app: App) {
    this.#app = app
    const { averages, ring } = app
    this.#sources = {
      day: {
        series: (a, b) => averages.series(a, b),
        newest: () => Math.max((averages.last?.at ?? 0) / 1000, app.clock.now() / 1000 - 90),
        oldest: () => (averages.rows[0]?.at ?? app.clock.now()) / 1000,
      },
      live: {
        series: (a, b) => liveSeries(ring, a, b),
        newest: () => (ring.size > 0 ? ring.time(ring.size - 1) : app.clock.now() / 1000),
        oldest: () => (ring.size > 0 ? ring.time(0) : app.clock.now() / 1000),
        growsFrom: 60,
      },
    }
    this.#chart = new Chart(must('chart'), this.#sources.day)
    this.#chart.moved = () => this.#controls()
    this.#chart.pointed = (at) =>
      say(must('readout'), at === null ? '' : `${clockTime(at.t * 1000, this.#mode === 'live')}  ${at.w === null ? 'nothing known' : `${watts(at.w)} W`}${at.stale ? ', old' : ''}`)
    this.#choose = tabs(must('tab-day').parentElement!, (id) => this.#use(id as Mode))
    this.#buttons()
    app.lastMinute.watch(() => this.#fresh('day'))
    app.lastLive.watch(() => this.#fresh('live'))
    app.curve.watch(() => this.#frame())
    for (const s of [app.account, app.offer, app.noOffer, app.link.state]) s.watch(() => this.#frame())
    app.account.watch((a) => {
      if (!a) this.#greeted = ''
    })
    setInterval(() => this.#words(), 1_000)
    this.#use('day')
  }

  /** The live curve may be drawn: readings came, or somebody is logged in who may have them. */
  get #unlocked(): boolean {
    return this.#app.account.value !== null || this.#app.link.state.value.as !== '' || this.#app.ring.size > 0
  }

  #use(mode: Mode): void {
    this.#mode = mode
    must('chart-panel').setAttribute('aria-labelledby', `tab-${mode}`)
    const choices = spans[mode].map(([seconds, name]) =>
      h('button', { type: 'button', class: 'quiet', 'data-span': seconds, 'aria-pressed': 'false', onclick: () => this.#span(seconds) }, name))
    fill(must('spans'), ...choices)
    this.#chart.use(this.#sources[mode], { span: mode === 'day' ? 86_400 : 300, end: null })
    fill(must('legend'), ...legend(mode, this.#app))
    this.#frame()
    this.#controls()
    this.#words()
  }

  #span(seconds: number): void {
    this.#chart.view = { span: seconds, end: this.#chart.view.end }
    this.#chart.draw()
    this.#controls()
  }

  #buttons(): void {
    const on = (id: string, act: () => void): void => must(id).addEventListener('click', act)
    on('earlier', () => this.#chart.pan(-0.5))
    on('later', () => this.#chart.pan(0.5))
    on('closer', () => this.#chart.zoom(0.5))
    on('wider', () => this.#chart.zoom(2))
    on('csv', () => this.#save())
    on('pause', () => {
      const { view } = this.#chart
      view.end = view.end === null ? this.#sources[this.#mode].newest() : null
      this.#chart.draw()
      this.#controls()
      announce(view.end === null ? 'The curve follows again' : 'The curve stands still; readings are still recorded')
    })
  }

  #save(): void {
    const day = new Date().toISOString().slice(0, 16).replace(/[-:]/g, '')
    if (this.#mode === 'live') download(`wattgate-live-${day}.csv`, 'text/csv', liveCSV(this.#app.ring))
    else download(`wattgate-average-${day}.csv`, 'text/csv', averagesCSV(this.#app.averages.rows))
  }

  #controls(): void {
    const { span: seconds, end } = this.#chart.view
    const pause = must('pause')
    const still = end !== null
    if (pause.getAttribute('aria-pressed') !== String(still)) {
      pause.setAttribute('aria-pressed', String(still))
      fill(pause, icon(still ? 'play' : 'pause'), h('span', {}, still ? 'Follow' : 'Pause'))
    }
    for (const b of must('spans').children) b.setAttribute('aria-pressed', String(Number((b as HTMLElement).dataset.span) === seconds))
  }

  #fresh(mode: Mode): void {
    if (mode === this.#mode && (this.#chart.view.end === null || mode === 'day')) this.#chart.draw()
    if (mode === 'live' && this.#app.account.value && this.#greeted !== this.#app.account.value.username && this.#app.lastLive.value > 0) {
      this.#greeted = this.#app.account.value.username
      this.#choose('live')
      announce('Live readings arrive')
    }
    this.#frame()
    this.#words()
  }

  /** Shows curve, lock or why there is nothing. */
  #frame(): void {
    const unlocked = this.#unlocked
    const locked = this.#mode === 'live' && !unlocked
    show(must('live-lock'), !unlocked)
    show(must('locked'), locked)
    if (locked) this.#lock()
    const why = locked ? '' : this.#nothing()
    say(must('chart-empty'), why)
    show(must('chart-empty'), why !== '')
    for (const id of ['chart', 'tools', 'legend']) show(must(id), !locked && why === '')
  }

  #nothing(): string {
    const { curve, averages, ring, noOffer } = this.#app
    if (this.#mode === 'live') return ring.size > 0 ? '' : 'Waiting for the first live reading'
    if (averages.rows.length > 0) return ''
    if (curve.value === 'private') return noOffer.value === 'none' ? 'The owner publishes nothing at the moment' : 'There is no free average here'
    if (curve.value === 'no-api') return 'The last 24 hours are not served here; the curve begins with what arrives now'
    return curve.value === null ? 'Reading the last 24 hours' : 'No averages yet; the first comes within two minutes'
  }

  #lock(): void {
    const product = this.#app.offer.value?.offer.products[0]
    const key = product ? `${product.price.amount}/${product.period_s}` : this.#app.noOffer.value
    const host = must('locked')
    if (host.dataset.key === key) return
    host.dataset.key = key
    const get = h('button', { type: 'button', onclick: () => dispatchEvent(new Event('wattgate-shop')) }, 'Get access')
    const big = icon('lock')
    big.classList.add('big-lock')
    fill(host, ghost(), big,
      h('p', {}, h('strong', {}, product ? `Every reading, ${rate(product.rate_hz)}` : 'The live stream is not open to visitors')),
      product ? h('p', { class: 'soft' }, `${product.price.amount} IOTA for ${period(product.period_s)}`) : null,
      product ? get : null)
  }

  /** The number of now and the facts beside it; once a second, for the ages in them. */
  #words(): void {
    if (document.hidden) return
    const { ring, averages, lastLive, clock } = this.#app
    const live = this.#mode === 'live' && ring.size > 0
    const quiet = live && Date.now() - lastLive.value > oldAfter
    const slot = live ? ring.at(ring.size - 1) : null
    const minute = averages.last
    const w = slot ? slot.w : (minute?.w ?? NaN)
    say(must('now-watts'), watts(w))
    must('now-watts').parentElement!.classList.toggle('old', quiet || Number.isNaN(w) || (slot !== null && slot.ageMs > staleAfter))
    let words = this.#app.curve.value === 'private' ? 'Nothing is published' : 'Waiting for the first reading'
    if (quiet) words = this.#app.account.value ? `No reading for ${span((Date.now() - lastLive.value) / 1000)}` : `Your access is over; this was at ${clockTime(lastLive.value)}`
    else if (slot) words = liveWords(slot)
    else if (minute) words = minute.w === null ? 'The last minute is not known' : `Mean of the ${minute.windowS === 60 ? 'minute' : span(minute.windowS)} to ${clockTime(minute.at)}, ${ago((clock.now() - minute.at) / 1000)}`
    say(must('now-words'), words)
    this.#facts(slot, live)
  }

  #facts(slot: { wh: number; ageMs: number; plugs: number; of: number } | null, live: boolean): void {
    const { averages, ring } = this.#app
    const rows: [string, string][] = []
    if (live && slot) {
      rows.push(['Plugs heard', Number.isNaN(slot.plugs) ? '–' : `${slot.plugs} of ${slot.of}`], ['Age of the reading', Number.isNaN(slot.ageMs) ? '–' : `${(slot.ageMs / 1000).toFixed(1)} s`])
      rows.push(['Recorded here', span(Math.round((ring.time(ring.size - 1) - ring.time(0)) / 5) * 5)], ['Energy counter', energy(slot.wh)])
    } else if (averages.rows.length > 0) {
      const known = averages.rows.map((r) => r.w).filter((v) => v !== null)
      const first = averages.rows.find((r) => r.wh !== null)?.wh
      const last = averages.last?.wh
      rows.push(['Mean of the day', `${watts(known.reduce((a, b) => a + b, 0) / known.length)} W`], ['Highest minute', `${watts(known.reduce((a, b) => Math.max(a, b), 0))} W`])
      rows.push(['Used in this time', first !== undefined && first !== null && last !== null && last !== undefined ? energy(last - first) : '–'])
      rows.push(['Known of the last minute', `${Math.round((averages.last?.coverage ?? 0) * 100)} %`])
    }
    const key = JSON.stringify(rows)
    const host = must('facts')
    if (host.dataset.key === key) return
    host.dataset.key = key
    show(host, rows.length > 0)
    fill(host, ...rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))
    say(must('chart-words'), rows.map(([name, value]) => `${name}: ${value}`).join('. '))
  }
}

function liveWords(s: { ageMs: number; plugs: number; of: number; w: number }): string {
  if (Number.isNaN(s.w)) return 'No plug answers at the moment'
  if (s.ageMs > staleAfter) return `Read ${(s.ageMs / 1000).toFixed(1)} s ago: the plug is slow to answer`
  if (s.plugs < s.of) return `Now, without ${s.of - s.plugs} of ${s.of} plugs, which do not answer`
  return 'Now, twice a second'
}

const rate = (hz: number): string => (hz === 2 ? 'twice a second' : hz === 1 ? 'once a second' : `${hz} times a second`)

function legend(mode: Mode, app: App): HTMLElement[] {
  const key = (kind: string, words: string): HTMLElement => h('li', {}, h('span', { class: `key ${kind}`, 'aria-hidden': 'true' }), words)
  const made = app.averages.last?.simulated ? [h('li', {}, 'Part of this curve is simulated')] : []
  if (mode === 'day') return [key('', 'Mean of each minute'), key('gap', 'Nothing known'), ...made]
  return [key('', 'Reading'), key('stale', `Older than ${staleAfter / 1000} s`), key('gap', 'Nothing known')]
}

/** A curve that means nothing, behind the lock. */
function ghost(): SVGElement {
  let path = 'M0 60'
  for (let x = 2; x <= 200; x += 2) path += `L${x} ${(60 - 18 * Math.sin(x / 11) - 9 * Math.sin(x / 3.7) - (x % 46 < 14 ? 16 : 0)).toFixed(1)}`
  return svg('svg', { class: 'ghost', viewBox: '0 0 200 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, svg('path', { d: path }))
}
