import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './execute.ts';

/** What a process is to run. */
export interface Order {
  readonly target: string;
  readonly seed: number;
  readonly runs?: number | undefined;
  readonly seconds?: number | undefined;
  readonly isRecorded: boolean;
  /** Tells of each execution before it begins. */
  readonly isTraced: boolean;
  /** Measures the one execution of the seed. */
  readonly isAlone: boolean;
}

/** What an execution of its own takes above what the process had before. */
export interface CostAlone {
  readonly milliseconds: number;
  readonly bytes: number;
}

/** A line of a process: the seed that is about to run, or what came of it. */
export type Report =
  | { readonly at: number }
  | { readonly outcome: Outcome; readonly cpuSeconds: number }
  | { readonly cost: CostAlone };

/** The last line of a process; where that is no result, it crashed or hung at about the seed. */
export interface Ended {
  readonly last: Report;
  readonly reason: string;
}

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
/** An execution takes a quarter of a second at most, and a busy machine is ten times slower. */
const SILENCE_MS = 120_000;

/** Runs an order in a process of its own. */
export function ordered(order: Order): Promise<Ended> {
  const args = ['--import', 'tsx', WORKER, JSON.stringify(order)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let last: Report = { at: order.seed };
  let reason = '';
  const hang = (): void => {
    reason = 'hangs';
    child.kill('SIGKILL');
  };
  let timer = setTimeout(hang, SILENCE_MS);
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = JSON.parse(line) as Report;
    clearTimeout(timer);
    timer = setTimeout(hang, SILENCE_MS);
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ last, reason: reason || `ends the process with ${signal ?? code}` });
    });
  });
}
