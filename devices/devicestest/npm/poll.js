// Reads each plug at the addresses given as lines of input, argv[2] times a
// second for argv[3] seconds, on a grid with a phase for each, as evenly as
// timers can, by wemo-client. Prints what that took.
'use strict';
const Wemo = require('wemo-client');
const wemo = new Wemo();
const step = 1000 / Number(process.argv[2]);
const span = 1000 * Number(process.argv[3]);
const addresses = require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean);
const empty = process.memoryUsage().rss;
const late = [];
let failed = 0, read = 0, loaded = 0, missed = 0;

for (const address of addresses) {
  wemo.load('http://' + address + '/setup.xml', (err, device) => {
    if (err) throw err;
    const client = wemo.client(device);
    client.on('error', () => {});
    clients.push(client);
    if (++loaded === addresses.length) begin();
  });
}
const clients = [];

function begin() {
  const start = performance.now() + 500;
  const before = process.cpuUsage();
  clients.forEach((client, i) => {
    const phase = start + (i * step) / clients.length;
    let slot = 0, busy = false;
    const next = () => setTimeout(tick, Math.max(0, phase + slot * step - performance.now()));
    const tick = () => {
      late.push(Math.abs(performance.now() - phase - slot * step)); // timers may be early, too
      if (busy) missed++;
      else {
        busy = true;
        client.getInsightParams((err) => { busy = false; err ? failed++ : read++; });
      }
      if (++slot * step < span) next();
    };
    next();
  });
  setTimeout(() => {
    const used = process.cpuUsage(before);
    late.sort((a, b) => a - b);
    console.log(JSON.stringify({
      read, failed, missed, cpu_ms: (used.user + used.system) / 1000, late_p50_ms: late[late.length >> 1],
      late_p99_ms: late[Math.floor(late.length * 0.99)], rss_kib: (process.memoryUsage().rss - empty) / 1024,
    }));
    process.exit(0);
  }, span + 1500);
}
