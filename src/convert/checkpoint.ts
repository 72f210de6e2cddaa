import { checkInteger, checkKind, checkObject, mismatch } from '../base/arguments.ts';
import { ARCHITECTURES, readFamily } from '../format/config/family.ts';
import { Fields } from '../format/config/fields.ts';
import { CHUNK_BYTES, readChunks, twoBuffers } from './read-chunks.ts';
import type { ModelContents } from '../format/contents.ts';
import type { AdaptedContents } from './with-adapters.ts';
import type { JsonObject } from '../format/files/json.ts';
import type { TensorDtype } from '../format/tensors/half.ts';
import type { TensorEntry } from '../format/tensors/safetensors.ts';
import { checkFinite, type TensorSet } from '../format/tensors/tensors.ts';
import type { AdapterInfo } from '../lora/adapter.ts';
import { finitePieces, holdsNonFinite } from './finite.ts';

/** One tensor of a checkpoint, as it will be written. */
export interface CheckpointTensor {
  /** Its name in the converted file. */
  readonly name: string;
  /** How its elements will be stored. */
  readonly dtype: TensorDtype;
  /** Its dimensions, rows first. */
  readonly shape: readonly number[];
  /** Bytes it will take. */
  readonly byteLength: number;
  /**
   * What the source stores: the dtype, or the name of a quantised type, e.g. `Q8_0`, which stands too
   * for every quantised type that an adapter has changed.
   */
  readonly storedAs: string;
  /**
   * The elements, row-major and little-endian, in pieces of a few MB; one is valid until the next
   * but one. A NaN or an infinity among them is `WEIGHTS_NONFINITE`, as in loading.
   */
  chunks(): AsyncIterable<Uint8Array>;
  /** The blocks of a quantised type as the source stores them, in pieces like those of `chunks`. */
  blocks?(): AsyncIterable<Uint8Array>;
}

/** A model in a foreign format, checked and translated; nothing but its headers has been read. */
export interface Checkpoint {
  /** What the source is. */
  readonly format: 'torch' | 'gguf' | 'safetensors';
  /** E.g. `T6`, `LlamaForCausalLM`; `a vocabulary alone` for a GGUF without tensors. */
  readonly family: string;
  /** config.json, as it will be written. */
  readonly config: JsonObject;
  /** The weights, none of them read yet. */
  readonly tensors: readonly CheckpointTensor[];
  /** tokenizer.json, where the source holds one or enough to rebuild it. */
  readonly tokenizer?: JsonObject;
  /** tokenizer_config.json. */
  readonly tokenizerConfig?: JsonObject;
  /** special_tokens_map.json. */
  readonly specialTokensMap?: JsonObject;
  /** generation_config.json. */
  readonly generationConfig?: JsonObject;
  /** LoRA adapters that are merged into the weights; none unless given. */
  readonly adapters?: readonly AdapterInfo[];
  /** What was left out or could not be translated, one sentence each. */
  readonly notes: readonly string[];
  /** Releases the files; idempotent. */
  close(): Promise<void>;
}

/**
 * What will be written of a model.
 *
 * @param close releases its files
 * @throws what reading its text throws
 */
export async function checkpointOf(
  format: Checkpoint['format'],
  contents: AdaptedContents,
  close: () => Promise<void>,
): Promise<Checkpoint> {
  const { config, tensors, notes, adapters, requantized } = contents;
  const text = await contents.text();
  const { tokenizer, tokenizerConfig, specialTokensMap, chatTemplate, generationConfig } = text;
  // Of two templates the one in chat_template.jinja counts: one file says it.
  const template = chatTemplate !== undefined && { chat_template: chatTemplate };
  return {
    format,
    family: format === 'torch' ? 'T6' : familyOf(contents),
    config,
    tensors: Array.from(tensors.entries.values(), (entry) => ({
      ...converted(tensors, entry),
      ...(requantized?.has(entry.name) && { storedAs: 'Q8_0' }),
    })),
    ...(adapters && { adapters }),
    ...(tokenizer && { tokenizer }),
    ...((tokenizerConfig || template) && { tokenizerConfig: { ...tokenizerConfig, ...template } }),
    ...(specialTokensMap && { specialTokensMap }),
    ...(generationConfig && { generationConfig }),
    notes: [...notes, ...(text.notes ?? [])],
    close,
  };
}

