// Takes pictures of the page in front of the simulated gateway, on a phone and a desk, light and dark, to be looked at; and
// fails on whatever the browser complains about or axe finds serious.  npm run look [name]
import { readFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { launch, open } from './browser.mjs'
import { serve } from './serve.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const only = process.argv[2] ?? ''
mkdirSync('shots', { recursive: true })
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const places = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desk: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
}

const order = async (page) => {
  await page.locator('#shop form button[type=submit]').first().click()
  await page.getByRole('button', { name: 'Pay with play money' }).waitFor()
}
const buy = async (page) => {
  await order(page)
  await page.getByRole('button', { name: 'Pay with play money' }).click()
  await page.getByRole('button', { name: 'Renew' }).first().waitFor({ timeout: 10_000 })
  await page.locator('#legend .stale').waitFor({ timeout: 10_000 })
}

/** What is looked at: the query of the simulated gateway, and the way there. */
const scenes = {
  newcomer: { query: '', go: async () => {} },
  locked: { query: '', go: (page) => page.locator('#tab-live').click() },
  order: { query: '', go: order },
  details: { query: '', go: async (page) => {
    await order(page)
    await page.getByText('Address, amount and reference').click()
  } },
  live: { query: '', go: async (page) => {
    await buy(page)
    await page.waitForTimeout(8_000)
  } },
  ending: { query: '?period=290', go: buy },
  private: { query: '?level=private', go: (page) => page.locator('.note summary').first().click() },
  check: { query: '', go: async (page) => {
    await page.locator('#check').click()
    await page.locator('#check:not([disabled])').waitFor({ timeout: 20_000 })
  } },
}

const server = await serve({ dir: 'demo-dist', base: '/power/' })
const browser = await launch()
let wrong = 0
for (const [name, scene] of Object.entries(scenes).filter(([n]) => n.includes(only)))
  for (const [place, size] of Object.entries(places))
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(browser, { ...size, colorScheme, bypassCSP: false })
      const shot = `${name}-${place}-${colorScheme}`
      try {
        await page.goto(`http://127.0.0.1:${server.address().port}/power/${scene.query}`)
        await page.locator('#link[data-state=open]').waitFor()
        await page.waitForTimeout(1_200)
        await scene.go(page)
        await page.evaluate(() => scrollTo(0, 0))
        await page.screenshot({ path: `shots/${shot}.png`, fullPage: true })
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        if (wide > 0) page.complaints.push(`the page is ${wide} px wider than the window`)
        page.complaints.push(...(await accessibility(page)))
      } catch (err) {
        await page.screenshot({ path: `shots/${shot}-failed.png`, fullPage: true })
        page.complaints.push(String(err))
      }
      console.log(`${page.complaints.length === 0 ? 'ok  ' : 'WRONG'} ${shot}`)
      for (const c of page.complaints) console.log(`      ${c}`)
      wrong += page.complaints.length
      await page.context().close()
    }
await browser.close()
server.close()
process.exitCode = wrong > 0 ? 1 : 0

/** What axe finds, in lines. It is run through the debugger, which the page's policy does not bind. */
async function accessibility(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical' || v.impact === 'moderate')
    .map((v) => `axe ${v.impact}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 4).join('; ')}`)
}
