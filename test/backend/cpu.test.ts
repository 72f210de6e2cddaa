import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { refused } from '../helpers/checks/refused.ts';
import { goldenSource, livelyWeights, openCpuModel } from '../helpers/models/t6-model.ts';

const golden = loadGolden('model_t6');
const source = goldenSource(golden, 'bf16', { block_size: 250 }, livelyWeights(golden));
/** One chunk, half a cache page. */
const ids = [...integers(golden, 'ids')].slice(0, 48);

const test = suite<{ backend: CpuBackend; used: number }>('CpuBackend');

test.before.each(async (context) => {
  const open = openCpuModel(source, { simd: 'baseline' }, (kernels) => ({ ...kernels }));
  context.backend = (await open).backend;
  context.used = context.backend.network.compute.engine.heap.used;
});

test('forward() that fails appends nothing and gives back the pages it reserved', async ({
  backend,
}) => {
  const { heap, kernels } = backend.network.compute.engine;
  const sequence = backend.createSequence();
  await sequence.forward(ids);
  await sequence.forward(ids);
  const sizes = () => [sequence.length, sequence.byteLength, heap.used];
  const before = sizes();
  for (const n of [1, 2]) {
    // the second layer's page after the first's
    await withoutMemory(heap, n, () => refused(() => sequence.forward(ids), 'OUT_OF_MEMORY'));
    assert.equal(sizes(), before, `allocation ${n}`);
  }
  const { swiglu } = kernels;
  const nan = () => heap.floats(backend.network.workspace.x.at, 48 * ids.length).fill(NaN);
  for (const faulty of [trap, nan]) {
    kernels.swiglu = faulty;
    await refused(() => sequence.forward(ids), ['KERNEL_TRAP', 'NONFINITE_LOGITS']);
    assert.equal(sizes(), before);
  }
  kernels.swiglu = swiglu;
  const control = backend.createSequence();
  await control.forward(ids);
  await control.forward(ids);
  assert.equal(await sequence.forward(ids), await control.forward(ids));
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

function trap(): never {
  throw new WebAssembly.RuntimeError('unreachable');
}
