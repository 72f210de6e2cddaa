import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode } from '../base/node.ts';

/** Containers of one machine count processes for themselves; Linux names what they count in. */
const PROCESSES = '/proc/self/ns/pid';
const NAME = /^([0-9a-f]{8})-(\d+)-[0-9a-f]{8}(-old)?$/;
/** Longest time that nothing is written in a folder of another machine's living process. */
const SILENCE_MS = 24 * 60 * 60 * 1000;

/** Signals that end a process at once: what ends a service, and a terminal that is closed. */
const ENDINGS = ['SIGTERM', 'SIGHUP'] as const;

/** A new name beside a folder, hidden, that says which process writes there. */
export async function hiddenBeside(path: string): Promise<string> {
  const random = randomBytes(4).toString('hex');
  return join(dirname(path), `${prefixOf(path)}${await thisMachine()}-${process.pid}-${random}`);
}

/** Where the folder that makes way goes meanwhile. */
export function oldOf(hidden: string): string {
  return `${hidden}-old`;
}

/**
 * Removes folders where the process ends meanwhile, by a second Ctrl-C or a signal.
 *
 * @returns a function that cancels this
 */
export function removeAtExit(folders: readonly string[]): () => void {
  const remove = () => {
    // A file that is being opened may appear in a folder that was just emptied.
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const removeAndEnd = (signal: NodeJS.Signals) => {
    try {
      remove();
    } finally {
      process.kill(process.pid, signal); // nobody listens any more
    }
  };
  process.on('exit', remove);
  for (const signal of ENDINGS) process.once(signal, removeAndEnd);
  return () => {
    process.off('exit', remove);
    for (const signal of ENDINGS) process.off(signal, removeAndEnd);
  };
}

/**
 * Removes what runs that were killed have left beside a folder. What another run still writes
 * stays, and a model that was on its way out when nothing had taken its place comes back.
 */
export async function sweepBeside(out: string): Promise<void> {
  const path = await realpath(out).catch(() => resolve(out));
  const parent = dirname(path);
  const here = await thisMachine();
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(prefixOf(path)))) {
    const [, machine, pid, old] = NAME.exec(name.slice(prefixOf(path).length)) ?? [];
    const hidden = join(parent, name);
    if (machine === undefined) continue;
    if (machine === here ? isAlive(Number(pid)) : await isRecent(hidden)) continue;
    // What cannot be removed hinders nobody.
    if (old === undefined || !(await isRestored(hidden, path))) {
      await rm(hidden, { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** A folder that is shared may be written from several machines, each with processes of its own. */
async function thisMachine(): Promise<string> {
  const processes = await readlink(PROCESSES).catch(() => '');
  return createHash('sha256').update(`${hostname()} ${processes}`).digest('hex').slice(0, 8);
}

function prefixOf(path: string): string {
  return `.${basename(path)}-`;
}

/** Whether a process is there; EPERM says that it is someone else's. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

async function isRecent(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const paths = [folder, ...names.map((name) => join(folder, name))];
  const times = paths.map((path) =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    ),
  );
  return Math.max(...(await Promise.all(times))) > Date.now() - SILENCE_MS;
}

/** A rename onto a folder succeeds only where there is none, or an empty one. */
function isRestored(old: string, path: string): Promise<boolean> {
  return rename(old, path).then(
    () => true,
    () => false,
  );
}
