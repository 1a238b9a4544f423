// The page in front of a real gateway, in Chromium, over plain HTTP under a name that is not loopback, where browsers give
// neither WebCrypto nor the clipboard: see the free curve, buy with play money, read live, see it end.
//   npm run build && npm run real -- PATH/TO/wattgate
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { launch, open } from './browser.mjs'
import { serve } from './serve.mjs'

const binary = process.argv[2]
if (!binary) throw new Error('cannot start: npm run real -- PATH/TO/wattgate')
process.chdir(fileURLToPath(new URL('..', import.meta.url)))
mkdirSync('shots', { recursive: true })
const state = mkdtempSync(join(tmpdir(), 'wattgate-page-'))
const period = process.env.PERIOD ?? '45s'
const demo = spawn(binary, ['demo', '--json', '--state', state, '--mqtt-port', '0', '--tls-port', '0', '--web-port', '0', '--period', period, '--average-every', '5s'], { stdio: ['ignore', 'pipe', 'inherit'] })
const failures = []
let browser, page, server
try {
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: demo.stdout }).on('line', (line) => line.includes('"ready"') && resolve(JSON.parse(line)))
    demo.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)))
  })
  console.log('ready', JSON.stringify(ready))
  const { websockets } = Object.fromEntries(JSON.parse(readFileSync(join(state, 'mosquitto', 'listeners.json'), 'utf8')).map((l) => [l.key, l.address]))
  server = await serve({ dir: 'dist', api: ready.web.replace(/^https?:\/\//, '').replace(/\/$/, ''), broker: websockets })
  browser = await launch('--host-resolver-rules=MAP gateway.test 127.0.0.1')
  page = await open(browser, { viewport: { width: 1280, height: 900 } })
  const step = async (what, act) => {
    const begun = performance.now()
    await act()
    console.log(`${String(Math.round(performance.now() - begun)).padStart(6)} ms  ${what}`)
  }
  await step('the page connects', async () => {
    await page.goto(`http://gateway.test:${server.address().port}/`)
    await page.locator('#link[data-state=open]').waitFor({ timeout: 30_000 })
  })
  const secure = await page.evaluate(() => [isSecureContext, typeof crypto.subtle, typeof navigator.clipboard])
  console.log('       secure context, WebCrypto, clipboard:', secure.join(', '))
  await step('the free average is there', () => page.waitForFunction(() => /\d/.test(document.getElementById('now-watts').textContent), null, { timeout: 60_000 }))
  await page.locator('#username').fill('jane')
  await page.locator('#shop form button[type=submit]').first().click()
  const pay = page.getByRole('button', { name: 'Pay with play money' })
  await step('ordered, with an invoice that holds', () => pay.waitFor({ timeout: 30_000 }))
  await page.screenshot({ path: 'shots/real-order.png', fullPage: true })
  await pay.click()
  await step('paid, proven, connected as jane, live readings arrive', () => page.locator('#legend .stale').waitFor({ timeout: 60_000 }))
  if (!(await page.locator('#link-words').textContent()).includes('jane')) failures.push('not connected as jane')
  await page.reload()
  await step('after a reload: live again without a word', () => page.locator('#legend .stale').waitFor({ timeout: 60_000 }))
  await page.locator('#check').click()
  await page.locator('#check:not([disabled])').waitFor({ timeout: 40_000 })
  for (const line of await page.locator('#check-results li').allTextContents()) console.log('       test:', line)
  await page.locator('#settings .copy').first().click()
  console.log('       copying:', await page.locator('#announce').textContent())
  await page.screenshot({ path: 'shots/real-live.png', fullPage: true })
  await step('the access ends and the page says so', () => page.getByText('Your access is over').waitFor({ timeout: 90_000 }))
  await step('and goes on as a stranger', () => page.locator('#link-words', { hasText: /^Connected$/ }).waitFor({ timeout: 30_000 }))
  await page.screenshot({ path: 'shots/real-over.png', fullPage: true })
  failures.push(...page.complaints)

  const made = JSON.parse(execFileSync(binary, ['grants', 'add', 'owners-own', '--forever', '--json', '--state', state]))
  page = await open(browser)
  const signIn = async (password) => {
    await page.getByText('I have a user name already').click()
    await page.locator('#have-name').fill('owners-own')
    await page.locator('#have-password').fill(password)
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
  }
  await page.goto(`http://gateway.test:${server.address().port}/`)
  await page.locator('#link[data-state=open]').waitFor({ timeout: 30_000 })
  await signIn('wrong-password')
  await step('a wrong password is said to be wrong', () => page.getByText('does not know owners-own').waitFor({ timeout: 30_000 }))
  await signIn(made.password)
  await step('the owner’s own user reads live', () => page.locator('#legend .stale').waitFor({ timeout: 30_000 }))
  if (!(await page.locator('#shop-body').textContent()).includes('No end')) failures.push('an access without end shows one')
  failures.push(...page.complaints)
} catch (err) {
  failures.push(String(err))
  await page?.screenshot({ path: 'shots/real-failed.png', fullPage: true })
  failures.push(...(page?.complaints ?? []))
} finally {
  await browser?.close()
  server?.close()
  demo.kill('SIGTERM')
  await new Promise((resolve) => (demo.exitCode === null ? demo.once('exit', resolve) : resolve()))
  rmSync(state, { recursive: true, force: true })
}
for (const f of failures) console.error('WRONG', f)
process.exitCode = failures.length > 0 ? 1 : 0
