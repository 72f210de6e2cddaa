import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/format/config/config.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';
import { ggufFile, type GgufTensor } from '../checkpoints/gguf-file.ts';
import { t6SmallForm } from '../gpu/forms.ts';
import { randomBlocks } from './random-blocks.ts';
import {
  CONTEXT_LENGTH,
  DENSE_MODELS,
  type DenseModel,
  FILE_TYPES,
  type FileType,
  type Subject,
} from './subjects.ts';

/** The file or folder of a model, made where it is not there yet. */
export function modelPath(folder: string, { model, dtype }: Subject): string {
  if (model !== 'T6-small') return densePath(folder, DENSE_MODELS[model], FILE_TYPES[dtype]);
  return t6Folder(join(folder, 't6-small'));
}

/** The GGUF file of random weights of a model, made where it is not there yet. */
export function densePath(folder: string, model: DenseModel, type: FileType): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${Object.values(model).join('-')}-${type}.gguf`);
  if (!existsSync(path)) writePieces(path, denseFile(model, type));
  return path;
}

function denseFile(model: DenseModel, type: FileType): Iterable<Uint8Array> {
  const { family, layers, dim, hiddenDim, heads, kvHeads, headDim, vocabSize, isTied } = model;
  let seed = 1;
  const matrix = (name: string, rows: number, k: number): GgufTensor => ({
    name: `${name}.weight`,
    type,
    shape: [rows, k],
    bytes: randomBlocks(type, rows * k, k, seed++),
  });
  const vector = (name: string, length: number, value: number): GgufTensor => ({
    name,
    type: 'F32',
    shape: [length],
    bytes: new Uint8Array(new Float32Array(length).fill(value).buffer),
  });
  const norm = (name: string, length = dim) => vector(`${name}.weight`, length, 1);
  const layerOf = (layer: number): GgufTensor[] => {
    const at = `blk.${layer}`;
    const attention = [
      matrix(`${at}.attn_q`, heads * headDim, dim),
      matrix(`${at}.attn_k`, kvHeads * headDim, dim),
      matrix(`${at}.attn_v`, kvHeads * headDim, dim),
    ];
    const biases = attention.map(({ name, shape }) =>
      vector(name.replace('weight', 'bias'), shape[0]!, 0.01),
    );
    return [
      norm(`${at}.attn_norm`),
      ...attention,
      ...(family === 'qwen2' ? biases : []),
      ...(family === 'qwen3'
        ? [norm(`${at}.attn_q_norm`, headDim), norm(`${at}.attn_k_norm`, headDim)]
        : []),
      matrix(`${at}.attn_output`, dim, heads * headDim),
      norm(`${at}.ffn_norm`),
      matrix(`${at}.ffn_gate`, hiddenDim, dim),
      matrix(`${at}.ffn_up`, hiddenDim, dim),
      matrix(`${at}.ffn_down`, dim, hiddenDim),
    ];
  };
  const tensors = [
    matrix('token_embd', vocabSize, dim),
    norm('output_norm'),
    ...(isTied ? [] : [matrix('output', vocabSize, dim)]),
    ...Array.from({ length: layers }, (_, layer) => layerOf(layer)).flat(),
  ];
  return ggufFile(metadataOf(model), tensors);
}

/** With a vocabulary that any text has ids in. */
function metadataOf(model: DenseModel) {
  const { family, layers, dim, hiddenDim, heads, kvHeads, headDim, vocabSize } = model;
  return {
    'general.architecture': family,
    [`${family}.block_count`]: layers,
    [`${family}.context_length`]: CONTEXT_LENGTH,
    [`${family}.embedding_length`]: dim,
    [`${family}.feed_forward_length`]: hiddenDim,
    [`${family}.attention.head_count`]: heads,
    [`${family}.attention.head_count_kv`]: kvHeads,
    [`${family}.attention.key_length`]: headDim,
    [`${family}.attention.value_length`]: headDim,
    [`${family}.rope.dimension_count`]: headDim,
    [`${family}.rope.freq_base`]: Float32Array.of(10_000),
    [`${family}.attention.layer_norm_rms_epsilon`]: 1e-5,
    [`${family}.vocab_size`]: vocabSize,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': vocabulary(vocabSize),
    'tokenizer.ggml.merges': ['t o'],
    'tokenizer.ggml.bos_token_id': 0,
    'tokenizer.ggml.eos_token_id': 0,
  };
}

/** An end token, the bytes as GPT-2 writes them, and names that no text has. */
function vocabulary(size: number): string[] {
  const isPlain = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPlain(byte) ? byte : next++),
  );
  const rest = Array.from({ length: size - 258 }, (_, i) => `name-${i}-that-no-text-has`);
  return ['<|end|>', ...bytes, 'to', ...rest];
}

/** T6-small in float16 safetensors. */
function t6Folder(folder: string): string {
  const weights = join(folder, 'model.safetensors');
  if (existsSync(weights)) return folder;
  mkdirSync(folder, { recursive: true });
  const { json, mark } = t6SmallForm(CONTEXT_LENGTH);
  const entry = { ...mark, dtype: 'F16', offset: 0, byteLength: 0 };
  const tensors = expectedTensors(parseConfig(json, new Map([[mark.name, entry]])));
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const { name, shape } of tensors) {
    const end = offset + 2 * numbersOf(shape);
    header[name] = { dtype: 'F16', shape, data_offsets: [offset, end] };
    offset = end;
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json));
  writePieces(weights, safetensors(header, tensors));
  return folder;
}

function* safetensors(header: object, tensors: ReturnType<typeof expectedTensors>) {
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json.padEnd(8 * Math.ceil(json.length / 8)));
  yield new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  yield text;
  for (const [i, { shape }] of tensors.entries()) {
    yield randomBlocks('F16', numbersOf(shape), shape.at(-1)!, i + 1);
  }
}

function numbersOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function writePieces(path: string, pieces: Iterable<Uint8Array>): void {
  const handle = openSync(path, 'w');
  for (const piece of pieces) writeFileSync(handle, piece);
  closeSync(handle);
}
