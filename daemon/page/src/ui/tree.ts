// The topics as a tree: what came last, how often, and what is locked at which price.

import type { App } from '../app.ts'
import type { Topic } from '../topics.ts'
import { ago, period, watts } from '../words.ts'
import { fill, h, icon, must, say } from './dom.ts'

interface Leaf {
  row: HTMLElement
  value: HTMLElement
  rate: HTMLElement
  full: HTMLElement
  locked: boolean | undefined
}

export class Tree {
  #app: App
  #leaves = new Map<string, Leaf>()
  #names = ''

  constructor(app: App) {
    this.#app = app
    setInterval(() => this.draw(), 1_000)
    app.offer.watch(() => this.draw())
  }

  draw(): void {
    if (document.hidden) return
    const topics = this.#app.topics.list()
    const names = topics.map((t) => t.name).join('\n')
    if (names !== this.#names) {
      this.#names = names
      this.#build(topics)
    }
    const now = Date.now()
    let total = 0
    for (const t of topics) {
      const rate = this.#app.topics.rate(t.name, now)
      total += rate
      this.#update(t, rate, now)
    }
    say(must('topics-words'), topics.length === 0 ? 'Nothing arrived yet' : `${perSecond(total)} in all`)
  }

  #build(topics: Topic[]): void {
    const root = must('tree')
    const items = new Map<string, HTMLElement>() // by path
    const leaves = new Map<string, Leaf>()
    root.replaceChildren()
    /** The item of a path, with those above it; a topic may have others below it. */
    const item = (path: string): HTMLElement => {
      let li = items.get(path)
      if (li) return li
      const [above, name] = [path.slice(0, Math.max(0, path.lastIndexOf('/'))), path.slice(path.lastIndexOf('/') + 1)]
      li = h('li', {}, h('p', { class: 'branch' }, `${name}/`))
      items.set(path, li)
      if (above === '') root.append(li)
      else below(item(above)).append(li)
      return li
    }
    for (const t of topics) {
      const leaf = this.#leaves.get(t.name) ?? newLeaf(t.name.slice(t.name.lastIndexOf('/') + 1))
      leaves.set(t.name, leaf)
      const li = item(t.name)
      li.querySelector(':scope > .branch')?.remove()
      li.prepend(leaf.row)
    }
    this.#leaves = leaves
  }

  #update(t: Topic, rate: number, now: number): void {
    const leaf = this.#leaves.get(t.name)
    if (!leaf) return
    if (leaf.locked !== t.locked) {
      leaf.locked = t.locked
      leaf.row.classList.toggle('locked-leaf', t.locked)
      fill(leaf.value)
    }
    if (t.locked) {
      if (leaf.value.childElementCount === 0) fill(leaf.value, icon('lock'), ` ${this.#price(t.name)}`)
      say(leaf.full, 'Nothing comes on this topic without access: the broker takes the subscription and stays silent.')
      return say(leaf.rate, '')
    }
    const short = summary(t.value)
    if (leaf.value.dataset.text !== short.join('')) {
      leaf.value.dataset.text = short.join('')
      fill(leaf.value, short[0] ? h('b', {}, short[0]) : null, short[1])
    }
    say(leaf.rate, rate >= 0.15 ? perSecond(rate) : t.retained ? 'retained' : ago((now - t.at) / 1000))
    if (!leaf.full.hidden) say(leaf.full, pretty(t.value))
  }

  #price(topic: string): string {
    const p = this.#app.offer.value?.offer.products.find((p) => p.topics.includes(topic))
    return p ? `${p.price.amount} IOTA for ${period(p.period_s)}` : 'locked'
  }
}

function newLeaf(name: string): Leaf {
  const value = h('span', { class: 'value' })
  const rate = h('span', { class: 'rate' })
  const full = h('pre', { hidden: true })
  const title = h('button', { type: 'button', class: 'name', 'aria-expanded': 'false', title: 'Whole message' }, name)
  title.addEventListener('click', () => {
    full.hidden = !full.hidden
    title.setAttribute('aria-expanded', String(!full.hidden))
  })
  return { row: h('div', { class: 'leaf' }, title, value, rate, full), value, rate, full, locked: undefined }
}

/** The list below an item. */
function below(item: HTMLElement): HTMLElement {
  let list = item.querySelector<HTMLElement>(':scope > ul')
  if (!list) item.append((list = h('ul')))
  return list
}

/** The number that matters and the rest, of a payload. */
function summary(payload: string): [string, string] {
  if (/^-?\d+(\.\d+)?$/.test(payload)) return [`${watts(Number(payload))} W`, '']
  try {
    const m = JSON.parse(payload) as Record<string, unknown>
    if ('power_w' in m) return [m.power_w === null ? 'unknown' : `${watts(m.power_w as number)} W`, `  ${payload}`]
    if (typeof m.state === 'string') return [m.state, `  ${payload}`]
  } catch {
    // plain text
  }
  return ['', payload]
}

function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2)
  } catch {
    return payload
  }
}

const perSecond = (rate: number): string => `${rate < 9.95 ? rate.toFixed(1) : Math.round(rate)}/s`
