import { execFileSync } from 'node:child_process';
import { cpus, release, type } from 'node:os';

/** Where and on what a run took place. */
export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly os: string;
  readonly engine: string;
  /** Command-line and `NODE_OPTIONS` flags of the engine. */
  readonly flags: readonly string[];
  /** Short hash, with `+` when the working tree differs from it. */
  readonly commit: string;
  /** ISO date, UTC. */
  readonly date: string;
}

/** Describes this process. */
export function describeEnvironment(): Environment {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    os: `${type()} ${release()} ${process.arch}`,
    engine: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    flags: [...engineFlags(process.execArgv), ...(process.env['NODE_OPTIONS']?.split(' ') ?? [])],
    commit: describeCommit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The flags that can change a timing: module loaders name local paths and do not. */
function engineFlags(argv: readonly string[]): string[] {
  return argv.filter((flag, at) => {
    const isLoaderPath = LOADER.test(argv[at - 1] ?? '') && !flag.startsWith('-');
    return !LOADER.test(flag) && !isLoaderPath;
  });
}

const LOADER = /^--(import|require|loader)\b/;

const RESULTS = [':(top,exclude)bench/RESULTS.md', ':(top,exclude)bench/charts'];

function describeCommit(): string {
  try {
    // The results of the last run are no reason to distrust this one.
    const isDirty = git('status', '--porcelain', '--', ':/', ...RESULTS);
    return git('rev-parse', '--short', 'HEAD') + (isDirty ? '+' : '');
  } catch {
    return 'unknown';
  }
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
