import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { convertCheckpoint } from '../../../src/convert/converted-files.ts';
import { readTorch, readTorchShards } from '../../../src/convert/torch/contents.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import {
  buildTorch,
  orderedDict,
  pickled,
  type Picklable,
  type TorchData,
} from '../../helpers/files/build-torch.ts';
import { bytesOf } from '../../helpers/files/bytes.ts';
import { convertedBytes, tensorBytes, torchCheckpoint } from '../../helpers/files/converted.ts';
import { loadGolden } from '../../helpers/checks/golden.ts';
import { goldenSource } from '../../helpers/models/t6-model.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';
import {
  buildBin,
  buildCkpt,
  torchParts,
  type TorchParts,
} from '../../helpers/models/torch-model.ts';

const golden = loadGolden('model_t6');
const { config, weights } = goldenSource(golden, 'exact');
const WEIGHTS = weights as Uint8Array;
const parts = await torchParts(WEIGHTS);
const ARGUMENTS = Object.entries(config as Record<string, Picklable>);

/** A bin file, read with config.json beside it. */
async function open(bin: Uint8Array, beside: object = config as object) {
  const files = await openModelFiles({ config: beside, weights: new Uint8Array() });
  return torchCheckpoint(readTorch(bytesSource('pytorch_model.bin', bin), files));
}

/** The checkpoint with a special_tokens_map.json beside it. */
async function openWithTokens(specialTokensMap: object) {
  const given = { config, weights: new Uint8Array(), specialTokensMap };
  const source = bytesSource('pytorch_model.bin', buildBin(parts));
  return torchCheckpoint(readTorch(source, await openModelFiles(given)));
}

/** The checkpoint with one tensor put in place of another. */
function withTensor(name: string, changes: Partial<TorchData>): TorchParts {
  const tensors = new Map(parts.tensors);
  tensors.set(name, { ...tensors.get(name)!, ...changes });
  return { ...parts, tensors };
}

const C_PROJ = 'transformer.h.0.attn.c_proj.weight';
const WTE = 'transformer.wte.weight';
const FACTOR = 'transformer.h.0.attn.c_qkv.W_A_q.weight';

const test = suite('readTorch()');

test('pytorch_model.bin: every tensor bit-identical, config.json unchanged', async () => {
  const files = await convertedBytes(await open(buildBin(parts)));
  assert.equal(await tensorBytes(files.get('model.safetensors')!), await tensorBytes(WEIGHTS));
  const written = JSON.parse(new TextDecoder().decode(files.get('config.json')));
  assert.equal(written, config);
});

test('ckpt.pt: names without wrapper, config from model_args, zip64', async () => {
  const modelArguments = new Map<string, Picklable>([...ARGUMENTS, ['dropout', 0.5]]);
  const checkpoint = await open(buildCkpt(parts, modelArguments), { not: 'read' });
  const { dropout: _dropout, ...expected } = { ...(config as Record<string, unknown>) };
  assert.equal(checkpoint.config, { model_type: 't6', ...expected });
  const files = await convertedBytes(checkpoint);
  assert.equal(await tensorBytes(files.get('model.safetensors')!), await tensorBytes(WEIGHTS));
});

test('ckpt.pt: what model_args leave open comes from config', async () => {
  const training = new Map<string, Picklable>([
    ['vocab_size', 97],
    ['n_layer', 99],
  ]);
  const bin = buildCkpt(
    parts,
    new Map<string, Picklable>([...ARGUMENTS, ['vocab_size', null]]),
    training,
  );
  const { config: found } = await open(bin);
  assert.equal([found['vocab_size'], found['n_layer']], [97, 2]);
});

test('ckpt.pt: the keys of every mechanism are taken', async () => {
  const keys = { c_dim: 2, group_size: 2, q_lora_rank: 3, v_head_dim: 8, rope_decay_base: 0.5 };
  const all = new Map([...ARGUMENTS, ...Object.entries(keys)]);
  const { config: found } = await open(buildCkpt(parts, all));
  for (const [key, value] of Object.entries(keys)) assert.is(found[key], value, key);
});

