import type { MemoryInfo, ModelConfig, ModelInfo } from '../../index.ts';
import { count, decimals, type Row } from './table.ts';

/** Whether a model fits with a session of its whole context. */
export interface Fit {
  readonly fits: boolean;
  /** Tokens of context that fit; 0 where the weights alone do not. */
  readonly context: number;
  /** Bytes of the weights, of what is computed in, and of a session that is full. */
  readonly neededBytes: number;
  /** Bytes that the model may take. */
  readonly limitBytes: number;
  /** Bytes that the machine has for it, those included that it has taken. */
  readonly machineBytes: number;
}

/** States of linear attention that a session holds while it computes. */
const STATES = 3;

/**
 * Adds up what a loaded model takes and what a full session will.
 *
 * @param availableBytes what the machine has left
 */
export function describeFit(
  { contextLength }: Pick<ModelConfig, 'contextLength'>,
  { cacheBytesPerToken, stateBytes }: Pick<ModelInfo, 'cacheBytesPerToken' | 'stateBytes'>,
  { used, limit }: MemoryInfo,
  availableBytes: number,
): Fit {
  const machineBytes = availableBytes + used;
  const fixed = used + STATES * stateBytes;
  const neededBytes = fixed + contextLength * cacheBytesPerToken;
  const room = Math.min(limit, machineBytes) - fixed;
  // Not 0 / 0, where a state of constant size fits to the byte.
  const most = cacheBytesPerToken === 0 ? contextLength : Math.floor(room / cacheBytesPerToken);
  const context = room < 0 ? 0 : Math.min(contextLength, most);
  return {
    fits: context === contextLength,
    context,
    neededBytes,
    limitBytes: limit,
    machineBytes,
  };
}

/** The answer as lines of a table. */
export function fitRows(
  { fits, context, neededBytes, limitBytes, machineBytes }: Fit,
  { contextLength }: Pick<ModelConfig, 'contextLength'>,
): Row[] {
  const whole = `its whole context of ${count(contextLength)} tokens`;
  const less = context === 0 ? 'nor with less' : `but with --context ${context}`;
  return [
    ['fits', fits ? `yes, with ${whole}` : `no, not with ${whole}, ${less}`],
    [
      'needs',
      `${mega(neededBytes)} with that; ${mega(limitBytes)} are allowed, this machine has ${mega(machineBytes)} free`,
    ],
  ];
}

function mega(bytes: number): string {
  return `${decimals(bytes / 1e6)} MB`;
}
