import { CHECKS, type Place } from './conformance/suite.ts';
import type { Expected, Outcome } from './hosts/host.ts';
import { RECORDED } from './recorded.ts';

/** What is wrong with a run, by what is checked; undefined where all is well. */
export type Verdicts = Readonly<Record<string, string | undefined>>;

/** Beside the checks that ran in the runtime: how the import went, and what must be equal. */
const BESIDE: Readonly<
  Record<string, (outcome: Outcome, expected: Expected) => string | undefined>
> = {
  'computes where, and with as many threads as, can be had here': ({ report }, expected) =>
    misplaced(report.place, expected),
  'the import touches and leaves no global': ({ report: { sideEffects } }) =>
    problem({ touched: sideEffects.touched, added: sideEffects.added }, { touched: [], added: [] }),
  'tokens and logits are those of every other runtime': ({ report: { values } }) =>
    problem(values, RECORDED),
  'nothing is printed, warned of or blocked': ({ complaints }) => problem(complaints, []),
};

/** Names of {@link Verdicts}. */
export const VERDICTS: readonly string[] = [...Object.keys(CHECKS), ...Object.keys(BESIDE)];

/** Judges a run; one that gave no report fails in everything. */
export function judge(outcome: Outcome | Error, expected: Expected): Verdicts {
  if (outcome instanceof Error) {
    return Object.fromEntries(VERDICTS.map((name) => [name, outcome.message]));
  }
  const beside = Object.entries(BESIDE).map(([name, check]) => [name, check(outcome, expected)]);
  return { ...outcome.report.failures, ...Object.fromEntries(beside) };
}

/** How a place is another one than expected. */
function misplaced(place: Place | undefined, expected: Expected): string | undefined {
  if (place === undefined) return 'nothing was loaded';
  const { threads, worker, threadsReason = /^asked for$/, workerReason = /./ } = expected;
  const isRight =
    place.threads === threads &&
    place.runtimeThreads === threads &&
    place.worker === worker &&
    threadsReason.test(place.threadsReason) &&
    workerReason.test(place.workerReason);
  const wanted = `${threads} threads (${threadsReason}), worker ${worker} (${workerReason})`;
  return isRight ? undefined : `expected ${wanted}, found ${JSON.stringify(place)}`;
}

/** How two values differ, the keys of both in the order of the second. */
function problem(found: object, expected: object): string | undefined {
  const [first, second] = [JSON.stringify(found), JSON.stringify(expected)];
  return first === second ? undefined : `expected ${second}, found ${first}`;
}
