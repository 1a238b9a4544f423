// Measures the built demonstration in Chromium: first picture with a processor four times slower, work of the tab with the
// live curve open, and memory over an hour of live readings.  npm run demo && npm run figures
import { fileURLToPath } from 'node:url'
import { launch, open } from './browser.mjs'
import { serve } from './serve.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const server = await serve({ dir: 'demo-dist' })
const url = `http://127.0.0.1:${server.address().port}/`
const browser = await launch('--enable-precise-memory-info', '--js-flags=--expose-gc')
const page = await open(browser, { viewport: { width: 1280, height: 900 } })
const cdp = await page.context().newCDPSession(page)
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' }) // the processor's time, not the wall's

await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 })
await page.goto(url)
await page.waitForFunction(() => /\d/.test(document.getElementById('now-watts').textContent), null, { polling: 20 })
const paint = await page.evaluate(() => ({
  firstPaint: Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN),
  readingShown: Math.round(performance.now()),
}))
console.log(`first contentful paint ${paint.firstPaint} ms, first reading shown by ${paint.readingShown} ms (processor slowed down 4 times)`)
await cdp.send('Emulation.setCPUThrottlingRate', { rate: 1 })

await page.locator('#shop form button[type=submit]').first().click()
await page.getByRole('button', { name: 'Pay with play money' }).click()
await page.locator('#legend .stale').waitFor()
const metrics = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
const [before, begun] = [await metrics(), Date.now()]
await page.waitForTimeout(20_000)
const [after, seconds] = [await metrics(), (Date.now() - begun) / 1000]
console.log(`main thread busy ${(((after.TaskDuration - before.TaskDuration) / seconds) * 100).toFixed(1)} % with the live curve open`)

// An hour of live readings through the real code, as fast as it goes: the clock of the page is moved on.
const heap = () => page.evaluate(async () => {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 200))
  return performance.memory.usedJSHeapSize
})
const readings = (hours) => page.evaluate((hours) => globalThis.wattgateDemo.replay(hours * 7200), hours)
const sizes = [await heap()]
for (let i = 0; i < 3; i++) {
  await readings(1)
  sizes.push(await heap())
}
console.log(`heap: ${sizes.map((n) => (n / 2 ** 20).toFixed(1)).join(', ')} MiB at the start and after each hour of readings`)
for (const c of page.complaints) console.error('WRONG', c)
process.exitCode = page.complaints.length > 0 ? 1 : 0
await browser.close()
server.close()
