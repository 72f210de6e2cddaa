/** The tensors of a checkpoint under their own names, row-major. */
export type NamedTensors = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly values: ArrayLike<number> }
>;

/** The values of a tensor that must be there. @throws Error where it is not */
export function valuesOf(tensors: NamedTensors, name: string): ArrayLike<number> {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`no tensor "${name}"`);
  return found.values;
}

/** Rows of token embeddings. @returns (T, dim) */
export function embed(
  ids: ArrayLike<number>,
  embedding: ArrayLike<number>,
  dim: number,
): Float64Array {
  const out = new Float64Array(ids.length * dim);
  for (let t = 0; t < ids.length; t++) {
    for (let i = 0; i < dim; i++) {
      const value = embedding[ids[t]! * dim + i];
      if (value === undefined) throw new Error(`no embedding of token ${ids[t]}`);
      out[t * dim + i] = value;
    }
  }
  return out;
}

/** Elementwise sum of two arrays of one length. */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length !== b.length) throw new RangeError(`lengths ${a.length} and ${b.length} differ`);
  return a.map((value, i) => value + b[i]!);
}
