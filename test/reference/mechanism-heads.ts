import { materialize } from './materialize.ts';
import { matmul } from './matmul.ts';
import { latentHeads } from './latent-heads.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';
import type { MechanismSettings } from './mechanism-config.ts';
import { rotate } from './mechanism-rope.ts';
import { valuesOf, type NamedTensors } from './named-tensors.ts';

/** Materialised vectors of one layer: q (T, heads, keyDim), k (T, kvHeads, keyDim), v (T, kvHeads, valueDim). */
export interface Heads {
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  kvHeads: number;
  keyDim: number;
  valueDim: number;
}

type Part = 'q' | 'k' | 'v';

/** Queries, keys and values of x (T, dim), rotated, by whatever the layer's form is. */
export function layerHeads(
  x: Float64Array,
  attention: string,
  tensors: NamedTensors,
  settings: MechanismSettings,
  broken?: MechanismBreak,
): Heads {
  const { form, heads, headDim, dim, rotation } = settings;
  const tokens = x.length / dim;
  if (form === 'mla') return latentHeads(x, attention, tensors, settings, broken);
  if (form === 'dense') {
    const k = project('c_k');
    return {
      q: turn(project('c_q'), 'q', heads),
      k: turn(k, 'k', k.length / (tokens * headDim)),
      v: project('c_v'),
      kvHeads: k.length / (tokens * headDim),
      keyDim: headDim,
      valueDim: headDim,
    };
  }
  return {
    q: tensors.has(`${attention}.c_qkv.c_q.weight`)
      ? turn(project('c_qkv.c_q'), 'q', heads)
      : product('q'),
    k: product('k'),
    v: product('v'),
    kvHeads: heads,
    keyDim: headDim,
    valueDim: headDim,
  };

  /** The mean over the ranks of A ⊗ B: (T, heads, headDim). */
  function product(part: Part): Float64Array {
    const a = factorA(part);
    const rank = a.length / (tokens * heads);
    const b = factorB(part, rank);
    const scale = broken === 'rank-scale' ? 1 : 1 / rank;
    return materialize(a, b, { heads, rank, width: headDim }, scale);
  }

  /** (T, heads, rank) */
  function factorA(part: Part): Float64Array {
    if (form === 'tpa-nonctx-a')
      return everyToken(valuesOf(tensors, `${attention}.c_qkv.A_${part}`));
    const a = project(`c_qkv.W_A_${part}`);
    const ordered = broken === 'rank-major' ? transposeRows(a, a.length / (tokens * heads)) : a;
    const isPlain = broken === 'sigmoid' || (broken === 'sigmoid-values' && part === 'v');
    if (form !== 'tpa-sigmoid' || isPlain) return ordered;
    return ordered.map((value) => 1 / (1 + Math.exp(-value)));
  }

  /** (T, rank, headDim), rotated for queries and keys */
  function factorB(part: Part, rank: number): Float64Array {
    switch (form) {
      case 'tpa-nonctx-b': {
        const fixed = everyToken(valuesOf(tensors, `${attention}.c_qkv.B_${part}`));
        return broken === 'fixed-rotation' ? fixed : turn(fixed, part, rank);
      }
      case 'tpa-shared-b': {
        if (part === 'q') return turn(project('c_qkv.W_B_q'), part, rank);
        const shared = project('c_qkv.W_B_kv');
        return turn(shared, broken === 'shared-rotation' ? 'k' : part, rank);
      }
      case 'tpa-third-order':
        return thirdOrder(part, rank);
      default:
        return turn(project(`c_qkv.W_B_${part}`), part, rank);
    }
  }

  /** Rows vec(b ⊗ c): feature i·cDim + j is b[i]·c[j]. RoPE turns b. */
  function thirdOrder(part: Part, rank: number): Float64Array {
    const c = project(`c_qkv.W_C_${part}`); // (T, rank, cDim)
    const plain = project(`c_qkv.W_B_${part}`); // (T, rank, bDim)
    const cDim = c.length / (tokens * rank);
    const bDim = headDim / cDim;
    const turnsLate = broken === 'third-order-rotation';
    const b = turnsLate ? plain : turn(plain, part, rank, bDim);
    const out = new Float64Array(tokens * rank * headDim);
    for (let row = 0; row < tokens * rank; row++) {
      for (let i = 0; i < bDim; i++) {
        for (let j = 0; j < cDim; j++) {
          const feature = broken === 'third-order-index' ? j * bDim + i : i * cDim + j;
          out[row * headDim + feature] = b[row * bDim + i]! * c[row * cDim + j]!;
        }
      }
    }
    return turnsLate ? turn(out, part, rank) : out;
  }

  function turn(rowsOfPart: Float64Array, part: Part, rows: number, width = headDim): Float64Array {
    if (part === 'v') return rowsOfPart;
    return rotate(rowsOfPart, { rows, width }, rotation, broken, part === 'k');
  }

  function project(name: string): Float64Array {
    return matmul(x, valuesOf(tensors, `${attention}.${name}.weight`), dim);
  }

  /** A parameter as every token's factor. */
  function everyToken(values: ArrayLike<number>): Float64Array {
    return Float64Array.from(
      { length: tokens * values.length },
      (_, i) => values[i % values.length]!,
    );
  }

  /** Every token's (heads, rank) filled as if it were stored (rank, heads). */
  function transposeRows(a: Float64Array, rank: number): Float64Array {
    return a.map((_, index) => {
      const token = index - (index % (heads * rank));
      const [head, r] = [Math.floor((index - token) / rank), index % rank];
      return a[token + r * heads + head]!;
    });
  }
}