/** Plans the files of the model, its configuration changed. */
const convert = async (changes: object, generation?: object) => {
  const checkpoint = await open(buildBin(parts), { ...(config as object), ...changes });
  const generationConfig = generation as Record<string, unknown>;
  const more = generation ? { generationConfig } : {};
  return convertCheckpoint({ ...checkpoint, ...more });
};

test('refuses a configuration that loadModel would refuse, before anything is written', async () => {
  await refused(() => convert({ n_head: '4' }), 'CONFIG_INVALID', /"n_head"/);
  await refused(() => convert({ rope_scaling: { factor: 2 } }), 'MODEL_UNSUPPORTED');
  await refused(() => convert({}, { eos_token_id: -2 }), 'CONFIG_INVALID');
  await refused(() => convert({}, { top_p: 7 }), 'CONFIG_INVALID');
});

test('keeps F16 and BF16 as they are, 4-byte elements first', async () => {
  const mixed: TorchParts = {
    tensors: new Map([
      [C_PROJ, { storage: 'h', type: 'HalfStorage', length: 3, shape: [3] }],
      [FACTOR, { storage: 'b', type: 'BFloat16Storage', length: 2, shape: [2, 1], offset: 0 }],
      [WTE, { storage: 'f', type: 'FloatStorage', length: 3, shape: [2], offset: 1 }],
    ]),
    storages: new Map([
      ['h', Uint8Array.of(1, 2, 3, 4, 5, 6)],
      ['b', Uint8Array.of(7, 8, 9, 10)],
      ['f', Uint8Array.from({ length: 12 }, (_, i) => 100 + i)],
    ]),
  };
  const files = await convertedBytes(await open(buildBin(mixed)));
  const tensors = await tensorBytes(files.get('model.safetensors')!);
  assert.equal([...tensors.keys()], [WTE, C_PROJ, FACTOR]);
  assert.equal(tensors.get(WTE), {
    dtype: 'F32',
    shape: [2],
    bytes: [104, 105, 106, 107, 108, 109, 110, 111],
  });
  assert.equal(tensors.get(C_PROJ), { dtype: 'F16', shape: [3], bytes: [1, 2, 3, 4, 5, 6] });
  assert.equal(tensors.get(FACTOR), { dtype: 'BF16', shape: [2, 1], bytes: [7, 8, 9, 10] });
});

test('writes a tied lm_head once and leaves computed buffers out, and says so', async () => {
  const tensors = new Map<string, TorchData>([
    ['module.lm_head.weight', parts.tensors.get(WTE)!],
    ...Array.from(parts.tensors, ([name, t]) => [`module.${name}`, t] as const).filter(
      ([name]) => name !== 'module.lm_head.weight',
    ),
    [
      'module.transformer.h.0.attn.rotary.inv_freq',
      { storage: 'r', type: 'DoubleStorage', length: 2, shape: [2] },
    ],
  ]);
  const { tensors: written, notes } = await open(buildBin({ ...parts, tensors }));
  const names = written.map(({ name }) => name);
  assert.ok(names.includes(WTE));
  assert.not(names.includes('lm_head.weight'));
  assert.not(names.some((name) => name.includes('inv_freq') || name.startsWith('module.')));
  assert.match(
    notes.join('\n'),
    /^left out 1 computed buffers such as transformer\.h\.0\.attn\.rotary\.inv_freq\nlm_head\.weight is transformer\.wte\.weight: written once\n/,
  );
});

test('refuses a tied lm_head of another type or shape: that is no tie', async () => {
  const wte = parts.tensors.get(WTE)!;
  const [rows = 1, columns = 1] = wte.shape;
  for (const changes of [
    { shape: [columns, rows] },
    { type: 'HalfStorage', length: 2 * wte.length, shape: [rows, 2 * columns] },
    { shape: [rows - 1, columns] },
  ]) {
    const tensors = new Map([
      ...parts.tensors,
      ['lm_head.weight', { ...wte, ...changes }] as const,
    ]);
    const error = await refused(() => open(buildBin({ ...parts, tensors })), 'MODEL_UNSUPPORTED');
    assert.match(error.message, /^tensor "lm_head\.weight" expected elements of its own/);
  }
});

