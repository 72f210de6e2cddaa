import { PANEL } from '../layout/panels';

/**
 * out[t] = row ids[t] of a packed table, which is also the output projection: tied weights are
 * stored once.
 *
 * @param out (count, dim) with row stride ldo
 * @param table packed (vocabSize, dim)
 * @param ids (count) u32, each < vocabSize
 */
export function embed(out: usize, table: usize, ids: usize, count: usize, dim: usize, ldo: usize): void {
  for (let t: usize = 0; t < count; t++) {
    const id = <usize>load<u32>(ids + (t << 2));
    let from = table + (id / PANEL) * PANEL * (dim << 2) + ((id % PANEL) << 2);
    let to = out + t * (ldo << 2);
    for (const end = to + (dim << 2); to < end; to += 4) {
      store<f32>(to, load<f32>(from));
      from += PANEL << 2;
    }
  }
}
