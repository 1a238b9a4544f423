// The licences of what is bundled, as one text: their authors ask for it to travel with their work.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** inputs are the files of esbuild's metafiles. */
export function licences(inputs) {
  const packages = new Set()
  for (const file of inputs) {
    const m = /^(?:.*:)?((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)
    if (m) packages.add(m[1])
  }
  const parts = [...packages].sort().map((dir) => {
    const { name, version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
    const file = readdirSync(dir).find((f) => /^(licen[cs]e|copying)/i.test(f))
    // A few packages carry the licence in the readme alone.
    const words = file ? readFileSync(join(dir, file), 'utf8') : existsSync(join(dir, 'README.md')) ? (readFileSync(join(dir, 'README.md'), 'utf8').split(/^#+ licen[cs]e.*$/im)[1] ?? '') : ''
    if (words.trim() === '' && !license) throw new Error(`cannot ship ${name}: it names no licence`)
    return `${name} ${version} (${license})\n\n${words.trim()}\n`
  })
  return `This page contains the following works of others.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
