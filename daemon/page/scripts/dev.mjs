// Serves the built page in front of a running gateway:  npm run dev -- RUNTIME_DIR API_HOST:PORT [PORT]
// The broker's WebSockets listener is read from RUNTIME_DIR/mosquitto/listeners.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serve } from './serve.mjs'

const [runtime, api, port = '8090'] = process.argv.slice(2)
if (!runtime || !api) {
  console.error('cannot start: npm run dev -- RUNTIME_DIR API_HOST:PORT [PORT]  (the demo prints both)')
  process.exit(2)
}

/** Where Mosquitto takes WebSockets; the gateway writes it down. */
function websockets(runtime) {
  const listeners = JSON.parse(readFileSync(join(runtime, 'mosquitto', 'listeners.json'), 'utf8'))
  const at = listeners.find((l) => l.key === 'websockets')?.address
  if (!at) throw new Error('the broker has no WebSockets listener at the moment')
  return at
}

const server = await serve({ dir: fileURLToPath(new URL('../dist', import.meta.url)), host: '0.0.0.0', port: Number(port), api, broker: websockets(runtime) })
console.log(`http://127.0.0.1:${server.address().port}/`)
