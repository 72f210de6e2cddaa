/**
 * `npm run fuzz [-- target…] [--runs N | --seconds N] [--seed S] [--record] [--out FOLDER]`: draws
 * hostile inputs by a seed, and fails where one does what none may. `--record` says what the dearest
 * inputs cost, each run again in a process of its own, and fails above the limits: for a quiet machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Draw } from './draw.ts';
import { type Finding, type Outcome, written } from './execute.ts';
import { type Order, ordered } from './order.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/all.ts';

/** The limits of any tokenizer.json, template, prompt and configuration. */
const MAX_MS = 250;
const MAX_BYTES = 64 * 2 ** 20;
const RUNS = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (chosen.length < positionals.length) {
  throw new RangeError(`expected targets of ${TARGETS.map(({ name }) => name).join(', ')}`);
}
const queue = [...chosen];
// what others do at the same time is not to be in what is recorded
const lanes = values.record ? 1 : Math.min(availableParallelism(), chosen.length);
let passed = 0;
await Promise.all(Array.from({ length: lanes }, runQueue));
const failed = chosen.length - passed;
print(`\n  Total:     ${chosen.length}\n  Passed:    ${passed}\n  Skipped:   0\n`);
print(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function runQueue(): Promise<void> {
  for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
    if (await runs(target)) passed++;
  }
}

/** Whether a target does nothing that it may not. */
async function runs(target: Target): Promise<boolean> {
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  const runsAtMost = values.runs ?? (seconds === undefined ? RUNS : undefined);
  const order: Order = {
    target: target.name,
    seed: Number(values.seed),
    runs: runsAtMost === undefined ? undefined : Number(runsAtMost),
    seconds,
    isRecorded: values.record,
    isTraced: false,
    isAlone: false,
  };
  const { last, reason } = await ordered(order);
  if (!('outcome' in last)) {
    const seed = 'at' in last ? await exactSeed(order, last.at) : order.seed;
    tellFinding(target, { seed, message: reason, input: written(target.make(new Draw(seed))) });
    return false;
  }
  const { outcome, cpuSeconds } = last;
  const { executions, refusals, findings } = outcome;
  const rate = Math.round(executions / cpuSeconds);
  print(
    `${target.name}: ${executions} executions, ${rate} a second of CPU time, ${refusals} refused, ${findings.length} findings`,
  );
  for (const finding of findings) tellFinding(target, finding);
  const isWithinLimits = !values.record || (await costsLittle(order, outcome));
  return executions > 0 && findings.length === 0 && isWithinLimits;
}

/** Which execution broke the process, from the last one that was told on. */
async function exactSeed(order: Order, seed: number): Promise<number> {
  const { last } = await ordered({ ...order, seed, isTraced: true });
  return 'at' in last ? last.at : seed;
}

/** Tells what the dearest executions cost where nothing was compiled, collected or kept before. */
async function costsLittle(order: Order, { dearest }: Outcome): Promise<boolean> {
  let isLittle = true;
  for (const seed of new Set([...dearest.time, ...dearest.memory].map((cost) => cost.seed))) {
    const { last } = await ordered({ ...order, seed, isAlone: true });
    const { milliseconds, bytes } = 'cost' in last ? last.cost : { milliseconds: NaN, bytes: NaN };
    const isWithin = milliseconds <= MAX_MS && bytes <= MAX_BYTES;
    isLittle &&= isWithin;
    const cost = `${milliseconds.toFixed(1)} ms of CPU time, ${(bytes / 2 ** 20).toFixed(1)} MB`;
    print(`  ${isWithin ? 'cost' : 'FAIL'} --seed ${seed}: ${cost} over the start`);
  }
  return isLittle;
}

function tellFinding({ name }: Target, { seed, message, input }: Finding): void {
  print(`  FAIL ${name} --seed ${seed} --runs 1: ${message}\n    ${input.slice(0, 1000)}`);
  if (values.out === undefined) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, `${name}-${seed}.json`), input);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
