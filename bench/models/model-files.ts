import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/format/config/config.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';
import { ggufFile, type GgufTensor } from '../checkpoints/gguf-file.ts';
import { t6SmallForm } from '../gpu/forms.ts';
import { randomBlocks } from './random-blocks.ts';
import { DENSE_MODELS, FILE_TYPES, SIZES, type Subject } from './subjects.ts';

/** The file or folder of a model, made where it is not there yet. */
export function modelPath(folder: string, { model, dtype }: Subject): string {
  mkdirSync(folder, { recursive: true });
  if (model === 'T6-small') return t6Folder(join(folder, 't6-small'));
  const { heads, kvHeads } = DENSE_MODELS[model];
  const type = FILE_TYPES[dtype];
  const path = join(folder, `dense-${heads}-${kvHeads}-${type}.gguf`);
  if (!existsSync(path)) writePieces(path, denseFile(heads, kvHeads, type));
  return path;
}

/** A LLaMA in GGUF, tied, with a vocabulary that any text has ids in. */
function denseFile(heads: number, kvHeads: number, type: 'F16' | 'Q8_0' | 'Q4_0') {
  const { layers, dim, hiddenDim, headDim, vocabSize, contextLength } = SIZES;
  const matrix = (name: string, rows: number, k: number, seed: number): GgufTensor => ({
    name: `${name}.weight`,
    type,
    shape: [rows, k],
    bytes: randomBlocks(type, rows * k, k, seed),
  });
  const norm = (name: string): GgufTensor => ({
    name: `${name}.weight`,
    type: 'F32',
    shape: [dim],
    bytes: new Uint8Array(new Float32Array(dim).fill(1).buffer),
  });
  const tensors = [matrix('token_embd', vocabSize, dim, 1), norm('output_norm')];
  for (let layer = 0; layer < layers; layer++) {
    const named = (part: string, rows: number, k: number, at: number) =>
      matrix(`blk.${layer}.${part}`, rows, k, 16 * layer + at);
    tensors.push(
      norm(`blk.${layer}.attn_norm`),
      named('attn_q', heads * headDim, dim, 2),
      named('attn_k', kvHeads * headDim, dim, 3),
      named('attn_v', kvHeads * headDim, dim, 4),
      named('attn_output', dim, heads * headDim, 5),
      norm(`blk.${layer}.ffn_norm`),
      named('ffn_gate', hiddenDim, dim, 6),
      named('ffn_up', hiddenDim, dim, 7),
      named('ffn_down', dim, hiddenDim, 8),
    );
  }
  const metadata = {
    'general.architecture': 'llama',
    'llama.block_count': layers,
    'llama.context_length': contextLength,
    'llama.embedding_length': dim,
    'llama.feed_forward_length': hiddenDim,
    'llama.attention.head_count': heads,
    'llama.attention.head_count_kv': kvHeads,
    'llama.attention.key_length': headDim,
    'llama.attention.value_length': headDim,
    'llama.rope.dimension_count': headDim,
    'llama.rope.freq_base': Float32Array.of(10_000),
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'llama.vocab_size': vocabSize,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': vocabulary(vocabSize),
    'tokenizer.ggml.merges': ['t o'],
    'tokenizer.ggml.bos_token_id': 0,
    'tokenizer.ggml.eos_token_id': 0,
      };
  return ggufFile(metadata, tensors);
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
  const { json, mark } = t6SmallForm(SIZES.contextLength);
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
