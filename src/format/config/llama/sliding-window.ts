import { LIMITS } from '../limits.ts';
import type { LlamaFamily } from '../family.ts';
import type { Fields } from '../fields.ts';
import type { ModelConfig } from '../model-config.ts';

type Window = ModelConfig['slidingWindow'];

/** What transformers takes where the key is left out; one that is off says that there is no window. */
const DEFAULT_WINDOW = 4096;
const DEFAULT_FULL_LAYERS = 28;

/**
 * The sliding window of a family, undefined for none: all layers of Mistral, those from
 * `max_window_layers` on of Qwen, no layer of LLaMA. `layer_types` may say it layer by layer.
 *
 * @throws TpaError `CONFIG_INVALID`; `MODEL_UNSUPPORTED` where windows come in another order than
 *   full layers first
 */
export function readSlidingWindow(fields: Fields, family: LlamaFamily, layers: number): Window {
  const size = readSize(fields, family);
  const found = readFirstSlidingLayer(fields, layers);
  if (size === undefined) {
    if (found === undefined || found === layers) return undefined;
    throw fields.unsupported('layer_types', 'full_attention', 'sliding_attention');
  }
  // Transformers' Mistral windows all its layers whatever this says.
  if (family === 'mistral' && found !== undefined && found > 0) {
    throw fields.unsupported('layer_types', 'sliding_attention', 'full_attention');
  }
  const firstLayer = found ?? readMaxFullLayers(fields, family);
  return firstLayer < layers ? { size, firstLayer } : undefined;
}

/** Tokens of the window, undefined for none. */
function readSize(fields: Fields, family: LlamaFamily): number | undefined {
  if (family === 'llama') return undefined;
  const key = 'sliding_window';
  const isUsed = family === 'mistral' || fields.boolean('use_sliding_window');
  // An object is no window, and not off, were it empty.
  const isStatedOff = fields.has(key) && typeof fields.get(key) !== 'object' && fields.isOff(key);
  if (!isUsed || isStatedOff) return undefined;
  return fields.integer(key, 1, LIMITS.context, DEFAULT_WINDOW);
}

function readMaxFullLayers(fields: Fields, family: LlamaFamily): number {
  if (family === 'mistral') return 0;
  return fields.integer('max_window_layers', 0, LIMITS.layers, DEFAULT_FULL_LAYERS);
}

/** The first sliding layer by `layer_types`, `layers` for none; undefined where it is not set. */
function readFirstSlidingLayer(fields: Fields, layers: number): number | undefined {
  const types = fields.get('layer_types');
  if (types === undefined) return undefined;
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.invalid('layer_types', `an array of ${layers}`, types);
  }
  const isSliding = Array.from(types, (type: unknown) => {
    if (type === 'sliding_attention' || type === 'full_attention') {
      return type === 'sliding_attention';
    }
    if (typeof type !== 'string') throw fields.invalid('layer_types', 'strings', type);
    throw fields.unsupported('layer_types', 'full_attention or sliding_attention', type);
  });
  const first = isSliding.indexOf(true);
  if (first < 0) return layers;
  if (isSliding.indexOf(false, first) >= 0) {
    const found = 'full_attention after sliding_attention';
    throw fields.unsupported('layer_types', 'full_attention first', found);
  }
  return first;
}
