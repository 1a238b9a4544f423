// For who has a user name already: bought elsewhere, or made by the owner.

import type { App } from '../app.ts'
import { h } from './dom.ts'

export function signInForm(app: App): HTMLElement {
  const name = h('input', { id: 'have-name', type: 'text', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', maxlength: 32, required: true })
  const password = h('input', { id: 'have-password', type: 'password', autocomplete: 'current-password', maxlength: 64, required: true })
  return h('details', { class: 'more' }, h('summary', {}, 'I have a user name already'),
    h('form', { onsubmit: (e) => {
      e.preventDefault()
      app.signIn(name.value.trim(), password.value)
    } },
      h('div', { class: 'field' }, h('label', { for: 'have-name' }, 'User name'), name),
      h('div', { class: 'field' }, h('label', { for: 'have-password' }, 'Password'), password),
      h('div', { class: 'shop-action' }, h('button', { type: 'submit', class: 'secondary full' }, 'Connect'))))
}