/** The class of transformers that a model is of, or T6. @throws TpaError as `readFamily` */
function familyOf({ config, tensors }: ModelContents): string {
  if (tensors.entries.size === 0) return 'a vocabulary alone';
  const family = readFamily(new Fields(config), tensors.entries);
  return family === undefined ? 'T6' : ARCHITECTURES[family];
}

/** Refuses what is no checkpoint: callers make them too. @throws TypeError, RangeError */
export function checkCheckpoint(checkpoint: Checkpoint): void {
  const { config, tensors, ...rest } = checkObject('checkpoint', checkpoint);
  checkObject('checkpoint.config', config);
  for (const name of TEXTS) {
    if (rest[name] !== undefined) checkObject(`checkpoint.${name}`, rest[name]);
  }
  if (!Array.isArray(tensors)) {
    throw new TypeError(mismatch('checkpoint.tensors', 'an array', tensors));
  }
  for (const [i, tensor] of Array.from<Partial<CheckpointTensor>>(tensors).entries()) {
    const at = `checkpoint.tensors[${i}]`;
    const { name, dtype, shape, byteLength, chunks } = checkObject(at, tensor);
    checkKind(`${at}.name`, name, 'string');
    checkKind(`${at}.dtype`, dtype, 'string');
    checkKind(`${at}.chunks`, chunks, 'function');
    checkInteger(`${at}.byteLength`, byteLength, 0);
    if (!Array.isArray(shape)) throw new TypeError(mismatch(`${at}.shape`, 'an array', shape));
    for (const size of Array.from<unknown>(shape)) checkInteger(`${at}.shape`, size, 0);
  }
}

/** Files of text that a checkpoint may have. */
const TEXTS = ['tokenizer', 'tokenizerConfig', 'specialTokensMap', 'generationConfig'] as const;

/** A tensor as it will be written: as it is stored, or in float32 where its elements share scales. */
function converted(tensors: TensorSet, entry: TensorEntry): CheckpointTensor {
  const { name, shape, dtype: storedAs, byteLength, blockType } = entry;
  const stored = (step: number) =>
    readChunks((at, target) => tensors.readStored(name, at, target), byteLength, step);
  if (blockType === undefined) {
    const dtype = storedAs as TensorDtype;
    const plain = { name, dtype, shape, byteLength, storedAs, chunks: () => stored(CHUNK_BYTES) };
    return { ...plain, chunks: () => finitePieces(plain, 1) };
  }
  const { blockLength, blockBytes } = blockType;
  const wideBytes = blockLength * Float32Array.BYTES_PER_ELEMENT;
  const widened = (byteLength / blockBytes) * wideBytes;
  /** Blocks, and their elements in an array that is used again for the next but one. */
  const decoded = async function* () {
    const take = twoBuffers(Math.min(CHUNK_BYTES, widened));
    for await (const blocks of stored(Math.floor(CHUNK_BYTES / wideBytes) * blockBytes)) {
      const length = (blocks.byteLength / blockBytes) * blockLength;
      const values = new Float32Array(take().buffer, 0, length);
      blockType.dequantize(blocks, values);
      yield { blocks, values };
    }
  };
  const tensor: CheckpointTensor = {
    name,
    dtype: 'F32',
    shape,
    byteLength: widened,
    storedAs,
    async *chunks() {
      for await (const { values } of decoded()) {
        yield new Uint8Array(values.buffer, 0, values.byteLength);
      }
    },
  };
  return {
    ...tensor,
    // A scale that is no number makes none of any element of its block.
    chunks: () => finitePieces(tensor, blockLength),
    async *blocks() {
      let first = 0;
      for await (const { blocks, values } of decoded()) {
        const bytes = new Uint8Array(values.buffer, 0, values.byteLength);
        if (holdsNonFinite(bytes, 'F32', blockLength)) checkFinite(name, first, values);
        yield blocks;
        first += values.length;
      }
    },
  };
}
