// Bundles test/*.test.ts for Node and runs them: Node 20 runs no TypeScript by itself.
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
process.chdir(root)
const wanted = process.argv[2] ?? ''
const files = readdirSync('test').filter((f) => f.endsWith('.test.ts') && f.includes(wanted))
const out = mkdtempSync(join(root, 'node_modules', '.tests-'))
try {
  await build({
    entryPoints: files.map((f) => join('test', f)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outdir: out,
    outExtension: { '.js': '.mjs' },
    sourcemap: 'inline',
    logLevel: 'warning',
  })
  const built = files.map((f) => join(out, f.replace(/\.ts$/, '.mjs')))
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...built], { stdio: 'inherit' })
  process.exitCode = run.status ?? 1
} finally {
  rmSync(out, { recursive: true, force: true })
}
