import type { Side } from '../backend.ts';

/** Who computes the steps of one phase. */
export interface PhaseRoute {
  /** Who computes the smallest: a call of one token, or a token at an empty context. */
  readonly backend: Side;
  /**
   * The other side computes from here on: prefill in tokens of a call at an empty context, decode
   * in tokens of context. null: nowhere.
   */
  readonly switchesAt: number | null;
}

/** The decision, phase by phase. */
export interface Routes {
  /** Prompts. */
  readonly prefill: PhaseRoute;
  /** Tokens one by one. */
  readonly decode: PhaseRoute;
}

/** Routes where one side does everything. */
export function onlyRoutes(backend: Side): Routes {
  const always: PhaseRoute = { backend, switchesAt: null };
  return { prefill: always, decode: always };
}
