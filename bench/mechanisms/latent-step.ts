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
): DecodeStep {
  const { kernels, heap } = engine;
  const { latentDim, ropeDim, headDim, valueDim } = LATENT;
  const head = headDim + ropeDim;
  const key = latentDim + ropeDim;
  const inner = openStep(engine, mechanism, heads, inputs);
  const query = place(engine, inputs.aq.subarray(0, heads * head));
  const absorb = weights.absorb.map((weight) => pack(engine, weight, latentDim, headDim));
  const valueUp = weights.valueUp.map((weight) => pack(engine, weight, valueDim, latentDim));
  const values = heap.allocate((heads * valueDim + PANEL) * 4);
  return {
    get cacheBytes() {
      return inner.cacheBytes;
    },
    grow: inner.grow,
    run() {
      // A product fills whole panels: heads in this order, and the rotated part last.
      for (const [h, weight] of absorb.entries()) {
        const to = inner.queryAt + h * key * 4;
        const from = query + h * head * 4;
        kernels.matmul(
          to,
          from,
          weight,
          1,
          headDim,
          latentDim,
          key,
          head,
          false,
          0,
          Math.ceil(latentDim / PANEL),
        );
      }
      const rotated = query + headDim * 4;
      const beside = inner.queryAt + latentDim * 4;
      kernels.copyRows(beside, rotated, heads, 1, ropeDim, 0, key, 0, head);
      inner.run();
      for (const [h, weight] of valueUp.entries()) {
        const to = values + h * valueDim * 4;
        const from = inner.outAt + h * latentDim * 4;
        kernels.matmul(
          to,
          from,
          weight,
          1,
          latentDim,
          valueDim,
          valueDim,
          latentDim,
          false,
          0,
          Math.ceil(valueDim / PANEL),
        );
      }
    },
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
