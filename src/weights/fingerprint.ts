import type { Compute } from '../compute/compute.ts';
import { Hash, HASH_BYTES } from '../compute/hash.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf } from '../layout/numbers.ts';
import { type ExpectedTensor, layerTensors, tensorParts } from './layer-tensors.ts';
import { outerTensors } from './tensors.ts';

/** What a tensor was when it was read. */
export interface TensorIdentity {
  /** What its numbers are computed with as, whatever the file stores; `blocks` of codes are one kind. */
  readonly dtype: string;
  /** The hash of its numbers as float32, row-major, or of its blocks (layout/blocks.ts). */
  readonly hash: string;
}

/**
 * Whether a field changes what is computed, every field of the configuration in the order in which
 * they are hashed. Biases, weights of norms and a tied output show in the tensors; `layout` and
 * `mechanism` are names of what other fields say; the rest ends or limits a generation.
 */
const CHANGES_ARITHMETIC: Readonly<Record<keyof ModelConfig, boolean>> = {
  layers: true,
  heads: true,
  kvHeads: true,
  headDim: true,
  dim: true,
  hiddenDim: true,
  vocabSize: true,
  rankQ: true,
  rankK: true,
  rankV: true,
  headFactors: true,
  featureFactors: true,
  outerDim: true,
  latent: true,
  isLinear: true,
  usesSigmoid: true,
  slidingWindow: true,
  rotaryDim: true,
  ropeTheta: true,
  ropePrecision: true,
  ropeDirection: true,
  ropeDecay: true,
  ropeScaling: true,
  normEps: true,
  usesGroupNorm: true,
  usesQueryKeyNorm: true,
  hasNormWeights: false,
  hasQkvBias: false,
  hasOutputBias: false,
  hasMlpBias: false,
  isTied: false,
  layout: false,
  mechanism: false,
  contextLength: false,
  eosTokenIds: false,
  ignoredKeys: false,
};

/** Words of text that are hashed at once, 16 KB. */
const SCRATCH_WORDS = 1 << 12;

/**
 * An identity of what a model computes with: its configuration, and the dtype and the numbers of
 * each tensor by the part it plays. One file, shards and a converted GGUF of the same numbers give
 * the same, whatever the names, order and dtypes in the files.
 *
 * The numbers hashed are those that are read, widened to float32, and of a quantised weight its
 * blocks, whatever layout holds them. They and the dtype determine what is packed, which holds padding
 * and copies besides. An output projection that is the embedding
 * again gives the same whether it is stored or not, tied or not. 0 and -0 are different numbers.
 *
 * @param tensors by their names in the files
 * @returns 32 hexadecimal digits
 * @throws TpaError `OUT_OF_MEMORY`, `KERNEL_TRAP`
 */
export function fingerprintOf(
  compute: Compute,
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorIdentity>,
): string {
  const { heap } = compute;
  const words = wordsOf([...describe(config, tensors)].join('\n'));
  const memory = heap.allocate(HASH_BYTES + bytesOf(SCRATCH_WORDS));
  const scratch = memory + HASH_BYTES;
  const hash = new Hash(compute, memory);
  try {
    for (let at = 0; at < words.length; at += SCRATCH_WORDS) {
      const part = words.subarray(at, at + SCRATCH_WORDS);
      heap.words(scratch, part.length).set(part);
      compute.run(() => hash.add(scratch, part.length));
    }
    return compute.run(() => hash.end());
  } finally {
    heap.release(memory);
  }
}

/** What is computed with, in lines: fields in the order above, tensors by layer and part. */
function* describe(
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorIdentity>,
): Generator<string> {
  // kernels take eps as a float32
  const values: ModelConfig = { ...config, normEps: Math.fround(config.normEps) };
  for (const [name, changes] of Object.entries(CHANGES_ARITHMETIC)) {
    if (changes) yield `${name} ${canonical(values[name as keyof ModelConfig])}`;
  }
  const line = (part: string, { name, shape }: ExpectedTensor) => {
    const { dtype, hash } = tensors.get(name)!;
    return `${part} ${dtype} ${shape.join('x')} ${hash}`;
  };
  const { embedding, finalNorm, head = embedding } = outerTensors(config);
  yield line('embedding', embedding);
  for (let layer = 0; layer < config.layers; layer++) {
    const parts = [...tensorParts(layerTensors(config, layer))];
    yield* parts.map(([part, tensor]) => line(`${layer}.${part}`, tensor)).toSorted();
  }
  if (finalNorm) yield line('finalNorm', finalNorm);
  yield line('head', head);
}

/** JSON with the keys of an object in alphabetical order. */
function canonical(value: unknown): string {
  const isObject = typeof value === 'object' && value !== null;
  return JSON.stringify(value, isObject ? Object.keys(value).toSorted() : null) ?? 'none';
}

/** Text as UTF-8, filled up with zeros. */
function wordsOf(text: string): Uint32Array {
  const bytes = new TextEncoder().encode(text);
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
