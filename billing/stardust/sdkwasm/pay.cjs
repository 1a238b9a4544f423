// Pays AMOUNT base units with a tag, from a mnemonic, by the official SDK alone: it chooses the inputs, signs, does the
// proof of work and waits. Usage: node pay.cjs address|pay NODE [TO AMOUNT TAG]; prints one line of JSON.
const { Client, SecretManager, Utils, utf8ToHex } = require('@iota/sdk-wasm/node');

// Play money: the key of nobody in particular.
const secretManager = {
  mnemonic: 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon '
    + 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art',
};
const coinType = 4218;
const range = { start: 0, end: 1 };

async function main([what, node, to, amount, tag]) {
  // A private network has no peers, which the node calls unhealthy.
  const client = new Client({ nodes: [node], localPow: true, ignoreNodeHealth: true });
  const { nodeInfo } = await client.getInfo();
  if (what === 'address') {
    const [address] = await new SecretManager(secretManager).generateEd25519Addresses({
      coinType, range, bech32Hrp: nodeInfo.protocol.bech32Hrp, accountIndex: 0,
    });
    return { address };
  }
  const output = await client.buildBasicOutput({
    amount,
    unlockConditions: [{ type: 0, address: { type: 0, pubKeyHash: Utils.bech32ToHex(to) } }],
    features: [{ type: 3, tag: utf8ToHex(tag) }],
  });
  const [block, { payload }] = await client.buildAndPostBlock(secretManager, { coinType, range, outputs: [output] });
  await client.retryUntilIncluded(block, 1, 60);
  return { block, transaction: Utils.transactionId(payload) };
}

main(process.argv.slice(2)).then(
  (result) => { console.log(JSON.stringify(result)); process.exit(0); },
  (error) => { console.error(error.message || error); process.exit(1); },
);
