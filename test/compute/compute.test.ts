import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { evaluateSteps } from '../helpers/threads/every-step.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

type Kernels = Engine['kernels'];

/** Copies, and what is small. */
const WHOLE = ['appendFactors', 'isFinite', 'pack', 'ropeFrequencies'];

const test = suite('Compute');

for (const simd of BINARIES) {
  test(`every operation in long, short and shortest ranges gives the same bits, ${simd}`, async () => {
    const cut = new Set<string>();
    for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
      const { source } = build();
      const whole = await evaluate(source, simd, Infinity);
      for (const cost of [1 << 14, 1 << 10, 1]) {
        const parts = await evaluate(source, simd, cost);
        for (const [i, logits] of whole.logits.entries()) {
          assertSame(parts.logits[i]!, logits, `${name}, step ${i} in ranges of ${cost}`);
        }
        for (const [kernel, calls] of parts.calls) {
          if (calls > whole.calls.get(kernel)!) cut.add(kernel);
        }
        for (const kernel of WHOLE) assert.is(parts.calls.get(kernel), whole.calls.get(kernel));
      }
    }
    assert.equal([...cut].toSorted(), [
      'addBias',
      'copyRows',
      'denseDecode',
      'densePrefill',
      'embed',
      'linearAttend',
      'logProbabilities',
      'matmul',
      'outerRows',
      'rmsNorm',
      'rope',
      'ropeTable',
      'sigmoid',
      'swiglu',
      'tpaDecode',
      'tpaPrefill',
    ]);
  });
}

test.run();

/** Logits of every token of every step, what it is scored, and how often each kernel ran. */
async function evaluate(source: ModelBytes, simd: 'baseline' | 'relaxed', rangeCost: number) {
  const calls = new Map<string, number>();
  const { backend } = await openCpuModel(source, { simd }, (kernels) => counted(kernels, calls), {
    rangeCost,
  });
  return { logits: await evaluateSteps(backend), calls };
}

function counted(kernels: Kernels, calls: Map<string, number>): Kernels {
  return new Proxy(kernels, {
    get(target, name: string & keyof Kernels) {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return target[name];
    },
  });
}
