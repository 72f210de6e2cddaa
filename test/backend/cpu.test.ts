import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { refused } from '../helpers/checks/refused.ts';
import { goldenSource, livelyWeights, openCpuModel } from '../helpers/models/t6-model.ts';

const golden = loadGolden('model_t6');
const source = goldenSource(golden, 'bf16', { block_size: 250 }, livelyWeights(golden));
/** One chunk, half a cache page. */
const ids = [...integers(golden, 'ids')].slice(0, 48);

const test = suite<{ backend: CpuBackend; used: number }>('CpuBackend');

test.before.each(async (context) => {
  const open = openCpuModel(source, { simd: 'baseline' });
  context.backend = (await open).backend;
  context.used = context.backend.network.compute.engine.heap.used;
});

test('rows: every logit of "all" is what "last" gives for that prefix, bit for bit at the end', async ({
  backend,
}) => {
  const sequence = backend.createSequence();
  const all = await sequence.forward(ids, 'all');
  assert.is(all.length, ids.length * backend.vocabSize);
  const other = backend.createSequence();
  assert.equal(await other.forward(ids), all.slice(-backend.vocabSize));
});

test('dispose() of a sequence is idempotent, of the backend it ends them all', async ({
  backend,
  used,
}) => {
  const { heap } = backend.network.compute.engine;
  const [first, second] = [backend.createSequence(), backend.createSequence()];
  await first.forward(ids);
  const fork = first.fork();
  first.dispose();
  first.dispose();
  await refused(() => first.forward([1]), 'DISPOSED');
  await refused(() => first.fork(), 'DISPOSED');
  await refused(() => first.truncate(0), 'DISPOSED');
  await fork.forward([1]);
  backend.dispose();
  backend.dispose();
  assert.is(heap.used, used);
  await refused(() => second.forward([1]), 'DISPOSED');
  await refused(() => backend.createSequence(), 'DISPOSED');
  fork.dispose();
});

test.run();
