// Passes itself off as two plain switches on the address argv[2], by two
// programs made for voice assistants. Prints where they listen and ends with its
// input.
'use strict';
const wemore = require('wemore');
const FauxMo = require('fauxmojs');
const address = process.argv[2];
const one = wemore.Emulate({ friendlyName: 'wemore lamp', uuid: 'a3a76f24-3308-4d15-8f14-ddd7ea5fb4ab' });
one.host = address;
one.on('listening', () => {
  new FauxMo({ ipAddress: address, devices: [{ name: 'faux lamp', port: one.port + 1, handler() {} }] });
  console.log(JSON.stringify({ wemore: address + ':' + one.port, fauxmojs: address + ':' + (one.port + 1) }));
});
process.stdin.on('end', () => process.exit(0)).resume();
