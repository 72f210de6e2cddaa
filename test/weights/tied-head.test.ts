import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { refused } from '../helpers/checks/refused.ts';
import {
  assertForward,
  fileOf,
  memoryOf,
  openWeights,
  tensorsOf,
} from '../helpers/models/streamed-weights.ts';

const EMBEDDING = 'transformer.wte.weight';
const HEAD = 'lm_head.weight';

const test = suite('planTiedHead()');

test('a stored head is compared with the embedding it is tied to, whichever is first', async () => {
  const variant = mechanismVariant('tpa');
  const tensors = tensorsOf(variant);
  const { shape, data } = tensors.find(({ name }) => name === EMBEDDING)!;
  const rest = tensors.filter(({ name }) => name !== EMBEDDING);
  const embedding = Float32Array.from(data);
  embedding[7] = 0;
  const headOf = (index: number, value: number) =>
    Float32Array.from(embedding).fill(value, index, index + 1);
  const filesWith = (head: Float32Array) => {
    const stored = { name: HEAD, shape, data: head };
    const table = { name: EMBEDDING, shape, data: embedding };
    return [
      fileOf([stored, ...rest, table], 1),
      fileOf([table, ...rest, stored], 2),
      fileOf([stored, table, ...rest], 3),
    ];
  };
  const alone = await openWeights(
    variant.config,
    fileOf([{ name: EMBEDDING, shape, data: embedding }, ...rest]),
  );
  await alone.load();
  for (const pieceNumbers of [7, 40, 333, 2 ** 18]) {
    // equal numbers, not bits: the zero of the embedding is kept
    for (const file of filesWith(headOf(7, -0))) {
      const { engine, load, reads } = await openWeights(variant.config, file);
      await load({ pieceNumbers });
      assertForward(reads, pieceNumbers * 4);
      assert.ok(memoryOf(engine).equals(memoryOf(alone.engine)));
    }
    for (const index of [0, 1, 39, 40, 48 * 40 + 3, data.length - 1]) {
      for (const file of filesWith(headOf(index, 9))) {
        const { engine, load } = await openWeights(variant.config, file);
        const failure = await refused(() => load({ pieceNumbers }), 'MODEL_UNSUPPORTED');
        assert.match(failure.message, `"${HEAD}" expected the values of "${EMBEDDING}"`);
        assert.equal(failure.data, { tensor: HEAD, index });
        assert.is(engine.heap.used, 0);
      }
    }
  }
});

test.run();
