/**
 * `npm run test:only -- <pattern>…`: builds what of dist/ is older than its sources, then runs the
 * test files whose paths match. Times are compared as make does it, those of folders included, so
 * that a deleted file counts as a change.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from 'uvu/run';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const KERNEL_SOURCES = ['assembly', 'asconfig.json', 'package.json', 'package-lock.json'];
const SOURCES = ['src', 'tsconfig.json', 'tsconfig.build.json'];
/** What the scripts of the build write, one file of each. */
const KERNELS = inDist(
  'wasm',
  'tpa-baseline.wasm tpa-relaxed.wasm tpa-debug.wasm probes-relaxed.wasm relaxed.js',
);
const PACKAGE = [
  ...inDist('wasm', 'node.js'),
  ...inDist('.', 'index.js standalone/index.js standalone/NOTICES.txt types/index.d.ts'),
];

const pattern = new RegExp(
  process.argv
    .slice(2)
    .join('|')
    .replaceAll(/(^|\|)test\//g, '$1'),
);
const suites = filesIn('test')
  .filter((name) => name.endsWith('.test.ts') && pattern.test(name))
  .toSorted()
  .map((name) => ({ name, file: resolve('test', name) }));
if (suites.length === 0) throw new Error(`no test file matches ${pattern}`);

if (isOlder(KERNELS, KERNEL_SOURCES)) {
  build(['build'], [...KERNELS, ...PACKAGE]);
} else if (isOlder(PACKAGE, SOURCES)) {
  // Chunks have other names after a change: the old ones would stay.
  for (const name of readdirSync('dist')) {
    if (name !== 'wasm') rmSync(`dist/${name}`, { recursive: true });
  }
  const steps = ['delivery', 'js', 'standalone', 'notices', 'types'];
  build(
    steps.map((step) => `build:${step}`),
    PACKAGE,
  );
}
await run(suites);

function isOlder(outputs: string[], sources: string[]): boolean {
  const built = Math.min(...outputs.map((output) => changedAt(output) ?? 0));
  return sources.some((source) =>
    [source, ...filesIn(source).map((name) => `${source}/${name}`)].some(
      (path) => changedAt(path)! >= built,
    ),
  );
}

/** Outputs get the time at which the build began, so that an edit during it is newer. */
function build(scripts: string[], outputs: string[]): void {
  const began = new Date();
  for (const script of scripts) {
    const result = spawnSync('npm', ['run', '--silent', script], { encoding: 'utf8' });
    if (result.status !== 0) {
      rmSync(outputs[0]!, { force: true });
      throw new Error(`${script} failed\n${result.stdout}${result.stderr}`);
    }
  }
  for (const output of outputs) utimesSync(output, began, began);
}

function inDist(folder: string, names: string): string[] {
  return names.split(' ').map((name) => join('dist', folder, name));
}

/** What is below a folder, folders included; nothing below a file. */
function filesIn(path: string): string[] {
  return statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
    : [];
}

function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