test('a config.json that is no object is a bad checkpoint, one that is no JSON a bad config', async () => {
  const error = await refused(() => open(buildBin(parts), bytesOf('[1]')), 'CHECKPOINT_INVALID');
  assert.is(error.message, '"config.json" expected an object, found another value');
  await refused(() => open(buildBin(parts), bytesOf('{')), 'CONFIG_INVALID');
});

test('copies tokenizer.json from beside the weights', async () => {
  const tokenizer = { model: { type: 'BPE' } };
  const files = await openModelFiles({ config, weights: new Uint8Array(), tokenizer });
  const source = bytesSource('pytorch_model.bin', buildBin(parts));
  const written = await convertedBytes(await torchCheckpoint(readTorch(source, files)));
  assert.equal(JSON.parse(new TextDecoder().decode(written.get('tokenizer.json'))), tokenizer);
});

test('keeps special_tokens_map.json, and refuses one that loadModel would refuse', async () => {
  const map = { eos_token: { content: '</s>' } };
  const files = await convertedBytes(await openWithTokens(map));
  assert.equal(JSON.parse(new TextDecoder().decode(files.get('special_tokens_map.json'))), map);
  const odd = await openWithTokens({ eos_token: 5 });
  await refused(() => convertCheckpoint(odd), 'CONFIG_INVALID', /special_tokens_map\.json/);
});

test('takes chat_template.jinja from beside the weights, which goes before the other', async () => {
  const chatTemplate = '{{ messages[0].content }}';
  const tokenizerConfig = { bos_token: '<s>', chat_template: 'not this one' };
  const given = { config, weights: new Uint8Array(), tokenizerConfig, chatTemplate };
  const source = bytesSource('pytorch_model.bin', buildBin(parts));
  const checkpoint = await torchCheckpoint(readTorch(source, await openModelFiles(given)));
  assert.equal(checkpoint.tokenizerConfig, { bos_token: '<s>', chat_template: chatTemplate });
  const files = await openModelFiles({ config, weights: new Uint8Array(), chatTemplate });
  const alone = await torchCheckpoint(readTorch(source, files));
  assert.equal(alone.tokenizerConfig, { chat_template: chatTemplate });
});

test('shards: all tensors of all files; each where the index says', async () => {
  const names = [...parts.tensors.keys()];
  const first = await torchParts(WEIGHTS, (name) => names.indexOf(name) < 5);
  const second = await torchParts(WEIGHTS, (name) => names.indexOf(name) >= 5);
  const shardOf = (name: string) => (names.indexOf(name) < 5 ? 'a.bin' : 'b.bin');
  const map = Object.fromEntries(names.map((name) => [name, shardOf(name)]));
  const read = async (weightMap: object) => {
    const shards = new Map([
      ['a.bin', buildBin(first)],
      ['b.bin', buildBin(second)],
    ]);
    const index = bytesOf(JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap }));
    const files = await openModelFiles({ config, weights: shards });
    const source = bytesSource('pytorch_model.bin.index.json', index);
    return torchCheckpoint(readTorchShards(source, files));
  };
  const written = await convertedBytes(await read(map));
  assert.equal(await tensorBytes(written.get('model.safetensors')!), await tensorBytes(WEIGHTS));
  await refused(() => read({ ...map, [names[0]!]: 'b.bin' }), 'CHECKPOINT_INVALID', 'wrong shard');
  await refused(() => read({ ...map, [names[0]!]: 'c.bin' }), 'MODEL_NOT_FOUND', 'missing shard');
  for (const path of ['../a.bin', '/a.bin', 'a.bin/b', 'a\\b.bin', 'a.safetensors', '']) {
    await refused(() => read({ ...map, [names[0]!]: path }), 'PATH_ESCAPE', path);
  }
  await refused(() => read({}), 'CHECKPOINT_INVALID', 'no shards');
});

