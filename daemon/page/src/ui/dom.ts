// The few things the views need of the DOM. Text is always text: nothing is ever parsed as HTML.

type Child = Node | string | null | undefined | false
type Props = Record<string, string | number | boolean | ((e: Event) => void) | undefined>

/** An element that must be in index.html. */
export function must<T extends HTMLElement = HTMLElement>(id: string): T {
  const e = document.getElementById(id)
  if (!e) throw new Error(`index.html has no #${id}`)
  return e as T
}

/** Makes an element: attributes by name, listeners as onclick. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') e.addEventListener(name.slice(2), value)
    else e.setAttribute(name, value === true ? '' : String(value))
  }
  append(e, children)
  return e
}

const svgNS = 'http://www.w3.org/2000/svg'

export function svg(tag: string, props: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const e = document.createElementNS(svgNS, tag)
  for (const [name, value] of Object.entries(props)) e.setAttribute(name, String(value))
  e.append(...children)
  return e
}

/** An icon of the sheet in index.html; it says nothing to a screen reader. */
export function icon(name: string): SVGElement {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true', focusable: 'false' }, svg('use', { href: `#i-${name}` }))
}

export function append(e: Element, children: Child[]): void {
  for (const c of children) if (c !== null && c !== undefined && c !== false) e.append(c)
}

/** Replaces what is in e. */
export function fill(e: Element, ...children: Child[]): void {
  e.replaceChildren()
  append(e, children)
}

/** Sets text only where it differs, so that a screen reader is told once and a selection survives. */
export function say(e: Element, text: string): void {
  if (e.textContent !== text) e.textContent = text
}

/** Shows or hides; icons have no hidden property of their own, so the attribute it is. */
export function show(e: Element, visible: boolean): void {
  if (e.hasAttribute('hidden') === visible) e.toggleAttribute('hidden', !visible)
}

/** Tells screen readers something that eyes see elsewhere. */
export function announce(text: string): void {
  say(must('announce'), text)
}

/** Offers bytes as a file. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const a = h('a', { href: url, download: name })
  document.body.append(a)
  a.click()
  a.remove()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** Makes a row of buttons a tab list: arrow keys move, one panel is shown. */
export function tabs(list: HTMLElement, chosen: (id: string) => void): (id: string) => void {
  const all = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>('[role=tab]')]
  const choose = (tab: HTMLElement, focus: boolean): void => {
    for (const t of all()) {
      t.setAttribute('aria-selected', String(t === tab))
      t.tabIndex = t === tab ? 0 : -1
    }
    if (focus) tab.focus()
    chosen(tab.dataset.tab ?? '')
  }
  list.addEventListener('click', (e) => {
    const tab = (e.target as Element).closest<HTMLElement>('[role=tab]')
    if (tab) choose(tab, false)
  })
  list.addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[e.key]
    if (step === undefined) return
    e.preventDefault()
    const them = all()
    const i = them.findIndex((t) => t.getAttribute('aria-selected') === 'true')
    const next = Number.isFinite(step) ? (i + step + them.length) % them.length : step < 0 ? 0 : them.length - 1
    choose(them[next]!, true)
  })
  return (id) => {
    const tab = all().find((t) => t.dataset.tab === id)
    if (tab && tab.getAttribute('aria-selected') !== 'true') choose(tab, false)
  }
}
