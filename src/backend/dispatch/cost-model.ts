import type { Side } from '../backend.ts';
import type { PhaseRoute, Routes } from './routes.ts';

/** What was measured of one side: milliseconds a step, until its factors are in the CPU's cache. */
export interface SideFigures {
  /** Tokens of the steps called chunk. */
  readonly chunkTokens: number;
  /** Tokens cached before the steps called short, and long. */
  readonly shortContext: number;
  /** Tokens cached before the steps called long. */
  readonly longContext: number;
  /** A step of one token, short. */
  readonly tokenShortMs: number;
  /** A step of one token, long. */
  readonly tokenLongMs: number;
  /** A step of `chunkTokens`, short. */
  readonly chunkShortMs: number;
  /** A step of `chunkTokens`, long. */
  readonly chunkLongMs: number;
}

/** Both sides, and what it costs to bring the GPU up to date. */
export interface Figures {
  /** The CPU. */
  readonly wasm: SideFigures;
  /** The GPU. */
  readonly webgpu: SideFigures;
  /** Milliseconds to copy the factors of one token from the CPU's cache to the GPU. */
  readonly syncTokenMs: number;
}

/**
 * Steps over which a copy is paid back: a copy is made once, and a session that generates a token
 * mostly generates more. 32 tokens are a sentence or two.
 */
const HORIZON = 32;

/**
 * Milliseconds of a step, bilinear in tokens and context through the four points measured. Noise is
 * kept from making a longer step cheaper: no slope is below 0.
 *
 * @param tokens at least 1
 * @param context tokens cached before; fewer than `shortContext` cost as much as `shortContext`
 */
export function stepTime(figures: SideFigures, tokens: number, context: number): number {
  const { chunkTokens, shortContext, longContext } = figures;
  const { tokenShortMs, tokenLongMs, chunkShortMs, chunkLongMs } = figures;
  const width = chunkTokens - 1;
  const depth = longContext - shortContext;
  const perToken = slope(chunkShortMs - tokenShortMs, width);
  const perContext = slope(tokenLongMs - tokenShortMs, depth);
  const perPair = slope(chunkLongMs - chunkShortMs - (tokenLongMs - tokenShortMs), width * depth);
  const more = tokens - 1;
  const deeper = Math.max(0, context - shortContext);
  return tokenShortMs + perToken * more + (perContext + perPair * more) * deeper;
}

/**
 * Who is to compute a step; the CPU if both are as fast.
 *
 * @param missing tokens of the context that the GPU has no copy of
 */
export function route(figures: Figures, tokens: number, context: number, missing: number): Side {
  const copy = (missing * Math.max(0, figures.syncTokenMs)) / HORIZON;
  const gpu = stepTime(figures.webgpu, tokens, context) + copy;
  return gpu < stepTime(figures.wasm, tokens, context) ? 'webgpu' : 'wasm';
}

/**
 * Where each phase changes sides. Both costs are linear, so there is at most one crossing.
 *
 * @param limits longest call and longest context
 */
export function routesOf(
  figures: Figures,
  limits: { readonly tokens: number; readonly context: number },
): Routes {
  return {
    prefill: phaseRoute(1, limits.tokens, (tokens) => route(figures, tokens, 0, 0)),
    decode: phaseRoute(0, limits.context - 1, (context) => route(figures, 1, context, 0)),
  };
}

function phaseRoute(first: number, last: number, sideAt: (size: number) => Side): PhaseRoute {
  const backend = sideAt(first);
  if (last <= first || sideAt(last) === backend) return { backend, switchesAt: null };
  let [same, other] = [first, last];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (sideAt(middle) === backend) same = middle;
    else other = middle;
  }
  return { backend, switchesAt: other };
}

function slope(rise: number, run: number): number {
  return run > 0 ? Math.max(0, rise / run) : 0;
}
