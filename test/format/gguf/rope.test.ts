import { suite } from 'uvu';
import { parseConfig } from '../../../src/format/config/config.ts';
import { planSafetensors } from '../../../src/convert/safetensors-writer.ts';
import * as assert from 'uvu/assert';
import { ggufValue, TYPE } from '../../helpers/files/build-gguf.ts';
import { ggufCheckpoint } from '../../helpers/files/converted.ts';
import { bytesOfFloats, ggufModel, SIZES } from '../../helpers/models/gguf-model.ts';
import { refused } from '../../helpers/checks/refused.ts';
import type { TpaErrorCode } from '../../../src/base/errors.ts';

const test = suite('recogniseLlama3()');

/** The divisors as the public converter makes them: float32, from wavelengths. */
function llama3Table(factor: number, theta: number): Float32Array {
  return Float32Array.from({ length: SIZES.headDim / 2 }, (_, i) => {
    const frequency = Math.fround(1 / theta ** ((2 * i) / SIZES.headDim));
    const wavelength = Math.fround((2 * Math.PI) / frequency);
    if (wavelength < 8192 / 4) return 1;
    if (wavelength > 8192) return factor;
    const smooth = (8192 / wavelength - 1) / 3;
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

for (const factor of [8, 32, 16.5]) {
  test(`recognises the divisors of LLaMA 3, factor ${factor}`, async () => {
    // 500,000: one wavelength of four lies in the passage.
    for (const theta of [500_000, 30_000_000]) {
      const { parts } = ggufModel();
      const table = {
        name: 'rope_freqs.weight',
        shape: [4],
        bytes: bytesOfFloats(llama3Table(factor, theta)),
      };
      const metadata = [...parts.metadata, ['llama.rope.freq_base', ggufValue(theta)] as const];
      const { config, tensors } = await ggufCheckpoint({
        metadata,
        tensors: [...parts.tensors, table],
      });
      assert.equal(config['rope_scaling'], {
        rope_type: 'llama3',
        factor,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      });
      assert.not(tensors.some(({ name }) => name.includes('rope')));
    }
  });
}

test('divisors of 1 are no scaling', async () => {
  const { parts } = ggufModel();
  const bytes = bytesOfFloats(Float32Array.of(1, 1, 1, 1));
  const tensors = [...parts.tensors, { name: 'rope_freqs.weight', shape: [4], bytes }];
  const { config } = await ggufCheckpoint({ ...parts, tensors });
  assert.is(config['rope_scaling'], undefined);
});

test('refuses other divisors, of another type or beside another scaling', async () => {
  const { parts } = ggufModel();
  const good = {
    name: 'rope_freqs.weight',
    shape: [4],
    bytes: bytesOfFloats(llama3Table(8, 10_000)),
  };
  const tables: readonly (readonly [object, TpaErrorCode])[] = [
    [{ bytes: bytesOfFloats(llama3Table(16, 10_000)) }, 'MODEL_UNSUPPORTED'],
    [{ bytes: bytesOfFloats(Float32Array.of(1, 1, 1, NaN)) }, 'MODEL_UNSUPPORTED'],
    [{ shape: [3], bytes: bytesOfFloats(new Float32Array(3)) }, 'CHECKPOINT_INVALID'],
    [{ type: TYPE.F16, bytes: new Uint8Array(8) }, 'CHECKPOINT_INVALID'],
  ];
  for (const [changes, code] of tables) {
    const tensors = [...parts.tensors, { ...good, ...changes }];
    const error = await refused(() => ggufCheckpoint({ ...parts, tensors }), code);
    assert.match(error.message, /^tensor "rope_freqs\.weight" expected /);
  }
  const metadata = [
    ...parts.metadata,
    ['llama.rope.scaling.type', ggufValue('linear')] as const,
    ['llama.rope.scaling.factor', ggufValue(2)] as const,
  ];
  await refused(
    () => ggufCheckpoint({ metadata, tensors: [...parts.tensors, good] }),
    'CHECKPOINT_INVALID',
  );
});

const SHORT = [1, 1, 1.0499999523162842, 1.100000023841858];
const LONG = [1, 1.5, 8, 60.25];
const table = (name: string, values: readonly number[]) => ({
  name: `rope_factors_${name}.weight`,
  shape: [values.length],
  bytes: bytesOfFloats(Float32Array.from(values)),
});
const longParts = (pairs: Readonly<Record<string, string | number>> = {}) => {
  const { parts } = ggufModel();
  const all = { type: 'longrope', original_context_length: 64, ...pairs };
  const metadata = Object.entries(all).map(
    ([key, value]) => [`llama.rope.scaling.${key}`, ggufValue(value)] as const,
  );
  return { metadata: [...parts.metadata, ...metadata], tensors: parts.tensors };
};

test('LongRoPE: both tables, the original context, and 1 where attention has no factor', async () => {
  const { metadata, tensors } = longParts();
  const tables = [table('short', SHORT), table('long', LONG)];
  const scaling = {
    rope_type: 'longrope',
    short_factor: [1, 1, 1.05, 1.1],
    long_factor: LONG,
    original_max_position_embeddings: 64,
    attention_factor: 1,
  };
  const plain = await ggufCheckpoint({ metadata, tensors: [...tensors, ...tables] });
  assert.equal(plain.config['rope_scaling'], scaling);
  assert.not(plain.tensors.some(({ name }) => name.includes('rope')));
  // what is written is loaded: the model has 128 tokens, more than the 64
  const { entries } = await planSafetensors(plain.tensors);
  const { ropeScaling } = parseConfig(plain.config, entries);
  assert.equal((ropeScaling as { factors?: unknown }).factors, LONG);
  const scaled = longParts({ attn_factor: 1.25 });
  const { config } = await ggufCheckpoint({ ...scaled, tensors: [...tensors, ...tables] });
  assert.equal(config['rope_scaling'], { ...scaling, attention_factor: 1.25 });
});

test('LongRoPE is refused with one table, tables of another length, and tables without the type', async () => {
  const { metadata, tensors } = longParts();
  for (const tables of [[], [table('short', SHORT)], [table('long', LONG)]]) {
    const run = () => ggufCheckpoint({ metadata, tensors: [...tensors, ...tables] });
    await refused(
      run,
      'CHECKPOINT_INVALID',
      /rope_factors_(short|long)\.weight" expected in the file/,
    );
  }
  const odd = [...tensors, table('short', SHORT), table('long', [1, 2, 3])];
  await refused(
    () => ggufCheckpoint({ metadata, tensors: odd }),
    'CHECKPOINT_INVALID',
    /expected F32 \[4\], found F32 \[3\]/,
  );
  const untyped = { ...longParts({ type: 'none' }) };
  const both = [...tensors, table('short', SHORT), table('long', LONG)];
  await refused(
    () => ggufCheckpoint({ ...untyped, tensors: both }),
    'CHECKPOINT_INVALID',
    /longrope/,
  );
});

test.run();
