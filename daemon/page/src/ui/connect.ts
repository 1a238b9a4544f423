// Connection settings with this gateway's real values, ready-made lines for other programs, and the connection test.

import type { App } from '../app.ts'
import { newClientID } from '../bytes.ts'
import { checkConnection } from '../check.ts'
import type { Finding } from '../check.ts'
import { buyLine, reachOf } from '../reach.ts'
import type { Place, Reach } from '../reach.ts'
import { snippets } from '../snippets.ts'
import type { Snippet } from '../snippets.ts'
import { copyButton } from './copy.ts'
import { fill, h, icon, must, tabs } from './dom.ts'

export class Connect {
  #app: App
  #key = ''
  #all: Snippet[] = []
  #shown = 'mosquitto_sub'
  #clientID = newClientID()

  constructor(app: App) {
    this.#app = app
    tabs(must('snippet-tabs'), (id) => this.#show(id))
    must('check').addEventListener('click', () => void this.#check())
    for (const s of [app.offer, app.account, app.book, app.status]) s.watch(() => this.draw())
  }

  draw(): void {
    const { offer, account, fingerprint, status } = this.#app
    const key = JSON.stringify([offer.value?.offer.endpoints, account.value?.username, fingerprint, status.value.state])
    if (key === this.#key) return
    this.#key = key
    const reach = reachOf(offer.value?.offer.endpoints, document.baseURI)
    this.#settings(reach)
    this.#all = snippets(reach, { username: account.value?.username ?? '' })
    fill(must('snippet-tabs'), ...this.#all.map((s) =>
      h('button', { type: 'button', role: 'tab', id: `snippet-${s.id}`, 'data-tab': s.id, 'aria-controls': 'snippet', 'aria-selected': String(s.id === this.#shown), tabindex: s.id === this.#shown ? 0 : -1 }, s.title)))
    this.#show(this.#shown)
  }

  #settings(reach: Reach): void {
    const app = this.#app
    const user = app.account.value
    const sold = app.offer.value?.offer.products.flatMap((p) => p.topics) ?? []
    const rows: (HTMLElement | null)[] = [
      reach.tls && reach.tlsSHA256 ? place('MQTT over TLS', reach.tls) : null,
      reach.tlsSHA256 ? row('Certificate, SHA-256', reach.tlsSHA256) : null,
      reach.plain ? place('MQTT without TLS', reach.plain) : null,
      row('MQTT over WebSockets', reach.websockets),
      app.status.value.state === 'private' ? null : row('Free topics', 'sensor/1m, sensor/1m/w'),
      sold.length > 0 ? row(user ? 'Your topics' : 'Topics for sale', (user?.topics.length ? user.topics : sold).join(', ')) : null,
      user ? row('User name', user.username) : null,
      row('Client id, random: whoever knows it can take your connection over', this.#clientID, 'Client id'),
      app.fingerprint && sold.length > 0 ? row('Buying without this page', buyLine(reach, app.fingerprint)) : null,
    ]
    fill(must('settings'), ...rows)
  }

  #show(id: string): void {
    const snippet = this.#all.find((s) => s.id === id)
    if (!snippet) return
    this.#shown = id
    const panel = must('snippet')
    panel.setAttribute('aria-labelledby', `snippet-${id}`)
    fill(panel, ...snippet.parts.flatMap(({ about, code }) => [
      h('p', { class: 'about small soft' }, about),
      h('div', { class: 'block' }, h('pre', { tabindex: 0 }, h('code', {}, code)), copyButton(`the lines for ${snippet.title}`, () => code)),
    ]))
  }

  async #check(): Promise<void> {
    const app = this.#app
    const button = must<HTMLButtonElement>('check')
    const list = must('check-results')
    list.replaceChildren()
    button.disabled = true
    const account = app.account.value
    await checkConnection({
      gateway: app.gateway,
      offer: app.noOffer.value,
      login: account && { username: account.username, password: account.password },
      clockOffset: app.clock.offset,
      secure: location.protocol === 'https:',
    }, (f) => list.append(finding(f)))
    button.disabled = false
  }
}

function finding(f: Finding): HTMLElement {
  const names = { good: 'Good', maybe: 'Note', bad: 'Wrong' }
  const icons = { good: 'check', maybe: 'info', bad: 'cross' }
  return h('li', { class: f.state }, icon(icons[f.state]), h('span', {}, h('span', { class: 'offscreen' }, `${names[f.state]}: `), f.words))
}

function place(name: string, p: Place): HTMLElement {
  return row(p.guessed ? `${name}, at its usual port` : name, `${p.host}:${p.port}`)
}

function row(name: string, value: string, what = name): HTMLElement {
  return h('div', {}, h('dt', {}, name), h('dd', {}, h('code', {}, value), copyButton(what, () => value)))
}