/** Sound files that are not converted, and what the message says. */
const UNSUPPORTED: readonly (readonly [Uint8Array, RegExp])[] = [
  [buildBin(withTensor(C_PROJ, { strides: [1, 48] })), /c_proj\.weight" expected contiguous/],
  [buildBin(withTensor(C_PROJ, { strides: [0, 1] })), /contiguous/],
  [buildBin(withTensor(C_PROJ, parts.tensors.get(WTE)!)), /expected elements of its own/],
  [
    buildBin(withTensor(C_PROJ, { type: 'DoubleStorage', length: 10, shape: [10] })),
    /c_proj\.weight" expected F32, F16 or BF16, found F64/,
  ],
  [buildBin(withTensor(C_PROJ, { type: 'LongStorage', length: 10, shape: [10] })), /found I64/],
  [
    buildTorch(pickled(orderedDict(parts.tensors)), parts.storages, { byteOrder: 'big' }),
    /little-endian/,
  ],
  [buildTorch(pickled([1, 2])), /expected a dict, found a list/],
  [buildTorch(pickled(new Map([['epoch', 3]]))), /"epoch" expected a tensor/],
  [
    buildBin({ ...parts, tensors: new Map([['gpt.weight', parts.tensors.get(WTE)!]]) }),
    /T6 layout/,
  ],
  [bytesOf(0x80, 2, 0x8a, 10, CANARY), /torch\.save it with PyTorch 1\.6/],
  [new Uint8Array(), /zip/],
];
/** Files that break their format, and what the message says. */
const INVALID: readonly (readonly [Uint8Array, RegExp])[] = [
  [buildBin(withTensor(C_PROJ, { offset: 1 })), /c_proj\.weight" expected at most \d+ elements/],
  [buildBin(withTensor(C_PROJ, { shape: [2 ** 32, 2 ** 32] })), /elements/],
  [buildBin(withTensor(C_PROJ, { length: 2 ** 40 })), /file "data\/\d+" expected/],
  [buildBin(withTensor(C_PROJ, { storage: 'none' })), /found none/],
  [buildBin(withTensor(C_PROJ, { storage: '../version' })), /data/],
  [
    buildBin({
      ...parts,
      tensors: new Map([...parts.tensors, [`_orig_mod.${WTE}`, parts.tensors.get(WTE)!]]),
    }),
    /once when wrapper prefixes/,
  ],
];

for (const [code, cases] of [
  ['MODEL_UNSUPPORTED', UNSUPPORTED],
  ['CHECKPOINT_INVALID', INVALID],
] as const) {
  for (const [bin, message] of cases) {
    test(`${code}, naming ${String(message)}`, async () => {
      assert.match((await refused(() => open(bin), code)).message, message);
    });
  }
}

test('refuses names that no reader should meet', async () => {
  for (const name of ['__proto__', 'constructor', 'x'.repeat(1025)]) {
    const tensors = new Map(parts.tensors);
    tensors.set(name, tensors.get(C_PROJ.replace('0', '1'))!);
    tensors.delete(C_PROJ.replace('0', '1'));
    const checkpoint = await open(buildBin({ ...parts, tensors }));
    await refused(() => convertCheckpoint(checkpoint), 'WEIGHTS_NAME', name.slice(0, 12));
  }
});

test('refuses model_args that lack a size or hold no scalar, naming the key', async () => {
  const good = new Map<string, Picklable>(ARGUMENTS);
  const without = new Map(good);
  without.delete('n_layer');
  const cases: readonly (readonly [string, ReadonlyMap<string, Picklable>])[] = [
    ['n_layer', without],
    ['n_head', new Map([...good, ['n_head', null]])],
    ['n_embd', new Map([...good, ['n_embd', 0]])],
    ['vocab_size', new Map([...good, ['vocab_size', 1.5]])],
    ['rank', new Map<string, Picklable>([...good, ['rank', [CANARY]]])],
    ['rope_theta', new Map([...good, ['rope_theta', Infinity]])],
  ];
  for (const [key, modelArguments] of cases) {
    const error = await refused(
      () => open(buildCkpt(parts, modelArguments)),
      'CHECKPOINT_INVALID',
      key,
    );
    assert.ok(error.message.startsWith(`"model_args.${key}" expected `), error.message);
  }
});

test.run();
