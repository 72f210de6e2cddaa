import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import { refuseConfig } from '../../../src/format/config/fields.ts';
import { MAX_CONFIG_BYTES } from '../../../src/format/config/limits.ts';
import { readConfig } from '../../../src/format/config/read-config.ts';
import { parseJson } from '../../../src/format/files/json.ts';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import { readConfigFile } from '../../../src/format/hugging-face.ts';
import { assertCost } from '../../helpers/checks/cost.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';
import { TINY_JSON, tensorNames, tinyConfig } from '../../helpers/models/tiny-model.ts';

const test = suite('parseConfig()');

/** A parse of the tiny config under these changes. */
function parse(changes: Record<string, unknown>): unknown {
  return parseConfig({ ...TINY_JSON, ...changes }, tensorNames());
}

test('reads the T6 keys', () => {
  assert.equal(tinyConfig({ dropout: 0 }), {
    layout: 't6',
    mechanism: 'tpa',
    layers: 2,
    heads: 3,
    kvHeads: 3,
    headDim: 4,
    dim: 6,
    hiddenDim: 16,
    rankQ: 3,
    rankK: 2,
    rankV: 2,
    headFactors: 'contextual',
    featureFactors: 'contextual',
    outerDim: 1,
    isLinear: false,
    usesSigmoid: false,
    vocabSize: 11,
    contextLength: 16,
    ropeTheta: 10000,
    ropePrecision: 'float32',
    ropeDirection: 1,
    rotaryDim: 4,
    ropeDecay: 1,
    normEps: 1.1920929e-7,
    hasNormWeights: false,
    usesGroupNorm: true,
    usesQueryKeyNorm: false,
    hasQkvBias: false,
    hasOutputBias: false,
    hasMlpBias: false,
    isTied: true,
    eosTokenIds: [10],
    ignoredKeys: ['dropout'],
  });
});

test('has defaults for what upstream leaves out, or writes as null', () => {
  const optional = [
    'block_size',
    'rope_theta',
    'rope_precision',
    'using_groupnorm',
    'eos_token_id',
  ];
  const nulls = Object.fromEntries(optional.map((key) => [key, null]));
  const absent = Object.entries(TINY_JSON).filter(([key]) => !optional.includes(key));
  for (const config of [
    tinyConfig(nulls),
    parseConfig(Object.fromEntries(absent), tensorNames()),
  ]) {
    assert.is(config.contextLength, 1024);
    assert.is(config.ropeTheta, 10000);
    assert.is(config.ropePrecision, 'bfloat16');
    assert.is(config.usesGroupNorm, false);
    assert.equal(config.eosTokenIds, []);
  }
});

test('hiddenDim is floor(8/3 n_embd): 48 -> 128, 192 -> 512, 768 -> 2048, 1600 -> 4266', () => {
  const dims = [48, 192, 768, 1600, 1];
  assert.equal(
    dims.map((n_embd) => tinyConfig({ n_embd }).hiddenDim),
    [128, 512, 2048, 4266, 2],
  );
});

test('takes one eos_token_id or several', () => {
  assert.equal(tinyConfig({ eos_token_id: [1, 2, 10] }).eosTokenIds, [1, 2, 10]);
  assert.equal(tinyConfig({ eos_token_id: 0 }).eosTokenIds, [0]);
});

test('an end token of -1 is none; one beyond the vocabulary is left out and the key listed', () => {
  for (const eos_token_id of [-1, [-1], []]) {
    const { eosTokenIds, ignoredKeys } = tinyConfig({ eos_token_id });
    assert.equal([eosTokenIds, ignoredKeys.includes('eos_token_id')], [[], false]);
  }
  for (const eos_token_id of [
    [1, 11],
    [2 ** 31, 1],
  ]) {
    const { eosTokenIds, ignoredKeys } = tinyConfig({ eos_token_id });
    assert.equal([eosTokenIds, ignoredKeys.includes('eos_token_id')], [[1], true]);
  }
});

