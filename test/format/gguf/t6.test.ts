import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import { loadModel } from '../../../src/index.ts';
import { assertSame } from '../../helpers/checks/close.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';
import { buildGguf, ggufValue, type GgufData, TYPE } from '../../helpers/files/build-gguf.ts';
import { store } from '../../helpers/files/quantize.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';

const test = suite('a T6 in a GGUF file');

type Pairs = Record<string, number | boolean | string>;

/** As docs/gguf.md has it, written by hand. */
const NAMES: Readonly<Record<string, string>> = {
  'attn.c_proj.weight': 'attn_output.weight',
  'mlp.c_fc1.weight': 'ffn_gate.weight',
  'mlp.c_fc2.weight': 'ffn_up.weight',
  'mlp.c_proj.weight': 'ffn_down.weight',
  'attn.c_qkv.W_A_q.weight': 'tpa_a_q.weight',
  'attn.c_qkv.W_B_q.weight': 'tpa_b_q.weight',
  'attn.c_qkv.W_A_k.weight': 'tpa_a_k.weight',
  'attn.c_qkv.W_B_k.weight': 'tpa_b_k.weight',
  'attn.c_qkv.W_A_v.weight': 'tpa_a_v.weight',
  'attn.c_qkv.W_B_v.weight': 'tpa_b_v.weight',
};
const PAIRS: Pairs = {
  'general.architecture': 'tpa-t6',
  'tpa-t6.block_count': 2,
  'tpa-t6.context_length': 256,
  'tpa-t6.embedding_length': 40,
  'tpa-t6.vocab_size': 61,
  'tpa-t6.attention.head_count': 5,
  'tpa-t6.attention.key_length': 24,
  'tpa-t6.attention.key_value_rank': 2,
  'tpa-t6.attention.query_rank': 4,
};

const { source, tensors } = mechanismVariant('tpa').build();
const TENSORS: readonly GgufData[] = Array.from(tensors, ([name, { shape, values }]) => {
  const [, layer, part = ''] = /^transformer\.h\.(\d+)\.(.+)$/.exec(name) ?? [];
  const stored = layer === undefined ? 'token_embd.weight' : `blk.${layer}.${NAMES[part]}`;
  return { name: stored, shape, bytes: store(values, 'F32').bytes };
});

/** The file with some pairs of its own, and other tensors. */
function file(pairs: Pairs = {}, own: readonly GgufData[] = TENSORS): Uint8Array {
  const metadata = Object.entries({ ...PAIRS, ...pairs });
  return buildGguf({
    metadata: metadata.map(([key, value]) => [key, ggufValue(value)]),
    tensors: own,
  });
}

const read = (bytes: Uint8Array) => readGguf(bytesSource('model.gguf', bytes));
const load = (bytes: Uint8Array) => loadModel({ gguf: bytes }, { simd: 'baseline' });

test('a file written by another hand computes as the model; what is not said has its default', async () => {
  using original = await loadModel(source, { simd: 'baseline' });
  using model = await load(file());
  const ids = [5, 6, 7, 8, 9];
  assertSame(await model.logits(ids), await original.logits(ids), 'logits');
  const { ropePrecision, ropeTheta, usesGroupNorm, mechanism } = model.config;
  assert.equal(
    [ropePrecision, ropeTheta, usesGroupNorm, mechanism],
    ['bfloat16', 1e4, false, 'tpa'],
  );
});

test('config.json kept inside goes before the keys', async () => {
  const kept = JSON.stringify({ ...source.config, rope_theta: 500 });
  const { config } = await read(file({ 'tpa.config': kept, 'tpa-t6.rope.freq_base': 7 }));
  assert.is(config['rope_theta'], 500);
});

const REFUSED: readonly (readonly [pairs: Pairs, message: RegExp])[] = [
  [{ 'tpa-t6.block_count': 'two' }, /"tpa-t6\.block_count" expected an integer in /],
  [{ 'tpa-t6.block_count': 1.5 }, /"tpa-t6\.block_count" expected an integer in .*found 1\.5/],
  [{ 'tpa-t6.attention.group_norm': 1 }, /"tpa-t6\.attention\.group_norm" expected a boolean/],
  [{ 'tpa-t6.rope.freq_base': NaN }, /"tpa-t6\.rope\.freq_base" expected a number in /],
  [{ 'tpa-t6.rope.precision': 3 }, /"tpa-t6\.rope\.precision" expected text/],
  [
    { 'tpa-t6.attention.mechanism': CANARY.repeat(20) },
    /"tpa-t6\.attention\.mechanism" expected at most 64 characters, found 120/,
  ],
  [{ 'tpa.config': CANARY }, /"tpa\.config" expected JSON/],
  [{ 'tpa.config': '[1]' }, /"tpa\.config" expected an object/],
  [{ 'tpa.config': '['.repeat(100) }, /"tpa\.config" expected at most 32 levels/],
  [
    { 'tpa.config': `{"a":"${'x'.repeat(2 ** 20)}"}` },
    /"tpa\.config" expected at most 1048576 bytes/,
  ],
  [{ 'tpa.generation_config': '{' }, /"tpa\.generation_config" expected JSON/],
];
for (const [pairs, message] of REFUSED) {
  const [key, value] = Object.entries(pairs)[0]!;
  test(`${key} ${String(value).slice(0, 20)} is refused`, async () => {
    await refused(() => read(file(pairs)), 'CHECKPOINT_INVALID', message);
  });
}

test('sizes and mechanisms that make no sense are refused as in config.json', async () => {
  for (const [pairs, code] of [
    [{ 'tpa-t6.attention.key_length': 23 }, 'CONFIG_INVALID'],
    [{ 'tpa-t6.attention.head_count': 0 }, 'CONFIG_INVALID'],
    [{ 'tpa-t6.attention.mechanism': 'tpa-quantum' }, 'CONFIG_INVALID'],
    [{ 'tpa-t6.attention.mechanism': 'mla' }, 'MODEL_MISMATCH'],
    [{ 'tpa-t6.attention.key_value_rank': 3 }, 'MODEL_MISMATCH'],
    [{ 'tpa-t6.block_count': 3 }, 'MODEL_MISMATCH'],
    [{ 'tpa-t6.rope.partial_factor': 0.01 }, 'CONFIG_INVALID'],
  ] as const) {
    await refused(() => load(file(pairs)), code, JSON.stringify(pairs));
  }
});

test('tensors that no T6 has, and a missing one', async () => {
  const bytes = new Uint8Array(128);
  for (const name of [
    'blk.0.attn_q_norm.weight',
    'blk.00.ffn_up.weight',
    'blk.0.toString',
    'output.weight',
  ]) {
    const more = [...TENSORS, { name, shape: [32], bytes }];
    await refused(
      () => read(file({}, more)),
      'MODEL_UNSUPPORTED',
      /^tensor "[^"]+" expected a weight of a T6/,
    );
  }
  await refused(
    () => load(file({}, TENSORS.slice(1))),
    'MODEL_MISMATCH',
    /"transformer\.wte\.weight"/,
  );
  const vector = [
    ...TENSORS,
    { name: 'blk.0.attn_sub_norm.weight', shape: [32], type: TYPE.Q8_0, bytes: new Uint8Array(34) },
  ];
  await refused(
    () => read(file({}, vector)),
    'CHECKPOINT_INVALID',
    /expected a vector in F32, F16 or BF16, found Q8_0/,
  );
});

test.run();
