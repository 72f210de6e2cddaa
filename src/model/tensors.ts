import { TpaError } from '../errors.ts';
import { printable } from '../format/printable.ts';
import { isReadable } from '../format/tensors.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { TensorEntry } from '../format/safetensors.ts';

/** A weight the model needs. */
export interface ExpectedTensor {
  readonly name: string;
  /** (rows, columns), or (length). */
  readonly shape: readonly number[];
}

/** The embedding, which is the output projection too. */
export const EMBEDDING = 'transformer.wte.weight';
/** The second name under which a file may hold the embedding. */
export const TIED_HEAD = 'lm_head.weight';
/** Everything computes in float32. */
const FLOAT_BYTES = 4;
/**
 * Parameters of the T6 layout. One that this configuration does not use is no harmless extra: the
 * model was trained with it.
 */
const LAYER_PARAMETER =
  /^transformer\.h\.\d+\.(?:attn\.(?:c_qkv\.(?:W_[AB]_[qkv]|c_q)|c_proj|subln)|mlp\.(?:c_fc1|c_fc2|c_proj))\.(?:weight|bias)$/;

/**
 * Every tensor of the model by its upstream name, embedding first. `lm_head.weight` is the
 * embedding again and not listed.
 *
 * @example
 * expectedTensors(config)[0]; // { name: 'transformer.wte.weight', shape: [2048, 192] }
 */
export function expectedTensors(config: ModelConfig): readonly ExpectedTensor[] {
  return [...eachTensor(config)];
}

/** One by one: a config of 16,384 layers is refused at the first one that the file lacks. */
function* eachTensor(config: ModelConfig): Generator<ExpectedTensor> {
  yield embedding(config);
  for (let layer = 0; layer < config.layers; layer++) yield* layerTensors(config, layer);
}

/** Numbers in all weights together, the tied embedding counted once. */
export function parameterCount(config: ModelConfig): number {
  const perLayer = layerTensors(config, 0).reduce((sum, tensor) => sum + count(tensor), 0);
  return count(embedding(config)) + config.layers * perLayer;
}

/**
 * Checks that a file holds the weights the configuration implies.
 *
 * @returns names of tensors that the model does not use
 * @throws TpaError `MODEL_MISMATCH` naming the tensor, what was expected and what was found
 */
export function checkTensors(
  config: ModelConfig,
  entries: ReadonlyMap<string, TensorEntry>,
): { extras: readonly string[] } {
  const used = new Set([TIED_HEAD]);
  for (const tensor of eachTensor(config)) {
    checkTensor(tensor, entries.get(tensor.name));
    used.add(tensor.name);
  }
  const head = entries.get(TIED_HEAD);
  if (head) checkTensor({ name: TIED_HEAD, shape: embedding(config).shape }, head);

  const extras = [...entries.keys()].filter((name) => !used.has(name));
  const unused = extras.find((name) => LAYER_PARAMETER.test(name));
  if (unused !== undefined) throw mismatch(unused, 'no such tensor', 'one');
  return { extras };
}

/**
 * Bytes of the float32 weights and of one cached token over all layers. Nothing is allocated.
 *
 * @throws TpaError `RESOURCE_LIMIT` with data `{ needed, limit }` where the weights and the
 *   cache of one full context exceed `limitBytes`
 */
export function checkBudget(
  config: ModelConfig,
  limitBytes: number,
): { weightBytes: number; cacheBytesPerToken: number } {
  const { layers, heads, headDim, rankK, rankV, contextLength } = config;
  const weightBytes = parameterCount(config) * FLOAT_BYTES;
  const cacheBytesPerToken = layers * (rankK + rankV) * (heads + headDim) * FLOAT_BYTES;
  // BigInt: at the caps of the configuration the sum passes 2^53.
  const needed = BigInt(weightBytes) + BigInt(contextLength) * BigInt(cacheBytesPerToken);
  if (!(needed <= limitBytes)) {
    const message = `model expected to fit ${limitBytes} bytes, needs ${needed} for weights and one context`;
    const data = { needed: Number(needed), limit: limitBytes };
    throw new TpaError('RESOURCE_LIMIT', message, { data });
  }
  return { weightBytes, cacheBytesPerToken };
}

function embedding({ vocabSize, dim }: ModelConfig): ExpectedTensor {
  return { name: EMBEDDING, shape: [vocabSize, dim] };
}

function layerTensors(config: ModelConfig, layer: number): readonly ExpectedTensor[] {
  const { heads, headDim, dim, hiddenDim, rankQ, rankK, rankV } = config;
  const shapes: [string, readonly number[]][] = [
    ['attn.c_qkv.W_A_k', [heads * rankK, dim]],
    ['attn.c_qkv.W_A_v', [heads * rankV, dim]],
    ['attn.c_qkv.W_B_k', [rankK * headDim, dim]],
    ['attn.c_qkv.W_B_v', [rankV * headDim, dim]],
    ['attn.c_proj', [dim, heads * headDim]],
    ['mlp.c_fc1', [hiddenDim, dim]],
    ['mlp.c_fc2', [hiddenDim, dim]],
    ['mlp.c_proj', [dim, hiddenDim]],
  ];
  if (config.mechanism === 'tpa') {
    shapes.push(['attn.c_qkv.W_A_q', [heads * rankQ, dim]]);
    shapes.push(['attn.c_qkv.W_B_q', [rankQ * headDim, dim]]);
  } else {
    shapes.push(['attn.c_qkv.c_q', [heads * headDim, dim]]);
  }
  if (config.usesGroupNorm) shapes.push(['attn.subln', [headDim]]);
  return shapes.map(([name, shape]) => ({ name: `transformer.h.${layer}.${name}.weight`, shape }));
}

function count({ shape }: ExpectedTensor): number {
  return shape.reduce((product, length) => product * length, 1);
}

function checkTensor({ name, shape }: ExpectedTensor, entry: TensorEntry | undefined): void {
  const expected = `[${shape.join(', ')}]`;
  if (!entry) throw mismatch(name, expected, 'none');
  if (!isReadable(entry.dtype)) throw mismatch(name, 'F32, F16 or BF16', entry.dtype);
  const found = `[${entry.shape.join(', ')}]`;
  if (found !== expected) throw mismatch(name, expected, found);
}

function mismatch(name: string, expected: string, found: string): TpaError {
  const tensor = printable(name);
  const message = `tensor "${tensor}" expected ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { tensor, expected, found } });
}
