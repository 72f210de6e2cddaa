import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors, type StoredTensor } from '../files/safetensors.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const SHARED_GOLDEN = fileURLToPath(new URL('../../../../shared/golden/', import.meta.url));

/** The sidecar of a golden file, as far as tests read it. */
export interface GoldenMeta {
  kind: string;
  /** Rope table of `op_*` files: `bf16` or `exact` (float32). */
  cos?: 'bf16' | 'exact';
  /** Tokens of `op_*` files. */
  T?: number;
  config: Readonly<Record<string, number>>;
  tolerance: { atol: Readonly<Record<string, number>> };
  custom_scales?: { scale: number; scale_q: number; scale_k: number; scale_v: number };
  loss?: Readonly<Record<string, { greedy_prompt_len: number }>>;
  /** Shipped model: position of the first stored row of logits. */
  first_row?: number;
  /** Shipped model: prompt tokens at the start of `greedy`. */
  greedy_prompt_len?: number;
}

/** One golden file: its sidecar and tensors. */
export interface Golden {
  name: string;
  meta: GoldenMeta;
  tensors: Map<string, StoredTensor>;
}

/**
 * Paths of the golden files whose name starts with `prefix`: the fixtures, then those that only
 * the folder named by TPA_GOLDEN, or `../shared/golden` beside the repository, holds.
 */
export function goldenFiles(prefix: string): string[] {
  const folders = [FIXTURES, process.env['TPA_GOLDEN'] ?? SHARED_GOLDEN];
  const paths = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).toSorted()) {
      if (file.startsWith(prefix) && file.endsWith('.safetensors') && !paths.has(file)) {
        paths.set(file, join(folder, file));
      }
    }
  }
  if (paths.size === 0) throw new Error(`no golden file starts with "${prefix}"`);
  return [...paths.values()];
}

/** Loads a golden file by a path of {@link goldenFiles} or by the bare name of a fixture. */
export function loadGolden(pathOrName: string): Golden {
  const path = pathOrName.endsWith('.safetensors')
    ? pathOrName
    : join(FIXTURES, `${pathOrName}.safetensors`);
  const meta = JSON.parse(readFileSync(path.replace(/safetensors$/, 'json'), 'utf8')) as GoldenMeta;
  return { name: basename(path, '.safetensors'), meta, tensors: readSafetensors(path) };
}

/** The float32 data of a tensor that must be there. */
export function floats({ name, tensors }: Golden, tensor: string): Float32Array {
  const data = tensors.get(tensor)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float tensor "${tensor}" in ${name}`);
  return data;
}

/** The int32 data of a tensor that must be there. */
export function integers({ name, tensors }: Golden, tensor: string): Int32Array {
  const data = tensors.get(tensor)?.data;
  if (!(data instanceof Int32Array)) throw new Error(`no int tensor "${tensor}" in ${name}`);
  return data;
}

/**
 * A twin must come this many times closer to a golden tensor than the stated tolerance, which
 * allows for float32; the worst of the files here is 14 times closer.
 */
export const TWIN_MARGIN = 10;

/** A mistake counts as visible when it moves the output by this many tolerances. */
export const VISIBLE = 10;

/** The tolerance the sidecar states for a tensor. */
export function tolerance({ name, meta }: Golden, tensor: string): number {
  const atol = meta.tolerance.atol[tensor];
  if (atol === undefined) throw new Error(`no tolerance of "${tensor}" in ${name}`);
  return atol;
}
