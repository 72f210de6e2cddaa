import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { convertCheckpoint, type Checkpoint, type ConvertOptions } from '../../../src/convert.ts';
import { quantizeQ8 } from '../../../src/convert/gguf/quantize.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGgufHeader } from '../../../src/format/gguf/header.ts';
import { loadModel } from '../../../src/index.ts';
import { assertMistakes, refused } from '../../helpers/checks/refused.ts';
import { assertSame } from '../../helpers/checks/close.ts';
import { buildCheckpoint } from '../../helpers/files/build-checkpoint.ts';
import { buildGguf, TYPE } from '../../helpers/files/build-gguf.ts';
import { convertedBytes, folderCheckpoint, openedGguf } from '../../helpers/files/converted.ts';
import { bytesOf } from '../../helpers/files/bytes.ts';
import { store } from '../../helpers/files/quantize.ts';
import { ggufModel } from '../../helpers/models/gguf-model.ts';
import { buildLlama, llamaVariant } from '../../helpers/models/llama-model.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';

const test = suite('GGUF files');

const gguf = (checkpoint: Checkpoint, options: ConvertOptions = {}) =>
  convertedBytes(checkpoint, { format: 'gguf', ...options });
const folder = (name: string) => folderCheckpoint(llamaVariant(name).build().source);

/** Name of each part, whether it is too large, and what is told. */
const partNotes = async (shardBytes: number) => {
  const files = await convertCheckpoint(await folder('llama-untied'), {
    format: 'gguf',
    shardBytes,
  });
  return files.map(
    ({ name, byteLength, notes: told }) => [name, byteLength > shardBytes, told!.join()] as const,
  );
};

/** Type, shape and bytes of each tensor, and the pairs. */
async function contentsOf(file: Uint8Array) {
  const { tensors, metadata } = await readGgufHeader(bytesSource('model.gguf', file));
  const entries = [...tensors.values()].map(({ name, type, shape, offset, byteLength }) => {
    const bytes = file.slice(offset, offset + byteLength);
    return [name, { type: type.name, shape, bytes }] as const;
  });
  return { tensors: new Map(entries), metadata };
}

test('a file is laid out as the format says, to the byte', async () => {
  const { parts } = ggufModel();
  const written = (await gguf(await openedGguf(buildGguf(parts)))).get('model.gguf')!;
  const { tensors, metadata } = await contentsOf(written);
  assert.is(metadata.text('general.architecture'), 'llama');
  assert.is(metadata.integer('general.alignment', 0, 99), 32);
  // the data again, by an independent writer
  const again = buildGguf({
    metadata: [],
    tensors: Array.from(tensors, ([name, { shape, bytes }]) => ({ name, shape, bytes })),
  });
  const dataBytes = [...tensors.values()].reduce(
    (sum, { bytes }) => sum + Math.ceil(bytes.length / 32) * 32,
    0,
  );
  assert.equal(written.subarray(-dataBytes), again.subarray(-dataBytes));
  assert.is((written.length - dataBytes) % 32, 0);
});

test('a quantised file written again has the same blocks, and in float32 their numbers', async () => {
  for (const type of ['Q8_0', 'Q4_0'] as const) {
    const { parts, weights } = ggufModel({
      type: TYPE[type],
      encode: (values) => store(values, type).bytes,
    });
    const source = buildGguf(parts);
    const before = (await contentsOf(source)).tensors;
    const after = (await contentsOf((await gguf(await openedGguf(source))).get('model.gguf')!))
      .tensors;
    assert.is(after.size, weights.size);
    for (const [name, tensor] of after) assert.equal(tensor, before.get(name), name);
    const wide = await gguf(await openedGguf(source), { dtype: 'f32' });
    using model = await loadModel({ gguf: wide.get('model.gguf')! }, { simd: 'baseline' });
    using original = await loadModel({ gguf: source }, { simd: 'baseline' });
    assert.is(original.config.dim, model.config.dim);
    const types = (await contentsOf(wide.get('model.gguf')!)).tensors;
    assert.ok([...types.values()].every((tensor) => tensor.type === 'F32'));
  }
});

