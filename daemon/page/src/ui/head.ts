// The head of the page, the notes below it and the foot: how the gateway is, and what a visitor should know at once.

import type { App } from '../app.ts'
import type { LinkState } from '../link.ts'
import { buyLine, overheard, reachOf } from '../reach.ts'
import { clockTime, countdown } from '../words.ts'
import { copyButton } from './copy.ts'
import { fill, h, icon, must, say } from './dom.ts'

/** How long before its end the visitor is warned, in seconds. */
const warnBefore = 300

export function head(app: App): void {
  const here = app.gateway.simulated ? 'a wattgate' : new URL(document.baseURI).hostname
  say(must('host'), app.gateway.simulated ? 'Power of a small workshop' : `Power at ${here}`)
  app.link.state.watch((s) => linkPill(s))
  setInterval(() => linkPill(app.link.state.value), 1_000)
  app.status.watch(() => gatewayWords(app))
  app.available.watch(() => gatewayWords(app))
  app.book.watch(() => footer(app))
  app.status.watch(() => footer(app))
  const notes = new Notes(app)
  for (const s of [app.offer, app.noOffer, app.status, app.news, app.account, app.book]) s.watch(() => notes.draw())
  setInterval(() => notes.tick(), 1_000)
}

function linkPill(s: LinkState): void {
  must('link').dataset.state = s.phase
  const waiting = s.trouble === 'unreachable' || s.trouble === 'lost' ? 'Offline' : 'Not connected'
  const words = { connecting: 'Connecting', open: s.as === '' ? 'Connected' : `Connected as ${s.as}`, waiting: `${waiting}, trying again` }
  say(must('link-words'), words[s.phase])
}

const reasons: Record<string, string> = {
  plugs: 'some plugs do not answer',
  ledger: 'the payment network does not answer; paying may take longer',
  listener: 'one of its ports is in use',
  gate: 'it checks whether the broker obeys',
  rights: 'it checks whether the broker obeys',
  orders: 'orders over MQTT are closed; over the web they go on',
  clock: 'its clock is not trusted; no access starts or ends',
  certificate: 'its certificate needs the owner',
  disk: 'its disk is full',
  starting: 'it is starting',
}

function gatewayWords(app: App): void {
  const { state, reason } = app.status.value
  const why = reasons[reason] ? `: ${reasons[reason]}` : ''
  let words = ''
  if (app.available.value === false) words = 'The gateway is offline. The broker keeps what it said last.'
  else if (state === 'serving') words = 'Twice a second from the plugs, through this gateway.'
  else if (state === 'degraded') words = `It is serving${why}.`
  else if (state === 'withheld') words = `Readings are held back${why}.`
  else if (state === 'private') words = 'Its owner publishes nothing.'
  say(must('gateway-words'), words)
}

function footer(app: App): void {
  const version = app.status.value.version
  fill(must('footer-words'),
    app.fingerprint ? h('span', {}, 'Gateway ', h('code', {}, app.fingerprint), '. ') : null,
    version ? `wattgate ${version}. ` : null,
    'The price, the keys and every invoice are signed by it; this page checks each signature before it shows an address. ',
    h('a', { href: 'licences.txt' }, 'Works of others inside'))
}

class Notes {
  #app: App
  #warned = 0

  constructor(app: App) {
    this.#app = app
  }

