// Bundles MQTT.js without what this page never reaches: its command line, TLS and TCP, workers for timers (the page asks for
// native ones, and its policy forbids workers made of text), topic aliases of MQTT 5, and debugging. A third less to load.
// What is left out throws when it is used after all, so that an update of MQTT.js cannot change that unseen.
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const never = (name, members) =>
  members.map((m) => `exports.${m} = function () { throw new Error('${name} is not part of this page') }`).join('\n')

const stubs = {
  'worker-timers': never('worker-timers', ['setInterval', 'clearInterval']),
  'lru-cache': never('lru-cache', ['LRUCache']),
  ws: 'module.exports = {}',
  debug: 'module.exports = () => { const quiet = () => {}; quiet.extend = () => quiet; return quiet }',
}

/** For esbuild's options: Node's globals that MQTT.js expects, from the packages it depends on. */
export const mqttLean = {
  define: { global: 'globalThis' },
  inject: [`${root}scripts/nodeglobals.mjs`],
  plugins: [
    {
      name: 'mqtt-lean',
      setup(build) {
        build.onResolve({ filter: /^(worker-timers|lru-cache|ws|debug)$/ }, ({ path }) => ({ path, namespace: 'left-out' }))
        build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({ contents: stubs[path], loader: 'js' }))
        build.onResolve({ filter: /^(buffer|events|process)$/ }, ({ path }) =>
          build.resolve(`${path}/`, { kind: 'require-call', resolveDir: root }))
        build.onResolve({ filter: /mqtt\/package\.json$|\.\.\/package\.json$/ }, ({ path, importer }) =>
          importer.includes('/node_modules/mqtt/build/') && path.endsWith('/package.json') ? { path: 'version', namespace: 'version' } : undefined)
        build.onLoad({ filter: /.*/, namespace: 'version' }, () => ({ contents: '{"version":"bundled"}', loader: 'json' }))
      },
    },
  ],
}