test('C1 refuses relations: rank > head_dim, odd head_dim, eos < -1, theta < 1, layers 1e9', async () => {
  const table: [Record<string, unknown>, string][] = [
    [{ rank: 5 }, 'rank'],
    [{ q_rank: 5 }, 'q_rank'],
    [{ head_dim: 5 }, 'head_dim'],
    [{ eos_token_id: -2 }, 'eos_token_id'],
    [{ eos_token_id: [1, 1.5] }, 'eos_token_id'],
    [{ eos_token_id: Array.from({ length: 257 }, () => 1) }, 'eos_token_id'],
    [{ eos_token_id: Object.assign([1], { 2: 1 }) }, 'eos_token_id'],
    [{ rope_theta: 0.5 }, 'rope_theta'],
    [{ n_layer: 1e9 }, 'n_layer'],
  ];
  for (const [changes, path] of table) {
    await refused(() => parse(changes), 'CONFIG_INVALID', path, { path });
  }
  tinyConfig({ rank: 4, q_rank: 4 });
});

test('C1 refuses what is no object', async () => {
  for (const json of [undefined, null, [], [TINY_JSON], 'text', 3, true, () => TINY_JSON]) {
    await refused(() => parseConfig(json, tensorNames()), 'CONFIG_INVALID', String(json));
  }
});

test('neither reads nor changes prototypes', async () => {
  await refused(() => parseConfig(Object.create(TINY_JSON), tensorNames()), 'CONFIG_INVALID');
  const text = JSON.stringify(TINY_JSON).replace('{', '{"__proto__":{"n_layer":9,"polluted":1},');
  const config = parseConfig(JSON.parse(text), tensorNames());
  assert.is(config.layers, 2);
  assert.equal(config.ignoredKeys, ['__proto__']);
  assert.not.ok('polluted' in {});
});

test('lists unread keys, escaped and shortened', () => {
  const { ignoredKeys } = tinyConfig({ 'x\u001b\n"': 1, ['k'.repeat(200)]: 1, torch_dtype: 'x' });
  assert.is(ignoredKeys.length, 3);
  for (const key of ignoredKeys) assert.match(key, /^[\x20-\x7e]{1,80}$/);
});

test('the same by code loaded for the layout', async () => {
  const found = await readConfig(TINY_JSON, tensorNames(), 3);
  assert.equal(found, parseConfig(TINY_JSON, tensorNames(), 3));
  assert.is(found.contextLength, 3);
  await refused(() => readConfig([], tensorNames()), 'CONFIG_INVALID');
});

test('config.json: bad UTF-8, bad JSON, BOM, depth and size are refused without file text', async () => {
  const encoder = new TextEncoder();
  const texts = ['', ' ', '{} {}', CANARY, `{"${CANARY}"}`];
  texts.push(...'{ \ufeff{} {"a":01} {a:1} NaN'.split(' '));
  await eachRefused((text) => parseBytes(encoder.encode(text)), 'CONFIG_INVALID', texts);
  await refused(() => parseBytes(Uint8Array.of(0x22, 0xff, 0x22)), 'CONFIG_INVALID');
  const sized = (length: number): Uint8Array => encoder.encode('{}'.padEnd(length));
  assert.equal(await readBytes(sized(MAX_CONFIG_BYTES)), {});
  await refused(() => readBytes(sized(MAX_CONFIG_BYTES + 1)), 'RESOURCE_LIMIT');
  assert.equal(parseBytes(encoder.encode('{"a":"]]}\\"[["}')), { a: ']]}"[[' });
  parseBytes(encoder.encode(`"\\"${'['.repeat(40)}"`));
  parseBytes(encoder.encode('['.repeat(32) + ']'.repeat(32)));
  for (const levels of [33, 5e5, 5e6]) {
    const bytes = encoder.encode('['.repeat(levels) + ']'.repeat(levels));
    await assertCost({
      what: `${levels} levels`,
      control: () => new TextDecoder().decode(bytes),
      work: () => refused(() => parseBytes(bytes), 'CONFIG_INVALID'),
      factor: 20,
    });
  }
});

test.run();

function parseBytes(bytes: Uint8Array): unknown {
  return parseJson(bytes, refuseConfig('config.json'));
}

/** What a model of these bytes of a config.json has. */
async function readBytes(config: Uint8Array): Promise<unknown> {
  return readConfigFile(await openModelFiles({ config, weights: new Uint8Array(0) }));
}
