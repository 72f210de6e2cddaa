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

export interface Limits {
  readonly runs: number;
  /** The execution after which no other begins. */
  readonly isOver: () => boolean;
  readonly isRecorded: boolean;
}

/** More of a kind are not worth their lines. */
const MAX_FINDINGS = 20;
const DEAREST = 8;

/** Runs a target again and again; execution n draws from `seed + n`. */
export async function execute(target: Target, seed: number, limits: Limits): Promise<Outcome> {
  const outcome: Outcome = {
    executions: 0,
    refusals: 0,
    findings: [],
    dearest: { time: [], memory: [] },
  };
  const { findings } = outcome;
  while (outcome.executions < limits.runs && findings.length < MAX_FINDINGS && !limits.isOver()) {
    await executeOnce(target, seed + outcome.executions++, limits.isRecorded, outcome);
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

interface Measured {
  readonly milliseconds: number;
  readonly heapBytes: number;
}

function measured(): Measured {
  const { user, system } = process.cpuUsage();
  const { used_heap_size, external_memory } = getHeapStatistics();
  return { milliseconds: (user + system) / 1000, heapBytes: used_heap_size + external_memory };
}

function keepDearest({ dearest }: Outcome, seed: number, before: Measured, after: Measured): void {
  const cost: Cost = {
    seed,
    milliseconds: after.milliseconds - before.milliseconds,
    heapBytes: after.heapBytes - before.heapBytes,
  };
  keep(dearest.time, cost, 'milliseconds');
  keep(dearest.memory, cost, 'heapBytes');
}

function keep(list: Cost[], cost: Cost, by: 'milliseconds' | 'heapBytes'): void {
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

/** JSON, with bytes as base64. */
function written(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
  );
}
