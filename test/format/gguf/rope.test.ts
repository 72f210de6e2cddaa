import { suite } from 'uvu';
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

for (const factor of [8, 32]) {
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

test.run();
