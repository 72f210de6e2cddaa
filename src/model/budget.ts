import { cacheNumbersPerToken, linearStateNumbers } from '../attention/spec.ts';
import { TpaError } from '../base/errors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { fixedOverhead } from '../weights/fixed.ts';
import { latentOverhead } from '../weights/latent.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import { bytesOf } from '../layout/numbers.ts';
import { PAGE_TOKENS } from '../layout/pages.ts';
import { parameterCount } from '../weights/tensors.ts';
import { tablePositions } from './workspace.ts';

/** States of linear attention that a layer holds within a step: the one before, the present, the next. */
const STATES = 3;

/** Bytes that a model and one of its sessions need at least, all layers. */
export interface MemoryNeeds {
  /** The weights, and what some are stored as besides: fixed factors once a lane, latent panels. */
  readonly weightBytes: number;
  /** Cosines and sines of all positions, where keys are rotated at attention time. */
  readonly tableBytes: number;
  readonly cacheBytesPerToken: number;
  /** One state of linear attention; 0 for a cache that grows. */
  readonly stateBytes: number;
}

/** What a model of this configuration needs. Nothing is allocated. */
export function memoryNeeds(config: ModelConfig): MemoryNeeds {
  const { layers, rotaryDim } = config;
  const spec = attentionSpec(config);
  const overhead = layers * (fixedOverhead(config) + latentOverhead(config));
  return {
    weightBytes: bytesOf(parameterCount(config) + overhead),
    tableBytes: bytesOf(tablePositions(config) * rotaryDim),
    cacheBytesPerToken: bytesOf(layers * cacheNumbersPerToken(spec)),
    stateBytes: bytesOf(layers * linearStateNumbers(spec)),
  };
}

/**
 * Refuses a model that cannot fit with one session of its whole context, before anything is read.
 * Activations are not counted: `OUT_OF_MEMORY` tells of them.
 *
 * @throws TpaError `RESOURCE_LIMIT` with data `{ needed, limit }`
 */
export function checkBudget(config: ModelConfig, limitBytes: number): void {
  const { contextLength } = config;
  const { weightBytes, tableBytes, cacheBytesPerToken, stateBytes } = memoryNeeds(config);
  // BigInt: at the caps of the configuration the products pass 2^53
  const context =
    BigInt(contextLength) * BigInt(cacheBytesPerToken) +
    BigInt(Math.min(STATES, contextLength)) * BigInt(stateBytes) +
    BigInt(tableBytes);
  const needed = BigInt(weightBytes) + context;
  if (needed <= limitBytes) return;
  const message =
    `model expected to fit ${limitBytes} bytes, needs ${needed}: ${weightBytes} for weights and ` +
    `${context} for a context of ${contextLength} tokens; ${cureFor(config, limitBytes)}`;
  throw new TpaError('RESOURCE_LIMIT', message, {
    data: { needed: Number(needed), limit: limitBytes },
  });
}

/** What to change, so that the model fits. */
function cureFor(config: ModelConfig, limitBytes: number): string {
  const { weightBytes, tableBytes, cacheBytesPerToken, stateBytes } = memoryNeeds(config);
  const tableRow = tableBytes > 0 ? bytesOf(config.rotaryDim) : 0;
  // tables are whole pages: at most one more than asked for
  const fixed = weightBytes + STATES * stateBytes + PAGE_TOKENS * tableRow;
  const room = Math.floor((limitBytes - fixed) / (cacheBytesPerToken + tableRow));
  const isContextToBlame = room >= 1 && room < config.contextLength;
  return isContextToBlame
    ? `load it with a "contextLength" of at most ${room}`
    : 'load it with a larger "memoryLimit"';
}
