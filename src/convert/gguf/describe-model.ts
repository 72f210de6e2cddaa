import { printable } from '../../base/errors.ts';
import { readFamily } from '../../format/config/family.ts';
import { Fields } from '../../format/config/fields.ts';
import { T6_ARCHITECTURE } from '../../format/gguf/own/t6.ts';
import { fileNames } from './names.ts';
import { llamaPairs, type RopeTable, ropeTables, unsaidNotes } from './llama-metadata.ts';
import { type GgufDtype, type StoredTensor, storedTensor, typeOf } from './stored-tensor.ts';
import { t6Pairs } from './t6-metadata.ts';
import { textPairs } from './text-pairs.ts';
import { tiedEmbedding } from './tied-head.ts';
import { ALIGNMENT, type GgufPair } from './header-writer.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { TensorEntry } from '../../format/tensors/safetensors.ts';
import type { Checkpoint, CheckpointTensor } from '../checkpoint.ts';

/** What a file says and holds, whatever files it is split into. */
export interface Described {
  readonly pairs: readonly GgufPair[];
  /** Tables of the configuration, which come before the weights. */
  readonly tables: readonly StoredTensor[];
  readonly weights: readonly StoredTensor[];
  readonly notes: readonly string[];
}

const HEAD = 'lm_head.weight';
const EMBEDDINGS: ReadonlySet<string> = new Set([
  'model.embed_tokens.weight',
  'transformer.wte.weight',
]);
/** Rows that llama.cpp's `llama` wants in another order. */
const ROTATED = /\.attn_[qk]\.(?:weight|bias)$/;
/** `general.file_type` by the type of most weights; others have none that all readers know. */
const FILE_TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32 };
const QUANTIZATION_VERSION = 2;

/**
 * Metadata and tensors of a model.
 *
 * @param config of the checkpoint, checked
 * @param entries of its tensors
 * @throws TpaError `CONFIG_INVALID`, `MODEL_UNSUPPORTED`
 */
export function describeModel(
  checkpoint: Checkpoint,
  config: ModelConfig,
  entries: ReadonlyMap<string, TensorEntry>,
  { dtype, name }: { readonly dtype: GgufDtype | undefined; readonly name: string },
): Described {
  const { config: json } = checkpoint;
  const family = readFamily(new Fields(json), entries);
  const architecture = family === 'mistral' ? 'llama' : family;
  const { weights, notes } = storeWeights(checkpoint.tensors, config, architecture, dtype);
  const text = textPairs(checkpoint, json, config);
  const tables = architecture ? ropeTables(config, architecture, json) : [];
  const main = mainType(weights);
  const fileType = FILE_TYPES[main];
  const pairs: GgufPair[] = [
    ['general.architecture', { type: 'text', value: architecture ?? T6_ARCHITECTURE }],
    ['general.name', { type: 'text', value: name }],
    ['general.alignment', { type: 'u32', value: ALIGNMENT }],
    ...number('general.file_type', fileType),
    ...number(
      'general.quantization_version',
      main.includes('Q') ? QUANTIZATION_VERSION : undefined,
    ),
    ...(architecture ? llamaPairs(config, architecture) : t6Pairs(config, json)),
    ...text.pairs,
  ];
  return {
    pairs,
    tables: tables.map(storedTable),
    weights,
    notes: [...notes, ...text.notes, ...(architecture ? unsaidNotes(config, architecture) : [])],
  };
}

function storeWeights(
  tensors: readonly CheckpointTensor[],
  config: ModelConfig,
  architecture: string | undefined,
  dtype: GgufDtype | undefined,
) {
  const nameOf = fileNames(config);
  const head = config.isTied ? tensors.find(({ name }) => name === HEAD) : undefined;
  const left: string[] = [];
  const weights = tensors.flatMap((tensor): StoredTensor[] => {
    const name = nameOf(tensor.name);
    if (tensor === head) return [];
    if (name === undefined) {
      left.push(tensor.name);
      return [];
    }
    const isPermuted = architecture === 'llama' && ROTATED.test(name);
    const isEmbedding = EMBEDDINGS.has(tensor.name);
    return [
      storedTensor(head && isEmbedding ? tiedEmbedding(tensor, head) : tensor, {
        name,
        type: typeOf(tensor, dtype),
        ...(isPermuted && { headDim: config.headDim }),
      }),
    ];
  });
  return { weights, notes: [...leftNote(left), ...halfNote(weights, dtype)] };
}

function leftNote(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > 3 ? ` and ${names.length - 3} others` : '';
  const shown = names.slice(0, 3).map((name) => `"${printable(name)}"`);
  return [
    `tensors left out, since no model of this kind computes with them: ${shown.join(', ')}${more}`,
  ];
}

function halfNote(weights: readonly StoredTensor[], dtype: GgufDtype | undefined): string[] {
  if (dtype !== 'q8_0' && dtype !== 'q4_0') return [];
  const count = weights.filter(({ type }) => type === 'F16').length;
  if (count === 0) return [];
  const which = count === 1 ? '1 tensor is' : `${count} tensors are`;
  return [`${which} stored as F16, since the rows are no whole blocks of 32`];
}

/** The type that most bytes have. */
function mainType(weights: readonly StoredTensor[]): string {
  const bytes = new Map<string, number>();
  for (const { type, byteLength } of weights) bytes.set(type, (bytes.get(type) ?? 0) + byteLength);
  const [main] = [...bytes].toSorted(([, a], [, b]) => b - a);
  return main?.[0] ?? 'F32';
}

/** A table of the configuration as a tensor. */
function storedTable({ name, values }: RopeTable): StoredTensor {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  const tensor: CheckpointTensor = {
    name,
    dtype: 'F32',
    shape: [values.length],
    byteLength: bytes.byteLength,
    storedAs: 'F32',
    async *chunks() {
      yield bytes;
    },
  };
  return storedTensor(tensor, { name, type: 'F32' });
}

function number(key: string, value: number | undefined): GgufPair[] {
  return value === undefined ? [] : [[key, { type: 'u32', value }]];
}
