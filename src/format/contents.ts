import type { TensorDtype } from './tensors/half.ts';

/** What JSON can hold at the top of a file. */
export type JsonObject = Readonly<Record<string, unknown>>;

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
  /** What the source stores: the dtype, or the name of a quantised type, e.g. `Q8_0`. */
  readonly storedAs: string;
  /** The elements, row-major and little-endian, in pieces of a few MB; one is valid until the next but one. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A model in a foreign format, checked and translated; nothing but its headers has been read. */
export interface Checkpoint {
  /** What the source is. */
  readonly format: 'torch' | 'gguf';
  /** E.g. `T6`, `LlamaForCausalLM`. */
  readonly family: string;
  /** config.json, as it will be written. */
  readonly config: JsonObject;
  /** The weights, none of them read yet. */
  readonly tensors: readonly CheckpointTensor[];
  /** tokenizer.json, where the source holds one or enough to rebuild it. */
  readonly tokenizer?: JsonObject;
  /** tokenizer_config.json. */
  readonly tokenizerConfig?: JsonObject;
  /** generation_config.json. */
  readonly generationConfig?: JsonObject;
  /** What was left out or could not be translated, one sentence each. */
  readonly notes: readonly string[];
  /** Releases the files; idempotent. */
  close(): Promise<void>;
}

/** A {@link Checkpoint} whose files someone else closes. */
export type CheckpointContents = Omit<Checkpoint, 'close'>;
