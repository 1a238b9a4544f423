// Reads the simulated node by the official client, through JSON-RPC and through the GraphQL transport, and prints what it
// saw as JSON. Arguments: graphql URL, JSON-RPC URL, our address, digests…
const { IotaClient } = require('@iota/iota-sdk/client');
const { IotaClientGraphQLTransport } = require('@iota/graphql-transport');
const { verifyTransactionSignature } = require('@iota/iota-sdk/verify');
const { TransactionDataBuilder } = require('@iota/iota-sdk/transactions');
const { bcs } = require('@iota/iota-sdk/bcs');

const [graphql, jsonrpc, address, ...digests] = process.argv.slice(2);
const show = { showInput: true, showRawInput: true, showEffects: true, showBalanceChanges: true };

async function read(client) {
  const found = [];
  let cursor = null;
  for (;;) {
    const page = await client.queryTransactionBlocks({ filter: { ToAddress: address }, options: show, cursor, limit: 20 });
    for (const tx of page.data) found.push(await facts(tx));
    if (!page.hasNextPage) break;
    cursor = page.nextCursor;
  }
  const back = await client.queryTransactionBlocks({ filter: { ToAddress: address }, limit: 20, order: 'descending' });
  const head = await client.getLatestCheckpointSequenceNumber();
  const checkpoint = await client.getCheckpoint({ id: head });
  const one = await facts(await client.getTransactionBlock({ digest: digests[0], options: show }));
  const many = await client.multiGetTransactionBlocks({ digests, options: show });
  return {
    chain: await client.getChainIdentifier(),
    head, checkpoint, found, one,
    many: many.map((tx) => tx.digest),
    newest: back.data[0].digest,
    balance: await client.getBalance({ owner: address }),
    balances: await client.getAllBalances({ owner: address }),
    metadata: await client.getCoinMetadata({ coinType: '0x2::iota::IOTA' }),
    total: (await client.getTotalTransactionBlocks()).toString(),
  };
}

// What the answer says, what its bytes say, and that the signature is good and the digest right.
async function facts(tx) {
  const [signed] = bcs.SenderSignedData.parse(Buffer.from(tx.rawTransaction, 'base64'));
  const bytes = bcs.TransactionData.serialize(signed.intentMessage.value).toBytes();
  const key = await verifyTransactionSignature(bytes, signed.txSignatures[0]);
  return {
    digest: tx.digest, checkpoint: tx.checkpoint, timestampMs: tx.timestampMs,
    status: tx.effects.status.status, effectsDigest: tx.effects.transactionDigest,
    created: (tx.effects.created ?? []).map((o) => o.owner.AddressOwner),
    gas: tx.effects.gasUsed, sender: tx.transaction.data.sender,
    changes: tx.balanceChanges,
    bytesDigest: TransactionDataBuilder.getDigestFromBytes(bytes),
    bytesSender: signed.intentMessage.value.V1.sender,
    signer: key.toIotaAddress(),
  };
}

(async () => {
  const out = {
    jsonrpc: await read(new IotaClient({ url: jsonrpc })),
    graphql: await read(new IotaClient({ transport: new IotaClientGraphQLTransport({ url: graphql }) })),
  };
  process.stdout.write(JSON.stringify(out, (_, v) => (typeof v === 'bigint' ? v.toString() : v)));
})().catch((e) => { console.error(e); process.exit(1); });
