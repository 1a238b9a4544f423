// Prints vectors made by the official SDK: addresses of a mnemonic, personal-message signatures of each scheme, and what
// it says of the signatures given on standard input ([{address, message, signature}], the message in base64).
const { Ed25519Keypair } = require('@iota/iota-sdk/keypairs/ed25519');
const { Secp256k1Keypair } = require('@iota/iota-sdk/keypairs/secp256k1');
const { Secp256r1Keypair } = require('@iota/iota-sdk/keypairs/secp256r1');
const { MultiSigPublicKey } = require('@iota/iota-sdk/multisig');
const { verifyPersonalMessageSignature } = require('@iota/iota-sdk/verify');

const mnemonics = [
  'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about',
  'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art',
  'zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote',
];
const messages = ['gateway login nonce 1234', '', 'ü∎\n\u0000', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(16384)];

async function main(stdin) {
  const derived = [];
  for (const mnemonic of mnemonics)
    for (const [account, index] of [[0, 0], [0, 1], [0, 199], [1, 0], [7, 3], [2147483647, 2147483647]]) {
      const pair = Ed25519Keypair.deriveKeypair(mnemonic, `m/44'/4218'/${account}'/0'/${index}'`);
      derived.push({ mnemonic, account, index, address: pair.toIotaAddress(), public: Buffer.from(pair.getPublicKey().toRawBytes()).toString('hex') });
    }
  const pair = Ed25519Keypair.deriveKeypair(mnemonics[0]);
  const signed = [];
  for (const message of messages)
    signed.push({ address: pair.toIotaAddress(), message: Buffer.from(message).toString('base64'), signature: (await pair.signPersonalMessage(Buffer.from(message))).signature });
  const others = [];
  for (const [scheme, Pair] of [['Secp256k1', Secp256k1Keypair], ['Secp256r1', Secp256r1Keypair]]) {
    const other = Pair.deriveKeypair(mnemonics[0]);
    others.push({ scheme, address: other.toIotaAddress(), message: Buffer.from(messages[0]).toString('base64'), signature: (await other.signPersonalMessage(Buffer.from(messages[0]))).signature });
  }
  const multi = MultiSigPublicKey.fromPublicKeys({ threshold: 1, publicKeys: [{ publicKey: pair.getPublicKey(), weight: 1 }] });
  others.push({ scheme: 'MultiSig', address: multi.toIotaAddress(), message: Buffer.from(messages[0]).toString('base64'), signature: multi.combinePartialSignatures([(await pair.signPersonalMessage(Buffer.from(messages[0]))).signature]) });
  const verdicts = [];
  for (const s of JSON.parse(stdin || '[]'))
    verdicts.push(await verifyPersonalMessageSignature(Buffer.from(s.message, 'base64'), s.signature, { address: s.address }).then(() => true, () => false));
  process.stdout.write(JSON.stringify({ vectors: { derived, signed, others }, secret: pair.getSecretKey(), verdicts }));
}

main(require('fs').readFileSync(0, 'utf8')).catch((e) => { console.error(e); process.exit(1); });
