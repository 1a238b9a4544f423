// A small server for looking and developing: the built page with the policy that the gateway's own front sets, and,
// with a gateway behind it, its API and its broker's WebSockets.
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { extname, join, normalize } from 'node:path'

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' }
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; " +
  "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Serves dir below base ('/' or '/x/'). api and broker are 'host:port', or null. Resolves with the server. */
export function serve({ dir, host = '127.0.0.1', port = 0, base = '/', api = null, broker = null }) {
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://x')
    if (!url.pathname.startsWith(base)) return end(res, 404, 'nothing here')
    const path = url.pathname.slice(base.length)
    if (path.startsWith('api/') || path === 'healthz') return api ? forward(req, res, api, `/${path}${url.search}`) : end(res, 404, 'no api')
    const name = normalize(join(dir, path === '' ? 'index.html' : path))
    try {
      const body = await readFile(name)
      res.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
      res.end(body)
    } catch {
      end(res, 404, 'nothing here')
    }
  })
  server.on('upgrade', (req, socket, head) => {
    if (!broker) return socket.destroy()
    const [h, p] = split(broker)
    const to = connect(p, h, () => {
      const lines = [`GET / HTTP/1.1`, `Host: ${broker}`]
      for (let i = 0; i < req.rawHeaders.length; i += 2) if (req.rawHeaders[i].toLowerCase() !== 'host') lines.push(`${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}`)
      to.write(`${lines.join('\r\n')}\r\n\r\n`)
      to.write(head)
      socket.pipe(to).pipe(socket)
    })
    to.on('error', () => socket.destroy())
    socket.on('error', () => to.destroy())
  })
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(server)))
}

const split = (address) => [address.slice(0, address.lastIndexOf(':')), Number(address.slice(address.lastIndexOf(':') + 1))]

function forward(req, res, api, path) {
  const [host, port] = split(api)
  const to = request({ host, port, path, method: req.method, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers)
    answer.pipe(res)
  })
  to.on('error', () => end(res, 502, 'no gateway'))
  req.pipe(to)
}

function end(res, code, words) {
  res.writeHead(code, { 'Content-Type': 'text/plain' }).end(words)
}
