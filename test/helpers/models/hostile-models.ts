import type { ModelBytes, TpaErrorCode } from '../../../src/index.ts';
import { buildSafetensors, withHeader, type TensorData } from '../files/build-safetensors.ts';
import { bytesOf } from '../files/bytes.ts';
import { loadGolden } from '../checks/golden.ts';
import { CANARY } from '../checks/refused.ts';
import { goldenWeights } from './t6-model.ts';

/** The files of a model directory by name, and what loading them must be refused with. */
export interface HostileModel {
  /** The row of the threat list, and what is wrong. */
  readonly label: string;
  readonly codes: TpaErrorCode | readonly TpaErrorCode[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

type Header = Record<string, { dtype: unknown; shape: unknown; data_offsets: unknown }>;
type Json = Record<string, unknown>;

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const NORM = 'transformer.h.0.attn.c_proj.weight';
const EMBEDDING = 'transformer.wte.weight';

const golden = loadGolden('model_t6');
const tensors = goldenWeights(golden);
const file = buildSafetensors(tensors);
const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
const data = file.subarray(headerEnd);

/** A good config.json. */
export const GOOD_CONFIG: Json = { ...golden.meta.config, rope_precision: 'float32' };

/** The good model that all others are made from. */
export const GOOD_FILES: ReadonlyMap<string, Uint8Array> = new Map([
  ['config.json', encode(GOOD_CONFIG)],
  [WEIGHTS, file],
]);

/** The files as `loadModel` takes them in memory; undefined where it could not be told them. */
export function asBytes(files: ReadonlyMap<string, Uint8Array>): ModelBytes | undefined {
  const config = files.get('config.json');
  if (config === undefined) return undefined;
  const tokenizer = files.get('tokenizer.json');
  return { config, weights: files, ...(tokenizer && { tokenizer }) };
}

/** A representative of each row W1 to W10, C1 and C2, and of missing and unreadable files. */
export function hostileModels(): HostileModel[] {
  return [
    ...weights('W1 header of 0 bytes', 'WEIGHTS_HEADER_SIZE', prefixed(0n)),
    ...weights('W1 header of 2^31 bytes', sizes, prefixed(2n ** 31n)),
    ...weights('W1 header of 2^64 - 1 bytes', sizes, prefixed(2n ** 64n - 1n)),
    ...weights('W2 empty file', 'WEIGHTS_TRUNCATED', new Uint8Array()),
    ...weights('W2 cut within the prefix', 'WEIGHTS_TRUNCATED', file.slice(0, 5)),
    ...weights('W2 cut within the header', 'WEIGHTS_TRUNCATED', file.slice(0, 100)),
    ...weights('W2 cut within the data', 'WEIGHTS_TRUNCATED', file.slice(0, -4)),
    ...weights('W3 bytes after the data', 'WEIGHTS_OFFSETS', bytesOf(file, CANARY)),
    ...header('W3 overlap', 'WEIGHTS_OFFSETS', (h) => (h[NORM]!.data_offsets = [0, 48 * 80 * 4])),
    ...header('W3 negative', 'WEIGHTS_OFFSETS', (h) => (h[NORM]!.data_offsets = [-4, 0])),
    ...header('W3 string', 'WEIGHTS_OFFSETS', (h) => (h[NORM]!.data_offsets = [CANARY, 0])),
    ...headerText('W5 duplicate', 'WEIGHTS_DUPLICATE_NAME', (t) => t.replace('.h.1.', '.h.0.')),
    ...headerText('W5 __proto__', 'WEIGHTS_NAME', (t) => t.replace(EMBEDDING, '__proto__')),
    ...headerText('W5 a name of 2,000', 'WEIGHTS_NAME', (t) => t.replace(EMBEDDING, long)),
    ...header('W6 wrapping shape', 'WEIGHTS_SHAPE', (h) => (h[NORM]!.shape = [2 ** 32, 2 ** 32])),
    ...header('W6 unknown dtype', 'WEIGHTS_SHAPE', (h) => (h[NORM]!.dtype = CANARY)),
    ...built('W7 transposed', 'MODEL_MISMATCH', NORM, (t) => ({ ...t, shape: [80, 48] })),
    ...built('W7 missing', 'MODEL_MISMATCH', NORM, () => undefined),
    ...built('W7 renamed', 'MODEL_MISMATCH', NORM, (t) => ({ ...t, name: CANARY })),
    ...header('W7 integers', 'MODEL_MISMATCH', (h) => (h[NORM]!.dtype = 'I32')),
    ...built('W8 NaN', 'WEIGHTS_NONFINITE', NORM, (t) => poisoned(t, NaN)),
    ...built('W8 Infinity', 'WEIGHTS_NONFINITE', EMBEDDING, (t) => poisoned(t, -Infinity)),
    ...built('W8 BF16 NaN', 'WEIGHTS_NONFINITE', NORM, (t) => ({
      ...poisoned(t, NaN),
      dtype: 'BF16',
    })),
    ...headerText('W9 no JSON', 'WEIGHTS_HEADER_JSON', () => CANARY),
    ...headerText('W9 deep', 'WEIGHTS_HEADER_JSON', () => '{"a":'.repeat(1e6)),
    ...weights('W9 invalid UTF-8', 'WEIGHTS_HEADER_JSON', withHeader(Uint8Array.of(123, 255))),
    ...sharded('W10 missing shard', 'MODEL_NOT_FOUND', 'other.safetensors'),
    ...sharded('W10 path of a shard', 'PATH_ESCAPE', `../${CANARY}.safetensors`),
    ...sharded('W10 absolute shard', 'PATH_ESCAPE', `/${CANARY}.safetensors`),
    ...sharded('W10 address of a shard', 'PATH_ESCAPE', `http://h/${CANARY}.safetensors`),
    ...sharded('W10 escaped path of a shard', 'PATH_ESCAPE', `%2e%2e%2f${CANARY}.safetensors`),
    ...configured('C1 heads 0', 'CONFIG_INVALID', { n_head: 0 }),
    ...configured('C1 heads as text', 'CONFIG_INVALID', { n_head: CANARY }),
    ...configured('C1 rank above headDim', 'CONFIG_INVALID', { rank: 17 }),
    ...configured('C1 layers 1e9', 'CONFIG_INVALID', { n_layer: 1e9 }),
    ...configured('C1 rope_theta null object', 'CONFIG_INVALID', { rope_theta: {} }),
    ...configured('C1 vocabulary of another size', 'MODEL_MISMATCH', { vocab_size: 98 }),
    ...configured('C1 more layers than tensors', 'MODEL_MISMATCH', { n_layer: 3 }),
    ...configured('C1 fewer layers than tensors', 'MODEL_MISMATCH', { n_layer: 1 }),
    ...configured('C2 16,384 layers', ['RESOURCE_LIMIT', 'MODEL_MISMATCH'], { n_layer: 16_384 }),
    ...configured('C2 a context that needs 11 GB', 'RESOURCE_LIMIT', { block_size: 2 ** 24 }),
    ...configured('attention of another name than the tensors', 'MODEL_MISMATCH', {
      attention: 'mla',
    }),
    ...configured('another family', 'MODEL_UNSUPPORTED', { model_type: 'gemma3' }),
    ...configured('scaled RoPE', 'MODEL_UNSUPPORTED', { rope_scaling: { type: CANARY } }),
    ...replaced('config.json that is no JSON', 'CONFIG_INVALID', 'config.json', `{"${CANARY}"`),
    ...replaced('config.json that is an array', 'CONFIG_INVALID', 'config.json', '[]'),
    ...replaced('empty config.json', 'CONFIG_INVALID', 'config.json', ''),
    ...replaced('config.json of 2 MB', 'RESOURCE_LIMIT', 'config.json', ' '.repeat(2 ** 21)),
    ...replaced('no config.json', 'MODEL_NOT_FOUND', 'config.json', undefined),
    ...replaced('no weights', 'MODEL_NOT_FOUND', WEIGHTS, undefined),
    ...tokenized('tokenizer.json that is no JSON', CANARY),
    ...tokenized('tokenizer.json in latin1', Uint8Array.of(0x7b, 0xe9, 0x7d)),
    ...tokenized('tokenizer.json 4 million levels deep', '['.repeat(4e6)),
    ...tokenized('tokenizer.json of another type', { model: { type: 'Unigram' } }),
    ...tokenized('an id of the tokenizer beyond vocab_size', bpe({ vocab: { [CANARY]: 97 } })),
    ...tokenized('a broken pattern', {
      ...bpe({}),
      pre_tokenizer: { type: 'Split', pattern: { Regex: `${CANARY}(` }, behavior: 'Isolated' },
    }),
    ...tokenized('an unknown normalizer', { ...bpe({}), normalizer: { type: 'Precompiled' } }),
  ];
}

const sizes = ['WEIGHTS_HEADER_SIZE', 'WEIGHTS_TRUNCATED'] as const;
const long = 'x'.repeat(2000);

/** A tokenizer.json of byte-pair encoding. */
export function bpe(model: Json): Json {
  return { model: { type: 'BPE', vocab: { a: 0 }, unk_token: 'a', merges: [], ...model } };
}

type Codes = HostileModel['codes'];

function replaced(
  label: string,
  codes: Codes,
  name: string,
  content: Uint8Array | string | undefined,
): HostileModel[] {
  const files = new Map(GOOD_FILES);
  if (content === undefined) files.delete(name);
  else files.set(name, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  return [{ label, codes, files }];
}

function weights(label: string, codes: Codes, bytes: Uint8Array): HostileModel[] {
  return replaced(label, codes, WEIGHTS, bytes);
}

function header(label: string, codes: Codes, change: (header: Header) => void): HostileModel[] {
  return headerText(label, codes, (text) => {
    const json = JSON.parse(text) as Header;
    change(json);
    return JSON.stringify(json);
  });
}

function headerText(label: string, codes: Codes, change: (text: string) => string): HostileModel[] {
  const text = new TextDecoder().decode(file.subarray(8, headerEnd));
  return weights(label, codes, withHeader(change(text), data));
}

function built(
  label: string,
  codes: Codes,
  name: string,
  change: (tensor: TensorData) => TensorData | undefined,
): HostileModel[] {
  const changed = tensors.flatMap((t) => (t.name === name ? (change(t) ?? []) : t));
  return weights(label, codes, buildSafetensors(changed));
}

function sharded(label: string, codes: Codes, shard: string): HostileModel[] {
  const index = encode({
    weight_map: Object.fromEntries(tensors.map(({ name }) => [name, shard])),
  });
  const [model] = replaced(label, codes, WEIGHTS, undefined);
  return [{ ...model!, files: new Map([...model!.files, [INDEX, index]]) }];
}

function configured(label: string, codes: Codes, changes: Json): HostileModel[] {
  return replaced(label, codes, 'config.json', encode({ ...GOOD_CONFIG, ...changes }));
}

function tokenized(label: string, content: Uint8Array | string | Json): HostileModel[] {
  const isPlain = typeof content === 'string' || content instanceof Uint8Array;
  return replaced(
    label,
    'TOKENIZER_INVALID',
    'tokenizer.json',
    isPlain ? content : encode(content),
  );
}

function poisoned(tensor: TensorData, value: number): TensorData {
  const values = Float32Array.from(tensor.data);
  values[7] = value;
  return { ...tensor, data: values };
}

function prefixed(length: bigint): Uint8Array {
  const bytes = file.slice();
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
}

function encode(json: unknown): Uint8Array {
  return bytesOf(JSON.stringify(json));
}
