import { printable, TpaError } from '../base/errors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { TensorEntry } from '../format/tensors/safetensors.ts';
import { isReadable, READABLE } from '../format/tensors/tensors.ts';
import type { AdapterConfig } from './adapter-config.ts';

/** A matrix of the model that an adapter changes. */
export interface AdaptedMatrix {
  /** Name of its tensor in the model. */
  readonly tensor: string;
  /** Names of the factors in the adapter: B · A has the shape of the matrix, that of embeddings transposed. */
  readonly a: string;
  readonly b: string;
  readonly isEmbedding: boolean;
  readonly rank: number;
  /** What the product is multiplied by. */
  readonly factor: number;
}

/** What of a model an adapter is checked against. */
export interface AdaptedModel {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly isTied: ModelConfig['isTied'];
  /** Tensors that the model does not use. */
  readonly extras?: readonly string[];
}

interface Pair {
  a?: TensorEntry;
  b?: TensorEntry;
  isEmbedding: boolean;
}

const FACTOR = /^base_model\.model\.(.+)\.(?:lora_([AB])\.weight|lora_embedding_([AB]))$/;
const HEAD = 'lm_head';
const EMBEDDINGS: ReadonlySet<string> = new Set(['model.embed_tokens', 'transformer.wte']);

/**
 * The matrices that the tensors of an adapter change, in the order of the file: each is in the model,
 * and its factors have its sizes and the rank that the configuration says.
 *
 * @param label the adapter, as messages name it
 * @throws TpaError `MODEL_MISMATCH` naming the first module that does not fit, `MODEL_UNSUPPORTED`
 */
export function adaptedMatrices(
  label: string,
  config: AdapterConfig,
  tensors: ReadonlyMap<string, TensorEntry>,
  model: AdaptedModel,
): readonly AdaptedMatrix[] {
  const misfit = (subject: string, expected: string, found: string) =>
    mismatch(label, subject, expected, found);
  const pairs = pairUp(tensors, misfit);
  if (pairs.size === 0) throw misfit('its file', 'factors of at least one module', 'none');
  const modules = modulesOf(model);
  const matrices = Array.from(pairs, ([path, pair]) => {
    const subject = `module "${printable(path)}"`;
    if (model.isTied && (path === HEAD || EMBEDDINGS.has(path))) throw tied(label, path);
    const shape = modules.get(path);
    if (shape === undefined) throw misfit(subject, 'a matrix of the model', OTHER_MODEL);
    if (!config.isTarget(path)) {
      throw misfit(subject, 'one of "target_modules" of adapter_config.json', 'another');
    }
    const { a, b, isEmbedding } = pair;
    if (isEmbedding !== EMBEDDINGS.has(path)) {
      throw misfit(
        subject,
        `factors of ${isEmbedding ? 'a linear layer' : 'an embedding'}`,
        'others',
      );
    }
    const rank = config.rankOf(path);
    const [outputs = 0, inputs = 0] = isEmbedding ? [shape[1], shape[0]] : shape;
    check(subject, 'A', a, [rank, inputs], misfit);
    check(subject, 'B', b, [outputs, rank], misfit);
    const factor = config.factorOf(path);
    return { tensor: `${path}.weight`, a: a!.name, b: b!.name, isEmbedding, rank, factor };
  });
  if (!config.namesTargets) return matrices;
  const left = [...modules.keys()].find((path) => !pairs.has(path) && config.isTarget(path));
  if (left !== undefined) {
    const found = 'none: the file is not complete, or the adapter is that of a smaller model';
    throw misfit(`module "${printable(left)}"`, 'factors, as one of "target_modules"', found);
  }
  return matrices;
}

const OTHER_MODEL = 'none of that name: it is the adapter of another model';

/** The two factors of each module. */
function pairUp(
  tensors: ReadonlyMap<string, TensorEntry>,
  misfit: (subject: string, expected: string, found: string) => TpaError,
): ReadonlyMap<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const [name, entry] of tensors) {
    const [, path, linear, embedding] = FACTOR.exec(name) ?? [];
    if (path === undefined) {
      const expected = 'a name such as base_model.model.MODULE.lora_A.weight';
      const found = 'another: what is no factor of LoRA is not merged';
      throw misfit(`tensor "${printable(name)}"`, expected, found);
    }
    const isEmbedding = embedding !== undefined;
    const pair = pairs.get(path) ?? { isEmbedding };
    if (pair.isEmbedding !== isEmbedding) {
      const found = 'those of both a linear layer and an embedding';
      throw misfit(`module "${printable(path)}"`, 'two factors', found);
    }
    pair[(linear ?? embedding) === 'A' ? 'a' : 'b'] = entry;
    pairs.set(path, pair);
  }
  return pairs;
}

/** The matrices of a model by the paths of their modules. An output projection that is the embedding is none. */
function modulesOf({ entries, isTied, extras = [] }: AdaptedModel): Map<string, readonly number[]> {
  const modules = new Map<string, readonly number[]>();
  const left = new Set(extras);
  for (const [name, { shape }] of entries) {
    const path = name.replace(/\.weight$/, '');
    const isOther = path === name || shape.length !== 2 || left.has(name);
    if (!isOther && !(isTied && path === HEAD)) modules.set(path, shape);
  }
  return modules;
}

function check(
  module: string,
  factor: 'A' | 'B',
  entry: TensorEntry | undefined,
  shape: readonly number[],
  misfit: (subject: string, expected: string, found: string) => TpaError,
): void {
  const subject = `factor ${factor} of ${module}`;
  const expected = `[${shape.join(', ')}]`;
  if (entry === undefined) throw misfit(subject, expected, 'none');
  const found = `[${entry.shape.join(', ')}]`;
  if (found !== expected) throw misfit(subject, expected, found);
  if (!isReadable(entry.dtype)) throw misfit(subject, READABLE, entry.dtype);
}

function mismatch(label: string, subject: string, expected: string, found: string): TpaError {
  const message = `the adapter "${printable(label, 400)}": ${subject} expected ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { subject, expected, found } });
}

/** Merging would change both, where the adapter was trained for one. */
function tied(label: string, path: string): TpaError {
  const message =
    `the adapter "${printable(label, 400)}" changes "${path}", but the embedding is also the output ` +
    'projection of this model: train it without that module, or on a model with ' +
    '"tie_word_embeddings": false';
  return new TpaError('MODEL_UNSUPPORTED', message, { data: { module: path } });
}
