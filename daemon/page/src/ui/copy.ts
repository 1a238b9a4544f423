// Copying, also where the clipboard API does not exist: on http://192.168….

import { announce, h, icon } from './dom.ts'

export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // not allowed: the old way
  }
  const area = h('textarea', { class: 'offscreen', readonly: true, 'aria-hidden': 'true', tabindex: -1 })
  area.value = text
  const focused = document.activeElement as HTMLElement | null
  document.body.append(area)
  area.select()
  let done = false
  try {
    done = document.execCommand('copy')
  } catch {
    // said below
  }
  area.remove()
  focused?.focus()
  return done
}

/** A button that copies what text gives; what says it in words: "the address". */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet copy', 'aria-label': `Copy ${what}`, title: `Copy ${what}` }, icon('copy'))
  button.addEventListener('click', () => {
    void copyText(text()).then((done) => {
      button.classList.toggle('done', done)
      button.replaceChildren(icon(done ? 'check' : 'cross'))
      announce(done ? `Copied ${what}` : `Cannot copy ${what}: select it and copy it by hand`)
      setTimeout(() => {
        button.classList.remove('done')
        button.replaceChildren(icon('copy'))
      }, 1600)
    })
  })
  return button
}
