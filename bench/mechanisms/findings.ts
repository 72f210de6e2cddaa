import { timeRatio } from '../interleave.ts';
import { cacheBytes, MECHANISMS, type Mechanism } from './mechanisms.ts';
import { findMeasured, isMeasured, type ContextResult, type DimResult } from './result.ts';

/** Ratios this close to 1 are no difference on a shared machine. */
const TIE = 0.05;

const BASE = 'TPA';

interface Compared {
  readonly tokens: number;
  /** Time over the time of TPA. */
  readonly ratio: number;
}

/** Sentences that say who is faster where, and the numbers behind it; nothing that was not measured. */
export function findings(result: DimResult): string[] {
  const others = MECHANISMS.filter(({ name }) => name !== BASE);
  return [
    ...describeFastest(result),
    ...others.flatMap((mechanism) => describeOther(result, mechanism)),
  ];
}

/** Time of a mechanism over that of TPA in the same rounds; undefined where either is left out. */
export function ratioToTpa(context: ContextResult, name: Mechanism['name']): number | undefined {
  const [point, base] = [findMeasured(context, name), findMeasured(context, BASE)];
  return point && base && timeRatio(point.timing, base.timing);
}

function describeFastest({ contexts }: DimResult): string[] {
  const best = new Map<string, number[]>();
  for (const { tokens, points } of contexts) {
    const [first] = points.filter(isMeasured).toSorted((a, b) => a.timing.best - b.timing.best);
    if (first === undefined) continue;
    const { name } = first.mechanism;
    best.set(name, [...(best.get(name) ?? []), tokens]);
  }
  if (best.size === 0) return [];
  const parts = [...best].map(([name, tokens]) => `${name} at ${listTokens(tokens)}`);
  return [`The fastest: ${parts.join('; ')} tokens.`];
}

function describeOther({ heads, contexts }: DimResult, mechanism: Mechanism): string[] {
  const { name } = mechanism;
  const compared = contexts.flatMap((context): Compared[] => {
    const ratio = ratioToTpa(context, name);
    return ratio === undefined ? [] : [{ tokens: context.tokens, ratio }];
  });
  const last = compared.at(-1);
  if (last === undefined) return [];
  return [`${verdict(name, compared)} ${reasons(mechanism, heads, last, contexts)}`];
}

function verdict(name: string, compared: readonly Compared[]): string {
  const groups = [
    ['wins', compared.filter(({ ratio }) => ratio > 1 + TIE)],
    ['is level', compared.filter(({ ratio }) => Math.abs(ratio - 1) <= TIE)],
    ['loses', compared.filter(({ ratio }) => ratio < 1 - TIE)],
  ] as const;
  const parts = groups
    .filter(([, at]) => at.length > 0)
    .map(([what, at]) =>
      at.length === compared.length
        ? `${what} at every context`
        : `${what} at ${listTokens(at.map(({ tokens }) => tokens))} tokens`,
    );
  const ratios = compared.map(({ ratio }) => ratio);
  const [low, high] = [times(Math.min(...ratios)), times(Math.max(...ratios))];
  const range = low === high ? low : `${low} to ${high}`;
  return `Against ${name}, TPA ${parts.join(', ')}: ${name} takes ${range} times as long.`;
}

/** Time is multiply-adds over their rate; how many a byte of cache feeds bounds that rate. */
function reasons(
  mechanism: Mechanism,
  heads: number,
  { tokens, ratio }: Compared,
  contexts: readonly ContextResult[],
): string {
  const { name } = mechanism;
  const context = contexts.find((each) => each.tokens === tokens)!;
  const [point, base] = [findMeasured(context, name)!, findMeasured(context, BASE)!];
  const macs = point.macs / base.macs;
  const rate = macs / ratio;
  const bytes = cacheBytes(mechanism, heads, tokens) / cacheBytes(base.mechanism, heads, tokens);
  const perByte = mechanism.macsPerToken(heads) / cacheBytes(mechanism, heads, 1);
  const needed = gigabytes(context.peakRate / perByte);
  const read = gigabytes(cacheBytes(mechanism, heads, tokens) / point.timing.best);
  const [more, less] = [Math.log(macs), -Math.log(rate)];
  const cause = Math.abs(more) > Math.abs(less) ? 'its arithmetic' : 'the rate at which it is done';
  return (
    `At ${count(tokens)} it does ${times(macs)} times the multiply-adds on ${times(bytes)} times ` +
    `the bytes, at ${times(rate)} times the rate; the larger part of the difference is ${cause}. ` +
    `It reads ${read}; at the FMA peak it would read ${needed}, ${times(perByte)} multiply-adds a byte.`
  );
}

/** `4,096 to 16,384 and 131,072`: neighbours among powers of two make a range. */
function listTokens(tokens: readonly number[]): string {
  const runs: number[][] = [];
  for (const value of tokens) {
    const run = runs.at(-1);
    if (run?.at(-1) === value / 2) run.push(value);
    else runs.push([value]);
  }
  const words = runs.flatMap((run) =>
    run.length > 2 ? [`${count(run[0]!)} to ${count(run.at(-1)!)}`] : run.map(count),
  );
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words.join('');
}

function times(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB/s`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
