import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StepInputs } from '../../src/model/step-inputs.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { watchRegions } from '../helpers/kernels/red-zones.ts';
import { withoutMemory } from '../helpers/fakes/fake-memory.ts';
import { refused } from '../helpers/checks/refused.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
const EMBEDDINGS = ['transformer.wte.weight', 'model.embed_tokens.weight'];
/** As many as the workspace of the forward pass holds. */
const TOKENS = 48;
const ids = Array.from({ length: TOKENS }, (_, i) => (i * 37 + 5) % 61);

for (const simd of BINARIES) {
  const test = suite(`StepInputs, ${simd}`);

  for (const { name, build } of VARIANTS) {
    test(`${name}: embeddings and tables are those of the forward pass, bit for bit`, async () => {
      const { source, tensors } = build();
      const { backend } = await openCpuModel(source, { simd });
      const { compute, config, weights, workspace } = backend.network;
      const check = watchRegions(compute.engine);
      const { used } = compute.heap;
      const inputs = new StepInputs(compute, config, weights, TOKENS);
      const { dim } = config;
      const table = tensors.get(EMBEDDINGS.find((each) => tensors.has(each))!)!.values;
      const rowsOf = (given: readonly number[]) =>
        Float32Array.from(given.flatMap((id) => [...table.subarray(id * dim, (id + 1) * dim)]));

      const sequence = backend.createSequence();
      for (const count of [1, 48, 7]) {
        const position = sequence.length;
        await sequence.forward(ids.slice(0, count));
        const { rope } = workspace;
        const { cos, sin } = inputs.rope(position, count);
        assertSame(cos, compute.heap.floats(rope.cosAt, count * rope.pairs), `cos ${count}`);
        assertSame(sin, compute.heap.floats(rope.sinAt, count * rope.pairs), `sin ${count}`);
        const given = ids.slice(0, count);
        assertSame(inputs.embed(given), rowsOf(given), `${count} ids`);
      }
      sequence.dispose();
      check();
      inputs.dispose();
      inputs.dispose();
      assert.is(compute.heap.used, used);
    });
  }

  test('arrays are fresh, and a later position does not change them', async () => {
    const { backend } = await openCpuModel(mechanismVariant('tpa').build().source, { simd });
    const { compute, config, weights } = backend.network;
    const inputs = new StepInputs(compute, config, weights, 3);
    const first = { x: inputs.embed([1, 2, 3]), ...inputs.rope(7, 3) };
    const copies = { x: first.x.slice(), cos: first.cos.slice(), sin: first.sin.slice() };
    inputs.embed([4, 5]);
    inputs.rope(200, 2);
    assert.equal(first, copies);
    assert.is(first.cos.length, (3 * config.rotaryDim) / 2);
    const single = inputs.rope(8, 1);
    assertSame(single.cos, first.cos.subarray(config.rotaryDim / 2, config.rotaryDim), 'cos of 8');
  });

  test('too many tokens or none are refused, and everything after dispose()', async () => {
    const { backend } = await openCpuModel(mechanismVariant('tpa').build().source, { simd });
    const { compute, config, weights } = backend.network;
    const inputs = new StepInputs(compute, config, weights, 3);
    for (const count of [0, 4]) {
      assert.throws(() => inputs.embed(ids.slice(0, count)), isRangeError);
      assert.throws(() => inputs.rope(0, count), isRangeError);
    }
    assert.throws(() => inputs.rope(0, 1.5), isRangeError);
    inputs.dispose();
    await refused(() => inputs.embed([1]), 'DISPOSED');
    await refused(() => inputs.rope(0, 1), 'DISPOSED');
  });

  test('memory refused at either allocation: none is kept', async () => {
    const { backend } = await openCpuModel(mechanismVariant('tpa').build().source, { simd });
    const { compute, config, weights } = backend.network;
    const { heap } = compute;
    const { used } = heap;
    const make = () => new StepInputs(compute, config, weights, 3);
    for (const k of [1, 2]) {
      await withoutMemory(heap, k, () => refused(make, 'OUT_OF_MEMORY'));
      assert.is(heap.used, used, `allocation ${k}`);
    }
  });

  test.run();
}

function isRangeError(error: unknown): boolean {
  return error instanceof RangeError;
}
