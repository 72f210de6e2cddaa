/**
 * `npm run fuzz [-- target…] [--runs N | --seconds N] [--seed S] [--record] [--out FOLDER]`: draws
 * hostile inputs by a seed, and fails where one does what none may. `--record` says what the dearest
 * inputs cost, each run again in a process of its own, and fails above the limits: for a quiet machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execute, type Outcome } from './execute.ts';
import { costAlone } from './cost-alone.ts';
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
    alone: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (chosen.length < positionals.length || chosen.length === 0) {
  throw new RangeError(`expected targets of ${TARGETS.map(({ name }) => name).join(', ')}`);
}
if (values.alone) print(JSON.stringify(await costAlone(chosen[0]!, seed)));
else await runAll();

async function runAll(): Promise<void> {
  let passed = 0;
  for (const target of chosen) {
    const { outcome, seconds } = await timed(target);
    const rate = Math.round(outcome.executions / seconds);
    const costs = values.record ? recorded(target, outcome) : [];
    const { executions, refusals, findings } = outcome;
    print(
      `${target.name}: ${executions} executions, ${rate} a second of CPU time, ${refusals} refused, ${findings.length} findings`,
    );
    for (const { seed: at, message, input } of findings) {
      print(`  FAIL ${target.name} --seed ${at} --runs 1: ${message}\n    ${input.slice(0, 2000)}`);
      keep(`${target.name}-${at}.json`, input);
    }
    for (const line of costs) print(`  ${line}`);
    const isOver = costs.some((line) => line.startsWith('FAIL'));
    if (executions > 0 && findings.length === 0 && !isOver) passed++;
  }
  const failed = chosen.length - passed;
  print(`\n  Total:     ${chosen.length}\n  Passed:    ${passed}\n  Skipped:   0\n`);
  print(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

async function timed(target: Target): Promise<{ outcome: Outcome; seconds: number }> {
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const end = values.seconds === undefined ? Infinity : begin + 1000 * Number(values.seconds);
  const runs = Number(values.runs ?? (values.seconds === undefined ? RUNS : Infinity));
  const isOver = (): boolean => performance.now() >= end;
  const outcome = await execute(target, seed, { runs, isOver, isRecorded: values.record });
  const { user, system } = process.cpuUsage(cpu);
  return { outcome, seconds: (user + system) / 1e6 };
}

/** What the dearest executions cost where nothing was compiled, collected or kept before. */
function recorded({ name }: Target, { dearest }: Outcome): string[] {
  const seeds = new Set([...dearest.time, ...dearest.memory].map((cost) => cost.seed));
  const program = fileURLToPath(import.meta.url);
  return Array.from(seeds, (at) => {
    const args = ['--import', 'tsx', program, name, '--alone', '--seed', String(at)];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const { milliseconds, bytes } = JSON.parse(stdout) as { milliseconds: number; bytes: number };
    const isOver = milliseconds > MAX_MS || bytes > MAX_BYTES;
    const megabytes = (bytes / 2 ** 20).toFixed(1);
    return `${isOver ? 'FAIL' : 'cost'} --seed ${at}: ${milliseconds.toFixed(1)} ms of CPU time, ${megabytes} MB over the start`;
  });
}

function keep(name: string, text: string): void {
  if (values.out === undefined) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, name), text);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
