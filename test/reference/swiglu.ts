/** Elementwise silu(gate) · up with silu(x) = x / (1 + e^−x); gate = c_fc1 x, up = c_fc2 x. */
export function swiglu(gate: ArrayLike<number>, up: ArrayLike<number>): Float64Array {
  const out = new Float64Array(gate.length);
  for (let i = 0; i < gate.length; i++) out[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
  return out;
}
