// Checks exchanges against the published GraphQL schema: each query must be valid in it, and each answer must be one that
// a server of that schema could have given. Argument: the schema; standard input: [{request, response}].
const fs = require('fs');
const { buildSchema, parse, validate, execute } = require('graphql');

const schema = buildSchema(fs.readFileSync(process.argv[2], 'utf8'));
const scalars = {
  UInt53: (v) => Number.isSafeInteger(v) && v >= 0,
  BigInt: (v) => typeof v === 'string' && /^-?\d+$/.test(v),
  DateTime: (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(v),
  IotaAddress: (v) => typeof v === 'string' && /^0x[0-9a-f]{64}$/.test(v),
  Base64: (v) => typeof v === 'string' && Buffer.from(v, 'base64').toString('base64') === v,
};
for (const [name, good] of Object.entries(scalars))
  schema.getType(name).serialize = (v) => {
    if (!good(v)) throw new Error(`${JSON.stringify(v)} is no ${name}`);
    return v;
  };

let bad = 0;
const fail = (e, what) => { bad++; console.error(what, e.request.query.slice(0, 400), JSON.stringify(e.response).slice(0, 600)); };
const list = JSON.parse(fs.readFileSync(0, 'utf8'));
for (const e of list) {
  const document = parse(e.request.query);
  const wrong = validate(schema, document);
  if (wrong.length) { fail(e, wrong.map((w) => w.message).join('; ')); continue; }
  if (e.response.errors) continue;
  // Executing the query over the answer itself finds fields that are missing, null or of another type.
  const again = execute({
    schema, document, rootValue: e.response.data, variableValues: e.request.variables,
    fieldResolver: (source, _args, _ctx, info) => source[info.path.key],
    typeResolver: (value) => value.__typename,
  });
  if (again.errors) fail(e, again.errors.map((w) => `${w.message} at ${w.path}`).join('; '));
  else if (JSON.stringify(again.data) !== JSON.stringify(e.response.data)) fail(e, 'the answer has other fields than the query');
}
console.log(list.length);
process.exit(bad ? 1 : 0);