test('matrices are rounded, vectors and fixed factors stay float32', async () => {
  const config = { ...llamaVariant('qwen3').config, hidden_size: 64, intermediate_size: 96 };
  const { source } = buildLlama(config, 3);
  for (const [dtype, type] of [
    ['q8_0', 'Q8_0'],
    ['q4_0', 'Q4_0'],
    ['f16', 'F16'],
    ['bf16', 'BF16'],
  ] as const) {
    const { tensors } = await contentsOf(
      (await gguf(await folderCheckpoint(source), { dtype })).get('model.gguf')!,
    );
    for (const [name, tensor] of tensors) {
      assert.is(tensor.type, tensor.shape.length === 1 ? 'F32' : type, name);
    }
  }
  const fixed = await folderCheckpoint(mechanismVariant('tpa-nonctx-a').build().source);
  const { tensors } = await contentsOf((await gguf(fixed, { dtype: 'f16' })).get('model.gguf')!);
  assert.is(tensors.get('blk.0.tpa_fixed_a_q')!.type, 'F32');
  assert.is(tensors.get('blk.0.tpa_b_q.weight')!.type, 'F16');
});

test('blocks are those of the rows, permuted ones and pieces of any length included', async () => {
  const config = { ...llamaVariant('llama-untied').config, hidden_size: 64, intermediate_size: 96 };
  const { source, tensors } = buildLlama(config, 4);
  const whole = await gguf(await folderCheckpoint(source), { dtype: 'q8_0' });
  const opened = await folderCheckpoint(source);
  for (const step of [1, 7, 250]) {
    const cut: Checkpoint = {
      ...opened,
      tensors: opened.tensors.map((tensor) => ({
        ...tensor,
        async *chunks() {
          for await (const piece of tensor.chunks()) {
            for (let at = 0; at < piece.length; at += step) yield piece.slice(at, at + step);
          }
        },
      })),
    };
    assert.equal((await gguf(cut, { dtype: 'q8_0' })).get('model.gguf'), whole.get('model.gguf'));
  }
  const read = (await openedGguf(whole.get('model.gguf')!)).tensors;
  for (const { name, blocks, shape } of read) {
    if (shape.length !== 2) continue;
    const parts: Uint8Array[] = [];
    for await (const piece of blocks!()) parts.push(piece.slice());
    const { values } = tensors.get(name)!;
    const expected = new Uint8Array((values.length / 32) * 34);
    quantizeQ8(values, expected);
    assert.equal(bytesOf(...parts), expected, name);
  }
});

test('parts: whole tensors in order, none larger than asked, all together the model', async () => {
  const { source } = llamaVariant('llama-untied').build();
  const whole = (await contentsOf((await gguf(await folderCheckpoint(source))).get('model.gguf')!))
    .tensors;
  for (const shardBytes of [30_000, 60_000, 100_000]) {
    const parts = await gguf(await folderCheckpoint(source), { shardBytes, name: 'my model' });
    const names = [...parts.keys()];
    assert.match(names[0]!, /^my model-00001-of-\d{5}\.gguf$/);
    assert.ok(names.length > 1);
    const all: string[] = [];
    for (const [i, [, file]] of [...parts].entries()) {
      assert.ok(file.length <= shardBytes);
      const { metadata, tensors } = await contentsOf(file);
      assert.is(metadata.integer('split.no', 0, 99), i);
      assert.is(metadata.integer('split.count', 0, 99), parts.size);
      assert.is(metadata.integer('split.tensors.count', 0, 99), whole.size);
      assert.is(metadata.has('general.architecture'), i === 0);
      for (const [name, tensor] of tensors) assert.equal(tensor, whole.get(name), name);
      all.push(...tensors.keys());
    }
    assert.equal(all, [...whole.keys()]);
    using model = await loadModel({ gguf: [...parts.values()] }, { simd: 'baseline' });
    using original = await loadModel(source, { simd: 'baseline' });
    assertSame(await model.logits([1, 2, 3]), await original.logits([1, 2, 3]), 'logits');
  }
});

test('a part that one tensor or the metadata make larger is told; one part is a plain file', async () => {
  const small = await partNotes(8000);
  for (const [name, isLarger, told] of small) {
    assert.is(told !== '', isLarger, name);
    if (isLarger) assert.match(told, /^file \d+ has \d+ bytes, more than 8000: /);
  }
  assert.ok(small.some(([, isLarger]) => isLarger));
  assert.equal(await partNotes(1e9), [['model.gguf', false, '']]);
});

