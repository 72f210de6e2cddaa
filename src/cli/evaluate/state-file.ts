import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { quoted } from '../../base/arguments.ts';
import { errorCode } from '../../base/node.ts';
import { shown, UsageError } from '../exit.ts';
import { hiddenBeside } from '../hidden-folder.ts';
import type { Tally } from './perplexity.ts';

/** What a state is of: fields whose change makes another run. */
export type RunIdentity = Readonly<Record<string, string | number | boolean>>;

/** What the first field of a state says. */
const FORMAT = 'tpa eval perplexity 1';
/** A state has some 500 bytes. */
const MAX_STATE_BYTES = 2 ** 16;

/**
 * Where a run is to go on.
 *
 * @param windows of the whole text
 * @returns undefined where there is no file
 * @throws UsageError for a file that is no state, or one of another run, by the field that differs
 */
export async function readState(
  path: string,
  identity: RunIdentity,
  windows: number,
): Promise<Tally | undefined> {
  const text = await readStateText(path, MAX_STATE_BYTES);
  if (text === undefined) return undefined;
  const { windows: done, nats } = checkIdentity(path, text, { format: FORMAT, ...identity });
  const isTally = isCount(done, windows) && typeof nats === 'number' && Number.isFinite(nats);
  if (!isTally) throw noState(path);
  return { windows: done, nats };
}

/**
 * Writes a state beside the file and puts it in its place in one step: the file holds the last state
 * or the one before, whenever the process ends.
 *
 * @throws UsageError where it cannot be written
 */
export async function writeState(path: string, identity: RunIdentity, tally: Tally): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const hidden = await hiddenBeside(target);
  try {
    const handle = await open(hidden, 'wx');
    try {
      await handle.writeFile(
        `${JSON.stringify({ format: FORMAT, ...identity, ...tally }, null, 2)}\n`,
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(hidden, target);
  } catch (error) {
    await rm(hidden, { force: true });
    throw unusable(path, 'written', error);
  }
}

/**
 * The fields of a state that is of this run.
 *
 * @param identity its `format` says which command writes such states
 * @throws UsageError
 */
export function checkIdentity(
  path: string,
  text: string,
  identity: RunIdentity & { readonly format: string },
): Readonly<Record<string, unknown>> {
  const state = parseObject(text);
  if (state?.['format'] !== identity.format) throw noState(path);
  for (const [field, value] of Object.entries(identity)) {
    const found = state[field];
    if (found === value) continue;
    const other = quoted(found);
    throw new UsageError(
      `"--resume" expected a state whose ${field} is ${value}, got ${other} in ${shown(path)}; delete it or name another file`,
    );
  }
  return state;
}

/** A line of JSON as an object, whatever it is; undefined where it is not JSON. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The error of a file that is something else. */
export function noState(path: string): UsageError {
  return new UsageError(
    `"--resume" expected a state that this command has written, got ${shown(path)}; name another file`,
  );
}

/** The error of a file that the system refuses; any other error as it is. */
export function unusable(path: string, how: string, cause: unknown): unknown {
  const code = errorCode(cause);
  if (typeof code !== 'string') return cause;
  const message = `"--resume" expected a file that can be ${how}, got ${shown(path)} (${code})`;
  return new UsageError(message, { cause });
}

/**
 * The text of a state; undefined where there is no file.
 *
 * @throws UsageError for a file of more bytes, or one that cannot be read
 */
export async function readStateText(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw noState(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unusable(path, 'read', error);
  }
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
