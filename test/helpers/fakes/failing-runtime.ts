import { TpaError } from '../../../src/base/errors.ts';
import { Runtime } from '../../../src/ops/runtime.ts';
import { compileBinary, readBinary } from '../../../src/wasm/binary.ts';
import { Compute } from '../../../src/compute/compute.ts';
import { createEngine, type Engine } from '../../../src/wasm/engine.ts';
import { Heap, MAX_MEMORY } from '../../../src/wasm/heap.ts';
import { createFailingMemory, createFailurePlan, type FailurePlan } from './fake-memory.ts';

const MODULE = await compileBinary(await readBinary('baseline'));
const { run, simd } = await createEngine({ simd: 'baseline' });

/** A heap whose allocations fail by plan. */
class FailingHeap extends Heap {
  readonly #plan: FailurePlan;

  constructor(memory: ConstructorParameters<typeof Heap>[0], base: number, plan: FailurePlan) {
    super(memory, base, MAX_MEMORY);
    this.#plan = plan;
  }

  override allocate(bytes: number): number {
    this.#plan.count(() => new TpaError('OUT_OF_MEMORY', 'by plan'));
    return super.allocate(bytes);
  }
}

/** A runtime on the baseline kernels, with plans for its allocations and for the growth of its memory. */
export async function createFailingRuntime(): Promise<{
  compute: Compute;
  runtime: Runtime;
  heap: Heap;
  allocations: FailurePlan;
  growth: FailurePlan;
}> {
  const [allocations, growth] = [createFailurePlan(), createFailurePlan()];
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1000 });
  const { exports } = await WebAssembly.instantiate(MODULE, { env: { memory } });
  const kernels = exports as unknown as Engine['kernels'];
  const failing = createFailingMemory(memory, growth);
  const heap = new FailingHeap(failing, kernels.heapBase(), allocations);
  const compute = new Compute({ kernels, heap, simd, run });
  return { compute, runtime: new Runtime(compute), heap, allocations, growth };
}
