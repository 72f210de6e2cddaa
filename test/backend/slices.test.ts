import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

/** Turns to other tasks after every unit. */
const SLICED = { sliceMs: 0, rangeCost: 1 };
const IDS = Array.from({ length: 40 }, (_, i) => (i * 7) % 50);

const test = suite('steps in slices');

for (const name of ['tpa', 'mla', 'linear-tpa']) {
  test(`${name}: a step is cancelled within, at any time, and leaves the cache as it was`, async () => {
    const { backend } = await openCpuModel(
      mechanismVariant(name).build().source,
      {},
      undefined,
      SLICED,
    );
    const sequence = backend.createSequence();
    await sequence.forward(IDS.slice(0, 20));
    const expected = await sequence.fork().forward(IDS);
    let pauses = 0;
    await sequence.fork().forward(IDS, 'last', undefined, () => ++pauses < 0);
    assert.ok(pauses > 50, `${pauses} pauses`);
    for (let stop = 1; stop <= pauses; stop += 11) {
      let asked = 0;
      const cancelled = sequence.forward(IDS, 'last', undefined, () => ++asked === stop);
      assert.is(await codeOf(cancelled), 'ABORTED', `at pause ${stop}`);
      assert.is(asked, stop, 'nothing runs on');
      assert.is(sequence.length, 20);
    }
    assertSame(await sequence.forward(IDS), expected, 'afterwards');
    backend.dispose();
  });
}

test('steps of several sequences are asked for at once and run one after the other', async () => {
  const { backend } = await openCpuModel(
    mechanismVariant('tpa').build().source,
    {},
    undefined,
    SLICED,
  );
  const alone = await Promise.all(
    [0, 7, 20].map(async (first) => {
      const sequence = backend.createSequence();
      return [await sequence.forward(IDS.slice(first)), await sequence.score([1], [2])] as const;
    }),
  );
  for (const [i, first] of [0, 7, 20].entries()) {
    const sequence = backend.createSequence();
    assertSame(alone[i]![0], await sequence.forward(IDS.slice(first)), `from ${first}`);
    assertSame(alone[i]![1], await sequence.score([1], [2]), `score from ${first}`);
  }
});

test('other tasks run within a step, and may dispose of its sequence or of the model', async () => {
  for (const what of ['sequence', 'model'] as const) {
    const { backend } = await openCpuModel(
      mechanismVariant('tpa').build().source,
      {},
      undefined,
      SLICED,
    );
    const sequence = backend.createSequence();
    const step = codeOf(sequence.forward(IDS));
    setImmediate(() => (what === 'model' ? backend : sequence).dispose());
    assert.is(await step, 'DISPOSED', what);
  }
});

test.run();

/** The code that a promise rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TpaError) return error.code;
    throw error;
  }
  return undefined;
}
