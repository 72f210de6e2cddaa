/*
 * How a text longer than the context is scored: in windows that overlap, of which each scores what
 * none before it has, given what stands before that in the window.
 */

/** How a text is cut. */
export interface WindowPlan {
  /** Tokens of the text. */
  readonly tokens: number;
  /** Tokens of the text in one window: the context without {@link startTokens}. */
  readonly windowTokens: number;
  /** Tokens from one window to the next, at most `windowTokens`. */
  readonly stride: number;
  /** Tokens that every window begins with, such as BOS. */
  readonly startTokens: number;
}

/** Tokens first … end of the text, of which scored … end are scored. */
export interface Window {
  readonly first: number;
  readonly end: number;
  readonly scored: number;
}

/** How many windows a text has: the last one is the first to reach its end. */
export function countWindows({ tokens, windowTokens, stride }: WindowPlan): number {
  return 1 + Math.ceil(Math.max(0, tokens - windowTokens) / stride);
}

/**
 * Window `index`, which begins `index` strides into the text. The first one scores all of its tokens,
 * the others those after the end of the one before. Without tokens that it begins with, a window has
 * nothing to score its first token by.
 */
export function windowAt(plan: WindowPlan, index: number): Window {
  const { tokens, windowTokens, stride, startTokens } = plan;
  const first = index * stride;
  const end = Math.min(first + windowTokens, tokens);
  const seen = index === 0 ? 0 : first - stride + windowTokens;
  const scored = startTokens > 0 ? seen : Math.max(seen, first + 1);
  return { first, end, scored: Math.min(scored, end) };
}

/** Tokens that the first `windows` windows score. */
export function countScored(plan: WindowPlan, windows: number): number {
  let count = 0;
  for (let index = 0; index < windows; index++) {
    const { scored, end } = windowAt(plan, index);
    count += end - scored;
  }
  return count;
}

/** Tokens that a model reads in the first `windows` windows: those that two share count in each. */
export function countRead(plan: WindowPlan, windows: number): number {
  let count = 0;
  for (let index = 0; index < windows; index++) {
    const { first, end } = windowAt(plan, index);
    count += plan.startTokens + end - first;
  }
  return count;
}
