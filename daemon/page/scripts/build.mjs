// Builds the page into dist, or with --demo the page without an installation into demo-dist. Classic scripts, hashed
// names, relative paths, and .br and .gz beside everything that compresses. Fails above the weight that is allowed.
import { build } from 'esbuild'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { licences } from './licences.mjs'
import { mqttLean } from './mqttlean.mjs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** First load, brotli, in bytes: all of the page. */
const allowed = 160_000

const demo = process.argv.includes('--demo')
process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const out = demo ? 'demo-dist' : 'dist'
mkdirSync(out, { recursive: true })
for (const name of readdirSync(out)) if (name !== '.keep') rmSync(join(out, name), { recursive: true })

const common = {
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022', 'chrome100', 'firefox100', 'safari15'],
  outdir: out,
  entryNames: '[name]-[hash]',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
}
const first = demo ? { entryPoints: { demo: 'demo/main.ts' } } : { entryPoints: { mqtt: 'src/mqtt.ts' }, ...mqttLean }
const made = [
  await build({ ...common, ...first }),
  await build({ ...common, entryPoints: { page: 'src/main.ts' } }),
  await build({ ...common, entryPoints: { page: 'src/style.css' } }),
]
const names = made.flatMap((r) => Object.keys(r.metafile.outputs)).map((p) => basename(p))
const named = (start, end) => names.find((n) => n.startsWith(start) && n.endsWith(end))

const assets = [
  `<link rel="stylesheet" href="${named('page-', '.css')}">`,
  demo ? `<script defer src="${named('demo-', '.js')}"></script>` : `<link id="mqtt" rel="preload" as="script" href="${named('mqtt-', '.js')}">`,
  `<script defer src="${named('page-', '.js')}"></script>`,
].join('\n')
const html = readFileSync('src/index.html', 'utf8')
const marker = /<!-- styles and scripts:.*-->/
if (!marker.test(html)) throw new Error('src/index.html has no place for styles and scripts')
writeFileSync(join(out, 'index.html'), html.replace(marker, assets))

const inside = licences(made.flatMap((r) => Object.keys(r.metafile.inputs)))
writeFileSync(join(out, 'licences.txt'), inside)

const table = []
for (const name of ['index.html', ...names]) {
  const bytes = readFileSync(join(out, name))
  const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  const gz = gzipSync(bytes, { level: 9 })
  writeFileSync(join(out, `${name}.br`), br)
  writeFileSync(join(out, `${name}.gz`), gz)
  table.push([name, bytes.length, gz.length, br.length])
}
table.push(['first load', ...[1, 2, 3].map((i) => table.reduce((n, row) => n + row[i], 0))])
for (const [name, ...sizes] of [['', 'bytes', 'gzip', 'brotli'], ...table]) console.log(name.padEnd(24), ...sizes.map((n) => String(n).padStart(9)))
const total = table.at(-1)[3]
if (!demo && total > allowed) {
  console.error(`cannot ship this page: the first load is ${total} bytes in brotli, ${allowed} are allowed`)
  process.exitCode = 1
}