test('rows that are no whole blocks become F16, tensors that nothing reads are left out: notes', async () => {
  const [file] = await convertCheckpoint(await folder('llama-gqa'), {
    format: 'gguf',
    dtype: 'q4_0',
  });
  assert.equal(file!.notes, [
    '11 tensors are stored as F16, since the rows are no whole blocks of 32',
  ]);
  const { source, tensors } = llamaVariant('llama-gqa').build();
  const more = new Map([
    ...tensors,
    ['rotary.inv_freq', { shape: [4], values: new Float32Array(4) }],
  ]);
  const [other] = await convertCheckpoint(
    await folderCheckpoint(buildCheckpoint(source.config, more).source),
    { format: 'gguf' },
  );
  assert.match(other!.notes!.join(), /^tensors left out, .*: "rotary\.inv_freq"$/);
});

test('a NaN, an infinity, or a number that the type cannot hold: a typed error by tensor', async () => {
  for (const [value, dtype, code, told] of [
    [NaN, 'q8_0', 'WEIGHTS_NONFINITE', /element 5 is NaN/],
    [Infinity, 'q4_0', 'WEIGHTS_NONFINITE', /element 5 is Infinity/],
    [-Infinity, 'f32', 'WEIGHTS_NONFINITE', /element 5 is -Infinity/],
    [
      70_000,
      'f16',
      'MODEL_UNSUPPORTED',
      /numbers that F16 can hold, found a larger one at element 5/,
    ],
    [1e9, 'q8_0', 'MODEL_UNSUPPORTED', /numbers that Q8_0 can hold/],
    [3.4e38, 'bf16', 'MODEL_UNSUPPORTED', /numbers that BF16 can hold/],
  ] as const) {
    const config = {
      ...llamaVariant('llama-untied').config,
      hidden_size: 64,
      intermediate_size: 96,
    };
    const { source, tensors } = buildLlama(config, 5);
    tensors.get('model.layers.1.mlp.up_proj.weight')!.values[5] = value;
    const broken = buildCheckpoint(source.config, tensors).source;
    await refused(
      async () => gguf(await folderCheckpoint(broken), { dtype }),
      code,
      /"model\.layers\.1\.mlp\.up_proj\.weight"/,
      told,
    );
  }
});

test('a block whose scale is no number is refused where blocks are kept', async () => {
  const { parts } = ggufModel({ type: TYPE.Q8_0, encode: (values) => store(values, 'Q8_0').bytes });
  const tensors = parts.tensors.map((tensor) => ({ ...tensor, bytes: tensor.bytes.slice() }));
  const matrix = tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!;
  matrix.bytes.set([0, 0x7e], 34);
  const opened = await openedGguf(buildGguf({ ...parts, tensors }));
  await refused(() => gguf(opened), 'WEIGHTS_NONFINITE', /element 32 is NaN/);
});

test('a model that does not fit together is refused before anything is written', async () => {
  const { source, tensors } = llamaVariant('llama-untied').build();
  const without = new Map(tensors);
  without.delete('model.layers.1.mlp.up_proj.weight');
  const incomplete = await folderCheckpoint(buildCheckpoint(source.config, without).source);
  await refused(
    () => convertCheckpoint(incomplete, { format: 'gguf' }),
    'CHECKPOINT_INVALID',
    /"blk\.1\.ffn_up\.weight" expected in the file, found none/,
  );
  const config = { ...source.config, num_attention_heads: 5 };
  const other = await folderCheckpoint(buildCheckpoint(config, tensors).source);
  await refused(() => convertCheckpoint(other, { format: 'gguf' }), 'CONFIG_INVALID');
});

test('mistakes of callers', async () => {
  const checkpoint = await folder('llama-gqa');
  const convert = (options: object) => () => convertCheckpoint(checkpoint, options);
  await assertMistakes([
    [convert({ format: 'onnx' }), RangeError, /"options\.format" expected "safetensors" or "gguf"/],
    [convert({ format: 'gguf', dtype: 'q5_0' }), RangeError, /"options\.dtype" expected "f32", /],
    [convert({ format: 'gguf', shardBytes: 0.5 }), RangeError, /"options\.shardBytes" expected/],
    [convert({ format: 'gguf', name: '../x' }), RangeError, /"options\.name" expected a bare file/],
    [
      convert({ dtype: 'f16' }),
      RangeError,
      /"options\.dtype" expected none but with format "gguf"/,
    ],
    [convert({ type: 'f16' }), TypeError, /"type" is not an option of convertCheckpoint/],
    [() => convertCheckpoint(checkpoint, null!), TypeError, /"options" expected an object/],
  ]);
  await refused(convert({}), 'MODEL_UNSUPPORTED', /need no conversion/);
});

test.run();
