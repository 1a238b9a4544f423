// Finds the Insight with the serial number argv[2] as any user of wemo-client
// would, reads its meter and subscribes to it. With a URL in argv[3] it is not
// searched for but loaded from there, and no event is awaited. Prints a line of
// JSON for each thing that worked, and ends with the last.
'use strict';
const Wemo = require('wemo-client');
const wemo = new Wemo();
const [serial, url] = process.argv.slice(2);
const say = (x) => console.log(JSON.stringify(x));
let busy = false;

function met(err, device) {
  if (err || busy || device.serialNumber !== serial) return;
  busy = true;
  say({ found: device.UDN, model: device.modelName, type: device.deviceType });
  const client = wemo.client(device);
  client.on('error', (e) => say({ error: String(e) }));
  client.getInsightParams((err, state, power, params) => {
    say(err ? { error: String(err) } : { read: { state, power, today: params.TodayConsumed } });
    if (url) process.exit(0);
    client.on('insightParams', (state, power) => {
      say({ event: { state, power } });
      process.exit(0);
    });
  });
}

const look = () => (url ? wemo.load(url, met) : wemo.discover(met));
look();
setInterval(() => busy || look(), 1000);
