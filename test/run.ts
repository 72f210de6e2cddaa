/**
 * `node test/run.ts <folder> <pattern>…`: runs the files below the folder whose paths match, as uvu
 * does, in as many processes at a time as there are cores. Files of one folder share a process, so
 * that what they import is compiled once. Ends with the totals of all and a line that counts them.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const UVU = fileURLToPath(new URL('../node_modules/uvu/bin.js', import.meta.url));
const GUARD = new URL('helpers/checks/no-silent-suites.ts', import.meta.url).href;

/** Files that drive the GPU or a browser take turns: a software GPU uses all cores by itself. */
const ONE_AT_A_TIME = /^(gpu\/|(download|worker)\/chromium)/;
/** Groups that take longest begin first, so that none is left alone at the end. */
const LONGEST = ['one at a time', 'model', 'backend', 'kernels', 'attention', 'download', 'cli'];
/** More processes than this would need more memory than the machines that have so many cores. */
const MAX_PROCESSES = 8;

interface Totals {
  total: number;
  passed: number;
  skipped: number;
}

const [folder = 'test', ...patterns] = process.argv.slice(2);
const began = performance.now();
const queue = groupsOf(folder, new RegExp(patterns.join('|')));
const all: Totals = { total: 0, passed: 0, skipped: 0 };
const processes = Math.min(availableParallelism(), MAX_PROCESSES, queue.length);
await Promise.all(Array.from({ length: processes }, runGroups));
const failed = all.total - all.passed;
print(`\n  Total:     ${all.total}\n  Passed:    ${all.passed}\n  Skipped:   ${all.skipped}`);
print(`  Duration:  ${Math.round(performance.now() - began)}ms\n`);
print(`${all.passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || all.passed === 0 ? 1 : 0;

/** The files that match, by the folder that they are in. */
function groupsOf(root: string, pattern: RegExp): string[][] {
  const groups = new Map<string, string[]>();
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((path) => pattern.test(path)).toSorted()) {
    const group = ONE_AT_A_TIME.test(name) ? LONGEST[0]! : dirname(name);
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const inOrder = [...groups.keys()].toSorted((a, b) => placeOf(a) - placeOf(b));
  return inOrder.map((group) => groups.get(group)!);
}

function placeOf(group: string): number {
  const place = LONGEST.indexOf(group);
  return place < 0 ? LONGEST.length : place;
}

async function runGroups(): Promise<void> {
  for (let files = queue.shift(); files !== undefined; files = queue.shift()) {
    const { output, ended } = await runFiles(files);
    const found = totalsOf(output);
    print(found === undefined ? output : output.slice(0, found.at));
    // neither a process that breaks off nor one that fails after its last test has passed
    if (found === undefined || (ended !== '0' && found.total === found.passed)) {
      print(`  FAIL  ended with ${ended}: ${files.join(' ')}`);
      all.total++;
    }
    all.total += found?.total ?? 0;
    all.passed += found?.passed ?? 0;
    all.skipped += found?.skipped ?? 0;
  }
}

/** All that a process prints, and its exit code or the signal that ended it. */
function runFiles(files: readonly string[]): Promise<{ output: string; ended: string }> {
  const names = files.map((name) => name.replaceAll(/[.+]/g, String.raw`\$&`));
  const args = [
    '--import',
    'tsx',
    '--import',
    GUARD,
    UVU,
    resolve(folder),
    `^(${names.join('|')})$`,
  ];
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    child.once('close', (code, signal) => done({ output, ended: String(code ?? signal) }));
  });
}

/** What uvu counted, and where it begins to say so; undefined if it did not come to that. */
function totalsOf(output: string): (Totals & { at: number }) | undefined {
  const at = output.lastIndexOf('\n  Total: ');
  const summary = stripVTControlCharacters(output.slice(Math.max(at, 0)));
  const counts = /^\s*Total: +(\d+)\s+Passed: +(\d+)\s+Skipped: +(\d+)/.exec(summary);
  if (counts === null) return undefined;
  const [total, passed, skipped] = counts.slice(1).map(Number) as [number, number, number];
  return { total, passed, skipped, at };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
