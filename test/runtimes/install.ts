/*
 * `npm run runtimes [NAME ...]`: installs what PINS names, or some of it, each into a folder of its
 * own below .runtimes/. One that is there already stays; one that cannot be had is named, and tests
 * of it are skipped.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { findRuntime, REASON_FILE, RUNTIMES } from './find.ts';
import { type Pin, PINS, type RuntimeName } from './pins.ts';

const run = promisify(execFile);
/** Downloads of 190 MB over a slow line. */
const INSTALL_TIMEOUT = 300_000;
const START_TIMEOUT = 60_000;

const asked = process.argv.slice(2);
const all = Object.keys(PINS) as RuntimeName[];
for (const name of asked.length === 0 ? all : all.filter((one) => asked.includes(one))) {
  if ('missing' in findRuntime(name)) await install(name);
  const found = findRuntime(name);
  const line = 'missing' in found ? `skipped, ${found.missing}` : `${found.title} ${found.version}`;
  process.stdout.write(`${line}\n`);
}

async function install(name: RuntimeName): Promise<void> {
  const { packages, program, isLean = false }: Pin = PINS[name];
  const folder = `${RUNTIMES}${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const wanted = Object.entries(packages).map(([file, version]) => `${file}@${version}`);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    const lean = isLean ? ['--omit=optional'] : [];
    await run('npm', ['install', '--prefix', folder, ...flags, ...lean, ...wanted], {
      timeout: INSTALL_TIMEOUT,
    });
    if (program !== undefined) {
      const path = `${folder}/node_modules/${program}`;
      chmodSync(path, 0o755);
      await run(path, ['--version'], { timeout: START_TIMEOUT });
    }
  } catch (error) {
    writeFileSync(`${folder}/${REASON_FILE}`, reasonOf(error));
  }
}

/** What went wrong, in a line; npm's first two are its code and what it means. */
function reasonOf(error: unknown): string {
  const { stderr = '', message = String(error) } = Object(error) as {
    stderr?: string;
    message?: string;
  };
  return (stderr.trim() || message).split('\n', 2).join(', ');
}
