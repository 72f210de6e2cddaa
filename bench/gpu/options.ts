import { parseArgs } from 'node:util';
import type { PlanSizes } from './plan.ts';

export const USAGE = `npm run bench:gpu -- [--browser] [--quick] [--minutes N] [--contexts N,N] [--out DIR]
  --browser       headless Chromium instead of Deno; CHROMIUM names the program
  --flags A,B     flags of Chromium instead of those that allow SwiftShader
  --quick         two contexts in two minutes; writes nothing without --out
  --minutes N     time for all of it (default 10); what does not fit is left out and named
  --contexts A,B  cached tokens (default 512 to 65536, each twice the one before)
  --out DIR       where RESULTS.md goes (default bench/)`;

/** What the command line asks for. */
export interface Options extends PlanSizes {
  readonly isBrowser: boolean;
  readonly flags?: readonly string[];
  /** Folder of the results, undefined to write none. */
  readonly out?: string;
  readonly wantsHelp: boolean;
}

const CONTEXTS = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** @throws RangeError, TypeError for what cannot be read */
export function readOptions(args: readonly string[], folder: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      browser: { type: 'boolean', default: false },
      flags: { type: 'string' },
      quick: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      contexts: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const isQuick = values.quick;
  const out = values.out ?? (isQuick ? undefined : folder);
  return {
    isBrowser: values.browser,
    ...(values.flags === undefined ? {} : { flags: values.flags.split(',') }),
    minutes: readNumber('--minutes', values.minutes ?? (isQuick ? '2' : '10')),
    contexts: readContexts(values.contexts, isQuick),
    ...(out === undefined ? {} : { out }),
    wantsHelp: values.help,
  };
}

function readContexts(text: string | undefined, isQuick: boolean): number[] {
  if (text === undefined) return isQuick ? [512, 2048] : CONTEXTS;
  const contexts = text.split(',').map((part) => readNumber('--contexts', part));
  if (contexts.every(Number.isInteger)) return contexts.toSorted((a, b) => a - b);
  throw new RangeError(`"--contexts" expected whole numbers, got "${text}"`);
}

function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(`"${name}" expected a number above 0, got "${text}"`);
}
