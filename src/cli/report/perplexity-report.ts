import type { Tally } from '../evaluate/perplexity.ts';
import { countRead, countScored, type WindowPlan } from '../evaluate/windows.ts';
import { count, decimals, renderTable } from './table.ts';

/** How well a model predicts a text, and what was scored. */
export interface PerplexityReport {
  /** e^(nats / scoredTokens) */
  readonly perplexity: number;
  /** e^(nats / bytes) */
  readonly perplexityPerByte: number;
  /** nats / ln 2 / bytes */
  readonly bitsPerByte: number;
  /** Minus the sum of the log-probabilities of the scored tokens, natural logarithms. */
  readonly nats: number;
  /** Of the text. */
  readonly tokens: number;
  /** Those that something stands before in their window. */
  readonly scoredTokens: number;
  /** Of the whole text, in UTF-8. */
  readonly bytes: number;
  readonly windows: number;
  /** Tokens of all windows: those that two share count in each. */
  readonly readTokens: number;
  /** Tokens of a window at most, `startIds` included. */
  readonly context: number;
  readonly stride: number;
  /** What every window begins with: BOS, where texts of the model begin with it. */
  readonly startIds: readonly number[];
}

/** @param bytes of the text */
export function describePerplexity(
  { windows, nats }: Tally,
  plan: WindowPlan,
  startIds: readonly number[],
  bytes: number,
): PerplexityReport {
  const { tokens, windowTokens, stride } = plan;
  const scoredTokens = countScored(plan, windows);
  return {
    perplexity: Math.exp(nats / scoredTokens),
    perplexityPerByte: Math.exp(nats / bytes),
    bitsPerByte: nats / Math.LN2 / bytes,
    nats,
    tokens,
    scoredTokens,
    bytes,
    windows,
    readTokens: countRead(plan, windows),
    context: windowTokens + startIds.length,
    stride,
    startIds,
  };
}

/** Lines for a reader. @param tokensPerSecond of `readTokens` */
export function renderPerplexity(
  report: PerplexityReport,
  dtype: string,
  tokensPerSecond: number | null,
): string {
  const { perplexity, perplexityPerByte, bitsPerByte, tokens, scoredTokens, bytes } = report;
  const { windows, context, stride, startIds } = report;
  const speed = tokensPerSecond === null ? '' : `, ${decimals(tokensPerSecond)} tokens a second`;
  const start =
    startIds.length === 0 ? 'with nothing before the text' : `with token ${startIds.join(', ')}`;
  return renderTable([
    ['perplexity', `${exact(perplexity)} a token, ${exact(perplexityPerByte)} a byte`],
    ['bits', `${exact(bitsPerByte)} a byte`],
    ['text', `${count(bytes)} bytes, ${count(tokens)} tokens`],
    ['scored', `${count(scoredTokens)} tokens with weights as ${dtype}`],
    ['windows', `${count(windows)} of ${count(context)} tokens, ${count(stride)} apart${speed}`],
    ['begin', start],
  ]);
}

const FRACTIONS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 4,
  maximumFractionDigits: 4,
});

/** Enough digits to tell 0.01 % of a perplexity apart. */
function exact(value: number): string {
  return FRACTIONS.format(value);
}
