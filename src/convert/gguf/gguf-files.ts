import { checkChoice, checkInteger, checkRule } from '../../base/arguments.ts';
import { parseConfig } from '../../format/config/config.ts';
import { truncated } from '../../format/files/byte-source.ts';
import { readGguf } from '../../format/gguf/contents.ts';
import { KEPT_CONFIG } from '../../format/gguf/own/kept.ts';
import { planSafetensors } from '../safetensors-writer.ts';
import { describeModel, type Described } from './describe-model.ts';
import { dataBytes, dataOf, type LaidFile, layFile, laySplit } from './shards.ts';
import type { ByteSource } from '../../format/files/byte-source.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { GgufDtype } from './stored-tensor.ts';
import type { GgufPair } from './header-writer.ts';

/** How a model becomes GGUF. */
export interface GgufOptions {
  /** What matrices are rounded to; undefined keeps what the source stores. */
  readonly dtype?: GgufDtype | undefined;
  /** Bytes that a file has at most; undefined for a single file. */
  readonly shardBytes?: number | undefined;
  /** Name of the file without its ending, default `model`. */
  readonly name?: string | undefined;
}

/** A file that is not written yet, and what was done otherwise than asked. */
export interface GgufFile extends LaidFile {
  readonly name: string;
  readonly notes: readonly string[];
}

export const GGUF_DTYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0'] as const;

const MAX_SHARDS = 99_999;

/** Refuses options that are none. @throws TypeError, RangeError */
export function checkGgufOptions({ dtype, shardBytes, name = 'model' }: GgufOptions): void {
  if (dtype !== undefined) checkChoice('options.dtype', dtype, GGUF_DTYPES);
  if (shardBytes !== undefined) checkInteger('options.shardBytes', shardBytes, 1);
  const isBare = /^[^/\\\0]{1,200}$/.test(name) && !name.startsWith('.');
  checkRule('options.name', isBare, 'a bare file name', name);
}

/**
 * The GGUF files of a model. Their headers are read back before anything is written: what the keys
 * of llama.cpp cannot say of a configuration is kept as text.
 *
 * @throws TpaError as `convertCheckpoint`
 */
export async function planGguf(
  checkpoint: Checkpoint,
  { dtype, shardBytes, name = 'model' }: GgufOptions,
): Promise<GgufFile[]> {
  const { entries } = await planSafetensors(checkpoint.tensors);
  const config = parseConfig(checkpoint.config, entries);
  const described = describeModel(checkpoint, config, entries, { dtype, name });
  const { pairs, tables, weights, notes } = await withConfig(described, config, checkpoint);
  const tensors = [...tables, ...weights];
  const files = laySplit(pairs, tensors, shardBytes ?? Infinity);
  if (files.length === 1) return [{ ...layFile(pairs, tensors), name: `${name}.gguf`, notes }];
  const isCounted = files.length <= MAX_SHARDS;
  checkRule('options.shardBytes', isCounted, `${MAX_SHARDS} files at most`, shardBytes);
  const count = numbered(files.length);
  return files.map((file, i) => ({
    ...file,
    name: `${name}-${numbered(i + 1)}-of-${count}.gguf`,
    notes: [...(i === 0 ? notes : []), ...sizeNote(file, shardBytes!, i)],
  }));
}

/** The same with config.json inside, where what is read back of the keys is another configuration. */
async function withConfig(
  described: Described,
  config: ModelConfig,
  { config: json }: Checkpoint,
): Promise<Described> {
  const isSame = await readsAs(described, config);
  if (isSame) return described;
  const kept: GgufPair = [KEPT_CONFIG, { type: 'text', value: JSON.stringify(json) }];
  const whole = { ...described, pairs: [...described.pairs, kept] };
  await readGguf(await headerSource(whole));
  return whole;
}

/** Whether reading gives the same configuration; keys that nothing reads and ends of text apart. */
async function readsAs(described: Described, config: ModelConfig): Promise<boolean> {
  try {
    const read = await readGguf(await headerSource(described));
    return essence(parseConfig(read.config, read.tensors.entries)) === essence(config);
  } catch {
    // Refused, as divisors of angles that no published model has: config.json tells them.
    return false;
  }
}

function essence({ ignoredKeys: _keys, eosTokenIds: _ends, ...rest }: ModelConfig): string {
  return JSON.stringify(rest);
}

/** A file of which the header and the tables behind it are there, and zeros in place of weights. */
async function headerSource({ pairs, tables, weights }: Described): Promise<ByteSource> {
  const { header, byteLength } = layFile(pairs, [...tables, ...weights]);
  const known = new Uint8Array(header.length + dataBytes(tables));
  known.set(header);
  let at = header.length;
  for await (const piece of dataOf(tables)) {
    known.set(piece, at);
    at += piece.length;
  }
  return {
    name: 'model.gguf',
    size: byteLength,
    async read(offset, length) {
      if (offset + length > byteLength) throw truncated('model.gguf', offset + length, byteLength);
      const bytes = new Uint8Array(length);
      bytes.set(known.subarray(offset, offset + length));
      return bytes;
    },
    async close() {},
  };
}

function sizeNote({ byteLength }: LaidFile, shardBytes: number, index: number): string[] {
  if (byteLength <= shardBytes) return [];
  const what = index === 0 ? 'its metadata or first tensor' : 'its one tensor';
  return [`file ${index + 1} has ${byteLength} bytes, more than ${shardBytes}: ${what} takes them`];
}

function numbered(n: number): string {
  return String(n).padStart(5, '0');
}
