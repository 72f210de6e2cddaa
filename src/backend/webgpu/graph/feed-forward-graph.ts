import type { GraphBuilder } from './graph-builder.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** W_down · (silu(W_gate · x) ∘ W_up · x): (tokens, dim) from normed x (tokens, dim). */
export function feedForward(
  g: GraphBuilder,
  w: WeightInputs,
  x: string,
  layer: number,
  hiddenDim: number,
): string {
  const gateUp = w.product(x, `layers.${layer}.gate_up`);
  const [gate, up] = g.split(gateUp, 1, hiddenDim, hiddenDim);
  const silu = g.multiply(gate!, g.node('Sigmoid', [gate!]));
  return w.product(g.multiply(silu, up!), `layers.${layer}.down`);
}
