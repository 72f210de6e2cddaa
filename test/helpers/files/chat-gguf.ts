import { buildGguf, type GgufParts } from './build-gguf.ts';
import type { byteLevelMetadata } from './gguf-vocabulary.ts';
import { llamaGguf } from './llama-gguf.ts';
import { llamaVariant } from '../models/llama-model.ts';
import { createRandom } from '../checks/random.ts';

const VOCAB_SIZE = 300;

/** A small random LLaMA that converses, with an embedding of 300 tokens. */
export function chatGgufParts(vocabulary: ReturnType<typeof byteLevelMetadata>): GgufParts {
  const { config, build } = llamaVariant('llama-gqa');
  const dim = config['hidden_size'] as number;
  const values = createRandom(3).normal(VOCAB_SIZE * dim, 0.02);
  const larger = new Map(build().tensors);
  larger.set('model.embed_tokens.weight', { shape: [VOCAB_SIZE, dim], values });
  const { parts } = llamaGguf({ ...config, vocab_size: VOCAB_SIZE }, larger, 'F32');
  return { ...parts, metadata: [...parts.metadata, ...vocabulary] };
}

/** {@link chatGgufParts} as a file. */
export function chatGguf(vocabulary: ReturnType<typeof byteLevelMetadata>): Uint8Array {
  return buildGguf(chatGgufParts(vocabulary));
}
