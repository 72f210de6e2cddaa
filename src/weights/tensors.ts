import { tensorMismatch } from '../format/errors.ts';
import { isReadable, READABLE } from '../format/tensors/tensors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { TensorEntry } from '../format/tensors/safetensors.ts';
import { countNumbers, type ExpectedTensor, layerTensors, listTensors } from './layer-tensors.ts';

/** The output projection, where it is not the embedding or is stored a second time. */
export const HEAD = 'lm_head.weight';
/**
 * Parameters of a layer, buffers aside. One that this configuration does not use is no harmless
 * extra: the model was trained with it.
 */
const LAYER_PARAMETER = new RegExp(
  String.raw`^(?:transformer\.h|model\.layers)\.\d+\.(?:` +
    String.raw`attn\.(?:c_qkv\.(?:W_[ABC]_(?:[qkv]|kv)|[AB]_[qkv]|c_q)|c_[qkv]|c_proj|subln)|` +
    String.raw`attn\.(?:q_[ab]_proj|kv_a_proj_with_mqa|kv_b_proj|q_a_layernorm|kv_a_layernorm)|` +
    String.raw`self_attn\.(?:[qkvo]_proj|[qk]_norm)|input_layernorm|post_attention_layernorm|` +
    String.raw`mlp\.(?:c_fc1|c_fc2|c_proj|gate_proj|up_proj|down_proj))(?:\.weight|\.bias)?$`,
);

/**
 * Every tensor of the model by its name in the file, embedding first. An output projection that
 * is the embedding again is not listed.
 *
 * @example
 * expectedTensors(model.config)[0]; // { name: 'transformer.wte.weight', shape: [512, 192] }
 */
export function expectedTensors(config: ModelConfig): readonly ExpectedTensor[] {
  return [...eachTensor(config)];
}

/** One by one: a config of 16,384 layers is refused at the first one that the file lacks. */
function* eachTensor(config: ModelConfig): Generator<ExpectedTensor> {
  const { embedding, finalNorm, head } = outerTensors(config);
  yield embedding;
  for (let layer = 0; layer < config.layers; layer++)
    yield* listTensors(layerTensors(config, layer));
  if (finalNorm) yield finalNorm;
  if (head) yield head;
}

/** The tensors before the first layer and after the last. */
export function outerTensors(config: ModelConfig): {
  readonly embedding: ExpectedTensor;
  /** (dim) */
  readonly finalNorm?: ExpectedTensor;
  /** (vocabSize, dim), unless it is the embedding */
  readonly head?: ExpectedTensor;
} {
  const { vocabSize, dim, layout, hasNormWeights, isTied } = config;
  const shape = [vocabSize, dim];
  const name = layout === 'llama' ? 'model.embed_tokens.weight' : 'transformer.wte.weight';
  return {
    embedding: { name, shape },
    ...(hasNormWeights ? { finalNorm: { name: 'model.norm.weight', shape: [dim] } } : {}),
    ...(isTied ? {} : { head: { name: HEAD, shape } }),
  };
}

/** Numbers in all weights together, a tied embedding counted once. */
export function parameterCount(config: ModelConfig): number {
  const perLayer = sumCounts(listTensors(layerTensors(config, 0)));
  return sumCounts(Object.values(outerTensors(config))) + config.layers * perLayer;
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
  const used = new Set([HEAD]);
  for (const tensor of eachTensor(config)) {
    checkTensor(tensor, entries.get(tensor.name));
    used.add(tensor.name);
  }
  const head = entries.get(HEAD);
  if (head) checkTensor({ name: HEAD, shape: outerTensors(config).embedding.shape }, head);

  const extras = [...entries.keys()].filter((name) => !used.has(name));
  const unused = extras.find((name) => LAYER_PARAMETER.test(name));
  if (unused !== undefined) throw tensorMismatch(unused, 'no such tensor', 'one');
  return { extras };
}

function sumCounts(tensors: readonly ExpectedTensor[]): number {
  return tensors.reduce((total, tensor) => total + countNumbers(tensor), 0);
}

function checkTensor({ name, shape }: ExpectedTensor, entry: TensorEntry | undefined): void {
  const expected = `[${shape.join(', ')}]`;
  if (!entry) throw tensorMismatch(name, expected, 'none');
  const isQuantised = entry.blockType !== undefined && shape.length > 1;
  if (!isQuantised && !isReadable(entry.dtype)) throw tensorMismatch(name, READABLE, entry.dtype);
  const found = `[${entry.shape.join(', ')}]`;
  if (found !== expected) throw tensorMismatch(name, expected, found);
}
