// Ready-made lines for other programs, with this gateway's real values: over TLS where it has it, the certificate checked
// once and then pinned, and client ids that nobody can guess.

import type { Place, Reach } from './reach.ts'

export interface Snippet {
  id: string
  title: string
  parts: { about: string; code: string }[]
}

export interface Login {
  /** '' reads the free topics without a login. */
  username: string
}

interface Setting {
  reach: Reach
  place: Place
  tls: boolean
  user: string
  topic: string
}

export function snippets(reach: Reach, login: Login): Snippet[] {
  const tls = reach.tls !== null && reach.tlsSHA256 !== ''
  const place = tls ? reach.tls : reach.plain
  if (!place) return []
  const s: Setting = { reach, place, tls, user: login.username, topic: login.username ? 'sensor/live' : 'sensor/1m' }
  const all = [mosquitto(s), python(s), node(s), nodeRED(s), homeAssistant(s), telegraf(s), curl(s)]
  if (!tls) return all
  for (const one of all) if (one.id !== 'python' && (one.id !== 'curl' || reach.secureWeb !== '')) one.parts.unshift(certificate(s))
  return all
}

/** Fetches the certificate and compares it with the one in the signed offer. */
function certificate({ reach, place }: Setting): { about: string; code: string } {
  return {
    about: 'Once: fetch the certificate and compare it with the one in the signed offer.',
    code:
      `openssl s_client -connect ${place.host}:${place.port} </dev/null 2>/dev/null | openssl x509 > gateway.pem\n` +
      `openssl x509 -in gateway.pem -outform der | sha256sum | grep ${reach.tlsSHA256} || echo 'not the gateway: stop here'`,
  }
}

function mosquitto({ place, tls, user, topic }: Setting): Snippet {
  const flags = [`-h ${place.host} -p ${place.port}`, tls && '--cafile gateway.pem --insecure', user && `-u ${user} -P PASSWORD`, `-t ${topic}`]
  const about = tls ? '--insecure only leaves out the host name: the certificate itself is pinned.' : 'In a terminal:'
  return { id: 'mosquitto_sub', title: 'mosquitto_sub', parts: [{ about, code: `mosquitto_sub ${flags.filter(Boolean).join(' ')}` }] }
}

function python({ reach, place, tls, user, topic }: Setting): Snippet {
  const lines = [
    tls ? 'import hashlib, json, ssl\nimport paho.mqtt.client as mqtt\n' : 'import json\nimport paho.mqtt.client as mqtt\n',
    `HOST, PORT = "${place.host}", ${place.port}`,
    'client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)  # the broker makes up a random client id',
    user && `client.username_pw_set("${user}", "PASSWORD")`,
    tls && `
pem = ssl.get_server_certificate((HOST, PORT))
seen = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
if seen != "${reach.tlsSHA256}":
    raise SystemExit("not the gateway's certificate: " + seen)
context = ssl.create_default_context(cadata=pem)  # trusts this certificate and no other
context.check_hostname = False
context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
client.tls_set_context(context)
`,
    `client.on_connect = lambda c, *_: c.subscribe("${topic}")`,
    'client.on_message = lambda c, _, m: print(json.loads(m.payload)["power_w"], "W")',
    'client.connect(HOST, PORT)',
    'client.loop_forever()',
  ]
  return { id: 'python', title: 'Python', parts: [{ about: 'With paho: pip install paho-mqtt', code: lines.filter(Boolean).join('\n') }] }
}

function node({ place, tls, user, topic }: Setting): Snippet {
  const options = [
    "  clientId: 'reader-' + randomBytes(16).toString('hex'), // random: who knows it can take the connection over",
    user && `  username: '${user}',\n  password: 'PASSWORD',`,
    tls && "  ca: readFileSync('gateway.pem'), // pinned, so the host name says nothing\n  checkServerIdentity: () => undefined,",
  ]
  const code = `import mqtt from 'mqtt'
import { randomBytes } from 'node:crypto'
${tls ? "import { readFileSync } from 'node:fs'\n" : ''}
const client = mqtt.connect('${tls ? 'mqtts' : 'mqtt'}://${place.host}:${place.port}', {
${options.filter(Boolean).join('\n')}
})
client.on('connect', () => client.subscribe('${topic}'))
client.on('message', (_, payload) => console.log(JSON.parse(payload).power_w, 'W'))`
  return { id: 'node', title: 'Node.js', parts: [{ about: 'With MQTT.js: npm install mqtt', code }] }
}

