import { LIMITS } from '../limits.ts';
import { TpaError, printable } from '../../../base/errors.ts';
import type { Fields } from '../fields.ts';
import type { LatentSizes } from '../model-config.ts';
import type { TensorEntry } from '../../tensors/safetensors.ts';

type Tensors = ReadonlyMap<string, TensorEntry>;

const LAYER = 'transformer.h.0.attn.';

/**
 * Width of a head of MHA, MQA and GQA in the upstream layout. Upstream's MHA takes n_embd / n_head,
 * whatever `head_dim` says: so is it here where the rows of `c_q` and `c_k` are those of such a
 * model. Of the others `head_dim` counts, and tensors that contradict it are refused with the rest.
 *
 * @throws TpaError `CONFIG_INVALID`
 */
export function readHeadDim(
  fields: Fields,
  tensors: Tensors,
  { heads, dim }: { readonly heads: number; readonly dim: number },
): number {
  const rows = (name: string) => tensors.get(`${LAYER}${name}.weight`)?.shape[0];
  const told = (rows('c_q') ?? dim) / heads;
  const isWidth = Number.isInteger(told) && told >= 2 && told <= LIMITS.headDim;
  const headDim = fields.integer('head_dim', 2, LIMITS.headDim, isWidth ? told : dim / heads);
  const isUpstreamMha = isWidth && told === dim / heads && rows('c_k') === rows('c_q');
  if (told === headDim || !isUpstreamMha) return headDim;
  fields.ignore('head_dim');
  return told;
}

/**
 * K/V heads of MHA, MQA and GQA in the upstream layout: the rows of `c_k` tell them, `group_size`
 * has to agree.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_MISMATCH`
 */
export function readKvHeads(
  fields: Fields,
  tensors: Tensors,
  { heads, headDim }: { readonly heads: number; readonly headDim: number },
): number {
  const groupSize =
    fields.get('group_size') === undefined ? undefined : fields.integer('group_size', 1, heads);
  if (groupSize !== undefined && heads % groupSize !== 0) {
    throw fields.invalid('group_size', 'a divisor of n_head', groupSize);
  }
  const stated = groupSize && heads / groupSize;
  const name = `${LAYER}c_k.weight`;
  const entry = tensors.get(name);
  // The check of all tensors names the one that is missing.
  if (entry === undefined) return stated ?? heads;
  const kvHeads = (entry.shape[0] ?? 0) / headDim;
  if (heads % kvHeads !== 0 || kvHeads < 1 || !Number.isInteger(kvHeads)) {
    throw mismatch(name, 'head_dim times a divisor of n_head as its rows', entry);
  }
  if (stated !== undefined && stated !== kvHeads) {
    throw mismatch(name, `${stated * headDim} rows`, entry);
  }
  return kvHeads;
}

/**
 * Sizes of MLA. Upstream's trainer ignores the keys of its config and leaves them out, so what is
 * not stated is told from the shapes.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_MISMATCH`
 */
export function readLatentSizes(
  fields: Fields,
  tensors: Tensors,
  { heads, headDim }: { readonly heads: number; readonly headDim: number },
): LatentSizes {
  /** The value of `key`, else what `tell` makes of the shape of a tensor. */
  const size = (
    key: string,
    max: number,
    name: string,
    tell: (rows: number, columns: number) => number,
  ): number => {
    const entry = tensors.get(`${LAYER}${name}.weight`);
    if (fields.get(key) !== undefined || entry === undefined) return fields.integer(key, 1, max);
    const [rows = 0, columns = 0] = entry.shape;
    const told = tell(rows, columns);
    if (Number.isInteger(told) && told >= 1 && told <= max) return told;
    throw mismatch(`${LAYER}${name}.weight`, `a shape that tells "${key}"`, entry);
  };
  const queryRank = size('q_lora_rank', LIMITS.latent, 'q_a_proj', (rows) => rows);
  const latentDim = size('kv_lora_rank', LIMITS.latent, 'kv_b_proj', (_, columns) => columns);
  const ropeDim = size(
    'qk_rope_head_dim',
    LIMITS.headDim,
    'kv_a_proj_with_mqa',
    (rows) => rows - latentDim,
  );
  if (ropeDim % 2 !== 0) throw fields.invalid('qk_rope_head_dim', 'an even integer', ropeDim);
  const valueDim = size(
    'v_head_dim',
    LIMITS.headDim,
    'kv_b_proj',
    (rows) => rows / heads - headDim,
  );
  return { queryRank, latentDim, ropeDim, valueDim };
}

function mismatch(name: string, expected: string, { shape }: TensorEntry): TpaError {
  const tensor = printable(name);
  const found = `[${shape.join(', ')}]`;
  const message = `tensor "${tensor}" expected ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { tensor, expected, found } });
}
