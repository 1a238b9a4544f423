// Access that is there: time left, credentials, renewing.

import type { App } from '../app.ts'
import type { Account } from '../book.ts'
import { reachOf } from '../reach.ts'
import { countdown, dayAndTime } from '../words.ts'
import { copyButton } from './copy.ts'
import { download, h, icon, say } from './dom.ts'
import type { Face } from './shop.ts'

/** Ends beyond this are no end: the owner's own users. */
const forever = 8e15

export function accessFace(app: App, account: Account, renewing: Face | null, renew: (() => void) | null): Face {
  const left = h('p', { class: 'left', role: 'timer', 'aria-live': 'off' })
  const ends = account.end < forever
  const tick = (): void => {
    say(left, ends ? countdown((account.end - app.clock.now()) / 1000) : 'No end')
    renewing?.tick?.()
  }
  const secret = h('code', {}, '••••••••••••')
  const eye = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', 'aria-label': 'Show the password', onclick: () => {
    const shown = eye.getAttribute('aria-pressed') !== 'true'
    eye.setAttribute('aria-pressed', String(shown))
    say(secret, shown ? account.password : '••••••••••••')
  } }, icon('eye'))
  const sandbox = app.offer.value?.offer.network === 'sandbox'
  return {
    tick,
    parts: [
      h('p', { class: 'soft' }, ends ? `Until ${dayAndTime(account.end)}` : 'Made by the owner', sandbox && ends ? ' ' : null, sandbox && ends ? h('span', { class: 'play' }, 'play money') : null),
      left,
      renew ? h('div', { class: 'shop-action' }, h('button', { type: 'button', class: renewing ? 'quiet' : 'full', 'aria-expanded': String(renewing !== null), onclick: renew }, renewing ? 'Not now' : 'Renew')) : null,
      ...(renewing?.parts ?? []),
      h('dl', { class: 'login' },
        h('div', {}, h('dt', {}, 'User name'), h('dd', {}, h('code', {}, account.username), copyButton('the user name', () => account.username))),
        h('div', {}, h('dt', {}, 'Password'), h('dd', {}, secret, eye, copyButton('the password', () => account.password)))),
      h('div', { class: 'row' },
        h('button', { type: 'button', class: 'secondary', onclick: () => save(app, account) }, icon('save'), 'Save as a file'),
        h('button', { type: 'button', class: 'quiet', onclick: () => {
          if (confirm(`Forget ${account.username} in this browser? Without its password the time left is lost.`)) app.forget(account.username)
        } }, 'Forget')),
      h('p', { class: 'small soft field' }, app.lasting ? 'Kept in this browser.' : 'This browser keeps nothing: save the file.'),
    ],
  }
}

/** Everything another program needs to connect. */
function save(app: App, account: Account): void {
  const reach = reachOf(app.offer.value?.offer.endpoints, document.baseURI)
  const place = (p: { host: string; port: number } | null, scheme: string): string | undefined => (p ? `${scheme}://${p.host}:${p.port}` : undefined)
  const content = {
    username: account.username,
    password: account.password,
    end: account.end < forever ? new Date(account.end).toISOString() : null,
    topics: account.topics,
    mqtts: reach.tlsSHA256 ? place(reach.tls, 'mqtts') : undefined,
    tls_sha256: reach.tlsSHA256 || undefined,
    mqtt: place(reach.plain, 'mqtt'),
    websockets: reach.websockets,
    gateway: app.fingerprint,
  }
  download(`wattgate-${account.username}.json`, 'application/json', `${JSON.stringify(content, null, 2)}\n`)
}
