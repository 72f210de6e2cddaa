import { matmul } from '../../src/compute/products.ts';
import { copyRows } from '../../src/compute/rows.ts';
import type { Threads } from '../../src/threads/threads.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { padToPanel, PANEL } from '../../src/layout/packed-weight.ts';
import { randomValues } from '../random.ts';
import { openStep, place, type DecodeStep, type StepInputs } from './decode-step.ts';
import { LATENT, type Mechanism } from './mechanisms.ts';

/** Of each head: W_UKᵀ (latentDim, headDim) and W_UV (valueDim, latentDim). */
export interface LatentWeights {
  readonly absorb: readonly Float32Array[];
  readonly valueUp: readonly Float32Array[];
}

/** Random weights, small enough that the softmax has no single winner. */
export function randomLatentWeights(heads: number): LatentWeights {
  const { latentDim, headDim, valueDim } = LATENT;
  const perHead = (length: number, seed: number) =>
    Array.from({ length: heads }, (_, h) => randomValues(length, seed + h).map((x) => x / 8));
  return {
    absorb: perHead(latentDim * headDim, 100),
    valueUp: perHead(valueDim * latentDim, 100 + heads),
  };
}

/**
 * MLA as src/model/latent.ts decodes it: each head's query becomes one of the latent, attention
 * sums up latents, W_UV makes each head's output of the sum.
 */
export function openLatentStep(
  engine: Engine,
  mechanism: Mechanism,
  heads: number,
  inputs: StepInputs,
  weights: LatentWeights,
  threads?: Threads,
): DecodeStep {
  const { heap } = engine;
  const { latentDim, ropeDim, headDim, valueDim } = LATENT;
  const head = headDim + ropeDim;
  const key = latentDim + ropeDim;
  const inner = openStep(engine, mechanism, heads, inputs, threads);
  const { compute } = inner;
  const query = place(engine, inputs.aq.subarray(0, heads * head));
  const absorb = weights.absorb.map((weight) => pack(engine, weight, latentDim, headDim));
  const valueUp = weights.valueUp.map((weight) => pack(engine, weight, valueDim, latentDim));
  const values = heap.allocate((heads * valueDim + PANEL) * 4);
  return {
    get cacheBytes() {
      return inner.cacheBytes;
    },
    grow: inner.grow,
    run: () =>
      compute.run(() => {
        // A product fills whole panels: heads in this order, and the rotated part last.
        for (const [h, at] of absorb.entries()) {
          const to = { at: inner.queryAt + h * key * 4, stride: key };
          const from = { at: query + h * head * 4, stride: head };
          matmul(compute, to, from, { at, rows: latentDim, k: headDim, dtype: 'f32' }, 1);
        }
        const rotated = { at: query + headDim * 4, stride: head };
        const beside = { at: inner.queryAt + latentDim * 4, stride: key };
        copyRows(compute, beside, rotated, heads, 1, ropeDim, 0, 0);
        inner.run();
        for (const [h, at] of valueUp.entries()) {
          const to = { at: values + h * valueDim * 4, stride: valueDim };
          const from = { at: inner.outAt + h * latentDim * 4, stride: latentDim };
          matmul(compute, to, from, { at, rows: valueDim, k: latentDim, dtype: 'f32' }, 1);
        }
      }),
    output: () => heap.floats(values, heads * valueDim).slice(),
    dispose() {
      inner.dispose();
      for (const address of [query, values, ...absorb, ...valueUp]) heap.release(address);
    },
  };
}

function pack({ kernels, heap }: Engine, weight: Float32Array, columns: number, inner: number) {
  const panels = heap.allocate(padToPanel(columns) * inner * 4);
  const staging = heap.allocate(weight.byteLength);
  heap.floats(staging, weight.length).set(weight);
  kernels.pack(panels, staging, 0, columns, inner);
  heap.release(staging);
  return panels;
}
