import { getHeapStatistics } from 'node:v8';
import { Draw } from './draw.ts';
import { isRefusal, type Target } from './target.ts';

/** An input that did what none may, and the seed that draws it again. */
export interface Finding {
  readonly seed: number;
  readonly message: string;
  readonly input: string;
}

/** What an execution cost. */
export interface Cost {
  readonly seed: number;
  readonly milliseconds: number;
  readonly heapBytes: number;
}

/** What came of many executions. */
export interface Outcome {
  executions: number;
  refusals: number;
  readonly findings: Finding[];
  /** The dearest by time and by memory, where costs are recorded. */
  readonly dearest: { readonly time: Cost[]; readonly memory: Cost[] };
}

/** Which executions there are: from `seed` on, as long as one after another `begins`. */
export interface Executions {
  readonly seed: number;
  readonly begins: (seed: number) => boolean;
  readonly isRecorded: boolean;
}

/** More of a kind are not worth their lines. */
const MAX_FINDINGS = 20;
const DEAREST = 8;

/** Runs a target again and again, each time with the next seed. */
export async function execute(target: Target, { seed, begins, isRecorded }: Executions) {
  const dearest: Outcome['dearest'] = { time: [], memory: [] };
  const outcome: Outcome = { executions: 0, refusals: 0, findings: [], dearest };
  for (let at = seed; outcome.findings.length < MAX_FINDINGS && begins(at); at++) {
    await executeOnce(target, at, isRecorded, outcome);
    outcome.executions++;
  }
  return outcome;
}

async function executeOnce(
  target: Target,
  seed: number,
  isRecorded: boolean,
  outcome: Outcome,
): Promise<void> {
  const input = target.make(new Draw(seed));
  const before = isRecorded ? measured() : undefined;
  let thrown: unknown;
  try {
    // most targets are synchronous: a promise for each would cost more than the work
    const running = target.run(input);
    if (running !== undefined) await running;
  } catch (error) {
    thrown = error ?? new Error('nothing was thrown');
  }
  if (before !== undefined) keepDearest(outcome, seed, before, measured());
  if (thrown === undefined) return;
  if (isRefusal(thrown)) outcome.refusals++;
  else outcome.findings.push({ seed, message: described(thrown), input: written(input) });
}

type Measured = Omit<Cost, 'seed'>;

function measured(): Measured {
  const { user, system } = process.cpuUsage();
  const { used_heap_size, external_memory } = getHeapStatistics();
  return { milliseconds: (user + system) / 1000, heapBytes: used_heap_size + external_memory };
}

function keepDearest({ dearest }: Outcome, seed: number, before: Measured, after: Measured): void {
  const milliseconds = after.milliseconds - before.milliseconds;
  const cost: Cost = { seed, milliseconds, heapBytes: after.heapBytes - before.heapBytes };
  keep(dearest.time, cost, 'milliseconds');
  keep(dearest.memory, cost, 'heapBytes');
}

function keep(list: Cost[], cost: Cost, by: keyof Measured): void {
  if (list.length === DEAREST && cost[by] <= list.at(-1)![by]) return;
  list.push(cost);
  list.sort((a, b) => b[by] - a[by]);
  list.length = Math.min(list.length, DEAREST);
}

function described(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const [, at = ''] = thrown.stack?.split(/\n\s+at /) ?? [];
  return `${thrown.name}: ${thrown.message.slice(0, 300)} (${at})`;
}

/** An input as JSON, bytes in it as base64. */
export function written(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
  );
}
