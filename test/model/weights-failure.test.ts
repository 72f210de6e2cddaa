import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import type { StreamOptions } from '../../src/weights/stream/stream.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { createFailurePlan } from '../helpers/fakes/fake-memory.ts';
import { refused } from '../helpers/checks/refused.ts';
import { fileOf, openWeights, tensorsOf } from '../helpers/models/streamed-weights.ts';

const test = suite('loadWeights(), failures');

for (const [name, dtype] of [
  ['tpa', 'f32'],
  ['mla', 'f32'],
  ['mla', 'q8'],
  ['tpa-nonctx-a', 'q4'],
  ['tpa-nonctx-b', 'f32'],
] as const) {
  test(`${name}, ${dtype}: whatever fails, all memory is given back`, async () => {
    const variant = mechanismVariant(name);
    const tensors = tensorsOf(variant);
    const opened = await openWeights(variant.config, fileOf(tensors));
    const { engine, tensors: set } = opened;
    const load = (how: StreamOptions = {}) => opened.load({ dtype, ...how });
    const { heap } = engine;
    const plan = createFailurePlan();
    const [allocate, readStored] = [heap.allocate.bind(heap), set.readStored.bind(set)];
    let [allocations, pieces] = [0, 0];
    await load({ pieceNumbers: 1000, afterPiece: () => void pieces++ });
    const { used } = heap;

    heap.allocate = (bytes) => {
      plan.count(() => new TpaError('OUT_OF_MEMORY', 'failed by plan'));
      allocations++;
      return allocate(bytes);
    };
    await load();
    const perLoad = allocations;
    const loaded = heap.used;
    assert.is(loaded, 2 * used, 'another copy');
    for (let k = 1; k <= perLoad; k++) {
      plan.failAt(k);
      await refused(() => load(), 'OUT_OF_MEMORY', `allocation ${k}`);
      assert.is(heap.used, loaded, `allocation ${k}`);
    }
    heap.allocate = allocate;

    for (let n = 1; n <= pieces; n++) {
      const mine = new Error('mine');
      let seen = 0;
      const afterPiece = () => {
        if (++seen === n) throw mine;
      };
      const thrown = await load({ pieceNumbers: 1000, afterPiece }).catch(
        (error: unknown) => error,
      );
      assert.is(thrown, mine);
      assert.is(heap.used, loaded, `progress ${n}`);
    }
    Object.assign(set, {
      readStored: async (...read: Parameters<typeof readStored>) => {
        plan.count(() => new TpaError('WEIGHTS_TRUNCATED', 'failed by plan'));
        return readStored(...read);
      },
    });
    for (let n = 1; n <= pieces; n++) {
      plan.failAt(n);
      await refused(() => load({ pieceNumbers: 1000 }), 'WEIGHTS_TRUNCATED', `piece ${n}`);
      assert.is(heap.used, loaded, `piece ${n}`);
    }
  });
}

test('a NaN in the last element of any tensor, an abort after any piece: all memory is given back', async () => {
  const variant = mechanismVariant('tpa');
  const tensors = tensorsOf(variant);
  for (const [i, { name, data }] of tensors.entries()) {
    const poisoned = Float32Array.from(data);
    poisoned[data.length - 1] = NaN;
    const weights = fileOf(tensors.with(i, { ...tensors[i]!, data: poisoned }), 3);
    const controller = new AbortController();
    const { engine, load } = await openWeights(variant.config, weights, {
      signal: controller.signal,
    });
    const failure = await refused(() => load({ pieceNumbers: 50 }), 'WEIGHTS_NONFINITE', name);
    assert.equal(failure.data, { tensor: name, index: data.length - 1 });
    assert.is(engine.heap.used, 0, name);

    let pieces = 0;
    const afterPiece = () => {
      if (++pieces === i + 1) controller.abort();
    };
    await refused(() => load({ afterPiece, pieceNumbers: 50 }), 'ABORTED', name);
    assert.is(pieces, i + 1);
    assert.is(engine.heap.used, 0, name);
  }
});

test.run();
