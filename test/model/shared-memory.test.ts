import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { Runtime } from '../../src/ops/runtime.ts';
import { compileKernels, createEngine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { type CpuModelOptions, openCpuModel } from '../helpers/models/t6-model.ts';

const random = createRandom(19);
/** A block of queries, a page's border within it, and tokens by themselves. */
const STEPS = [48, 48, 7, 1, 1].map((count) =>
  Array.from({ length: count }, () => random.integer(0, 60)),
);

const test = suite('models and operations over a shared memory');

const [BASELINE, RELAXED] = BINARIES;
for (const [simd, dtype] of [
  [BASELINE, 'f32'],
  [RELAXED, 'f32'],
  [BASELINE, 'q8'],
  [RELAXED, 'q4'],
] as const) {
  test(`every mechanism gives the bits of a plain memory, ${simd}, ${dtype}`, async () => {
    for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
      const { source } = build();
      const plain = await evaluate(source, { simd, dtype });
      const shared = await evaluate(source, { simd, dtype, isShared: true });
      assert.is(shared.length, plain.length);
      for (const [i, numbers] of shared.entries()) {
        assertSame(numbers, plain[i]!, `${name}, ${i}`);
        // a view of the memory itself would be shared with whoever it is sent to
        assert.instance(numbers.buffer, ArrayBuffer, `${name}, ${i}`);
      }
    }
  });
}

test('operations give the bits of a plain memory', async () => {
  const [plain, shared] = [await operate(false), await operate(true)];
  for (const [name, numbers] of Object.entries(shared)) {
    assertSame(numbers, plain[name]!, name);
    assert.instance(numbers.buffer, ArrayBuffer, name);
  }
});

test('a memory that has grown is seen at once, and what is given back is zeroed', async () => {
  const { heap } = await createEngine({}, await compileKernels({}, { isShared: true }));
  const { size } = heap;
  const at = heap.allocate(2 * size);
  assert.ok(heap.size > size);
  heap.bytes(at, 2 * size).fill(255);
  heap.release(at);
  assert.is(heap.allocate(2 * size), at);
  assert.ok(heap.bytes(at, 2 * size).every((byte) => byte === 0));
});

test.run();

/** Logits and scores of every step; where there are factors, those, and what goes on from them. */
async function evaluate(source: ModelBytes, options: CpuModelOptions): Promise<Float32Array[]> {
  const { backend } = await openCpuModel(source, options);
  const { buffer } = backend.network.compute.heap.bytes(0, 1);
  assert.is(buffer instanceof SharedArrayBuffer, options.isShared === true);
  const sequence = backend.createSequence();
  const numbers: Float32Array[] = [];
  for (const ids of STEPS) {
    numbers.push(await sequence.forward(ids, 'all'), await sequence.score(ids, ids));
  }
  if (backend.network.config.mechanism !== 'linear') {
    const factors = await sequence.readFactors(0, 100);
    const other = backend.createSequence();
    await other.loadFactors(factors);
    numbers.push(factors, await other.forward(STEPS.at(-1)!));
  }
  return numbers;
}

/** What the operations of a runtime give. */
async function operate(isShared: boolean): Promise<Record<string, Float32Array>> {
  const options = { simd: 'baseline' } as const;
  const engine = await createEngine(options, await compileKernels(options, { isShared }));
  using runtime = new Runtime(new Compute(engine));
  const draw = createRandom(5);
  const spec = { dim: 48, heads: 4, headDim: 16, rankQ: 3, rankK: 2, rankV: 2 };
  const { dim, heads, headDim, rankQ, rankK, rankV } = spec;
  const weights = {
    wAq: draw.normal(heads * rankQ * dim),
    wBq: draw.normal(rankQ * headDim * dim),
    wAk: draw.normal(heads * rankK * dim),
    wBk: draw.normal(rankK * headDim * dim),
    wAv: draw.normal(heads * rankV * dim),
    wBv: draw.normal(rankV * headDim * dim),
  };
  const factors = runtime.factorize(draw.normal(130 * dim), weights, spec, 0);
  using cache = runtime.createFactorCache({ heads, headDim, rankK, rankV });
  cache.append(factors);
  const { aq, bq, ak, bk, av, bv } = factors;
  return { aq, bq, ak, bk, av, bv, attended: runtime.attend(factors, cache) };
}
