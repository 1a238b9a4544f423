// Debian's Chromium, driven by playwright-core. Whatever it complains about is collected: a page is not good that makes
// an error or breaks its own policy.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter(Boolean)

export async function launch(...args) {
  const executablePath = places.find((p) => existsSync(p))
  if (!executablePath) throw new Error('cannot find Chromium (install the package chromium, or set CHROMIUM)')
  // No sandbox: containers and root have none to give; only our own pages are opened.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...args] })
}

/** A page whose complaints are in page.complaints. */
export async function open(browser, options = {}) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  watch(page)
  return page
}

export function watch(page) {
  page.complaints = []
  page.on('pageerror', (e) => page.complaints.push(`error: ${e.stack ?? e}`))
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') page.complaints.push(`${m.type()}: ${m.text()} ${m.location().url}`)
  })
}