function nodeRED({ place, tls, user, topic }: Setting): Snippet {
  const flow = [
    { id: 'wg-in', type: 'mqtt in', name: 'wattgate', topic, qos: '0', datatype: 'json', broker: 'wg-broker', wires: [['wg-watts']] },
    { id: 'wg-watts', type: 'change', name: 'watts', rules: [{ t: 'set', p: 'payload', pt: 'msg', to: 'payload.power_w', tot: 'msg' }], wires: [['wg-debug']] },
    { id: 'wg-debug', type: 'debug', name: 'W', active: true, tosidebar: true, complete: 'payload', targetType: 'msg', wires: [] },
    {
      id: 'wg-broker', type: 'mqtt-broker', name: 'wattgate', broker: place.host, port: String(place.port), clientid: '', autoConnect: true,
      usetls: tls, ...(tls ? { tls: 'wg-tls' } : {}), protocolVersion: '4', keepalive: '60', cleansession: true,
    },
    ...(tls ? [{ id: 'wg-tls', type: 'tls-config', name: 'wattgate', ca: '/path/to/gateway.pem', verifyservercert: true, servername: '' }] : []),
  ]
  const login = user ? ` Then open the broker wattgate and enter the user ${user} and the password.` : ''
  return { id: 'node-red', title: 'Node-RED', parts: [{ about: `Menu, Import, paste.${login}`, code: JSON.stringify(flow, null, 1) }] }
}

function homeAssistant({ place, tls, user, topic }: Setting): Snippet {
  const login = user ? `, user ${user} and the password` : ''
  const trust = tls ? '; advanced: your own CA certificate gateway.pem, ignore the host name' : ''
  return {
    id: 'home-assistant',
    title: 'Home Assistant',
    parts: [
      { about: 'Settings, Devices, MQTT, with this broker:', code: `${place.host}, port ${place.port}${login}${trust}` },
      {
        about: 'configuration.yaml:',
        code: `mqtt:
  sensor:
    - name: Power
      unique_id: wattgate_power
      state_topic: ${topic}
      value_template: "{{ value_json.power_w }}"
      availability_topic: wattgate/availability
      payload_available: online
      payload_not_available: offline
      unit_of_measurement: W
      device_class: power
      state_class: measurement
      expire_after: ${topic === 'sensor/live' ? 10 : 180}
    - name: Energy
      unique_id: wattgate_energy
      state_topic: ${topic}
      value_template: "{{ value_json.energy_wh }}"
      unit_of_measurement: Wh
      device_class: energy
      state_class: total_increasing`,
      },
    ],
  }
}

function telegraf({ place, tls, user, topic }: Setting): Snippet {
  const lines = [
    '[[inputs.mqtt_consumer]]',
    `  servers = ["${tls ? 'ssl' : 'tcp'}://${place.host}:${place.port}"]`,
    `  topics = ["${topic}"]`,
    user && `  username = "${user}"\n  password = "PASSWORD"`,
    tls && '  tls_ca = "/etc/telegraf/gateway.pem"',
    '  qos = 0',
    '  data_format = "json"',
    '  json_time_key = "ts"',
    '  json_time_format = "2006-01-02T15:04:05.000Z"',
  ]
  return { id: 'telegraf', title: 'Telegraf', parts: [{ about: 'telegraf.conf:', code: lines.filter(Boolean).join('\n') }] }
}

function curl({ reach, tls, user }: Setting): Snippet {
  const secure = reach.secureWeb !== ''
  const base = secure ? reach.secureWeb : reach.web
  const trust = secure && tls ? ' --cacert gateway.pem' : ''
  const parts = [{ about: 'The averages of the last 24 hours:', code: `curl${trust} ${base}api/v1/average` }]
  if (user) parts.push({ about: 'The live readings, one a line:', code: `curl -N${trust} -u ${user} ${base}api/v1/live` })
  else parts.push({ about: 'The signed offer:', code: `curl${trust} ${base}api/v1/offer` })
  return { id: 'curl', title: 'curl', parts }
}