  /** Draws anew only what has changed: an open note stays open, and nothing is read out twice. */
  draw(): void {
    const { news, noOffer, status, account, link, offer, stranger, lasting } = this.#app
    const left = this.#left()
    const parts: [unknown, () => HTMLElement | null][] = [
      [0, () => this.#simulated()],
      [news.value, () => this.#news()],
      [noOffer.value + stranger, () => this.#stranger()],
      [left > 0 && left <= warnBefore && account.value?.end, () => this.#ending()],
      [status.value.state + (account.value?.username ?? link.state.value.as), () => this.#private()],
      [1, () => (lasting ? null : forgetful())],
      [offer.value?.fingerprint, () => this.#overheard()],
    ]
    const host = must('notes')
    while (host.children.length < parts.length) host.append(h('div'))
    parts.forEach(([key, make], i) => {
      if (i in this.#drawn && Object.is(this.#drawn[i], key)) return
      this.#drawn[i] = key
      fill(host.children[i]!, make())
    })
  }

  #drawn: unknown[] = []

  /** The warning before the end comes by itself. */
  tick(): void {
    const left = this.#left()
    const counter = document.getElementById('ending-left')
    if (counter) say(counter, countdown(left))
    document.title = left > 0 && left <= warnBefore ? `${countdown(left)} left · wattgate` : 'wattgate'
    const due = left > 0 && left <= warnBefore ? this.#app.account.value!.end : 0
    if (due !== this.#warned) {
      this.#warned = due
      this.draw()
    }
  }

  #left(): number {
    const account = this.#app.account.value
    return account ? Math.floor((account.end - this.#app.clock.now()) / 1000) : 0
  }

  #ending(): HTMLElement | null {
    const left = this.#left()
    if (left <= 0 || left > warnBefore) return null
    const renew = h('button', { type: 'button', class: 'secondary', onclick: () => dispatchEvent(new Event('wattgate-renew')) }, 'Renew')
    return note('warm', 'wait', true,
      h('p', {}, h('strong', {}, 'Your access ends in '), h('strong', { id: 'ending-left', 'aria-live': 'off' }, countdown(left)), ', at ', clockTime(this.#app.account.value!.end), '. Renewing adds to it; nothing is interrupted.'),
      h('div', { class: 'row' }, renew))
  }

  #news(): HTMLElement | null {
    const news = this.#app.news.value
    if (!news) return null
    const away = h('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', onclick: () => this.#app.news.set(null) }, icon('cross'))
    const e = note(news.kind === 'ended' || news.kind === 'offline' ? 'warm' : 'bad', 'warn', true, h('p', {}, news.words))
    e.append(away)
    return e
  }

  #stranger(): HTMLElement | null {
    const app = this.#app
    if (app.noOffer.value !== 'untrusted') return null
    const trust = h('button', { type: 'button', class: 'secondary', onclick: () => app.trustAnother(app.stranger) }, 'The change is genuine: trust the new one')
    return note('bad', 'warn', true,
      h('p', {}, h('strong', {}, app.stranger ? 'Another gateway answers at this address.' : 'The offer cannot be trusted.'), ' ', app.stranger ? 'Somebody may be listening in, or the owner has set it up anew. Ask the owner before you buy.' : app.offerTrouble),
      app.stranger ? h('p', { class: 'small' }, 'Known: ', h('code', {}, app.fingerprint), h('br'), 'Now: ', h('code', {}, app.stranger)) : null,
      app.stranger ? h('div', { class: 'row' }, trust) : null)
  }

  #private(): HTMLElement | null {
    const { status, account, link } = this.#app
    if (status.value.state !== 'private' || account.value || link.state.value.as) return null
    return note('', 'lock', false,
      h('p', {}, h('strong', {}, 'This gateway is private. '), 'Nobody outside reads anything from it; only users that the owner has made do.'),
      h('details', {}, h('summary', {}, 'Is it yours? How to open it'),
        h('p', {}, 'Decide what strangers may see, then set the level:'),
        h('p', {}, h('code', {}, 'sudo snap set wattgate publish.level=average'), ' shows everybody the mean of each minute. It tells when somebody is at home and which large appliances run.'),
        h('p', {}, h('code', {}, 'sudo snap set wattgate publish.level=live'), ' also sells the live stream. It tells much more, down to what film is on where a plug feeds a television.'),
        h('p', {}, 'Without the snap: ', h('code', {}, '{"publish":{"level":"average"}}'), ' in the configuration, then reload the service. ', h('code', {}, 'private'), ' closes it again at once.')))
  }

  #overheard(): HTMLElement | null {
    const app = this.#app
    const page = document.baseURI
    if (app.gateway.simulated || !overheard(page)) return null
    const reach = reachOf(app.offer.value?.offer.endpoints, page)
    const line = app.fingerprint ? buyLine(reach, app.fingerprint) : ''
    return note('', 'info', false, h('details', {},
      h('summary', {}, 'This page came over plain HTTP. What others on the network could do'),
      h('p', {}, 'Whoever is on the same network can read the readings and the password that you send, and could even have changed this page. At home that may be all right; elsewhere, take one of these:'),
      reach.secureWeb ? h('p', {}, h('a', { href: reach.secureWeb }, 'The same page over TLS'), reach.tlsSHA256 ? h('span', { class: 'small' }, '. Its certificate has the SHA-256 ', h('code', {}, reach.tlsSHA256)) : null) : null,
      line ? h('p', {}, 'The command-line buyer, which checks who answers: ', h('code', {}, line), ' ', copyButton('the command', () => line), ' Compare the fingerprint behind the # with what the owner told you.') : null))
  }

  #simulated(): HTMLElement | null {
    if (!this.#app.gateway.simulated) return null
    return note('warm', 'info', false, h('p', {}, h('strong', {}, 'A demonstration. '), 'The page is the real one; the gateway behind it is simulated in your browser, makes up the power of a workshop, and takes play money only.'))
  }
}

function forgetful(): HTMLElement {
  return note('warm', 'warn', false, h('p', {}, h('strong', {}, 'This browser keeps nothing. '), 'Storage is switched off, so a reload forgets what you buy. Save your credentials as a file.'))
}

function note(kind: string, sign: string, urgent: boolean, ...children: (Node | string | null)[]): HTMLElement {
  return h('div', { class: `note ${kind}`, ...(urgent ? { role: 'alert' } : {}) }, icon(sign), h('div', { class: 'note-body' }, ...children))
}
