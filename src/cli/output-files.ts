import { renameSync, rmSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { shown, UsageError } from './exit.ts';
import { writeHidden, type WriteProgress } from './output-folder.ts';
import type { ConvertedFile } from '../convert.ts';

const ENDING = /\.gguf$/i;

/** Whether a path is that of GGUF, one file or several. */
export function isGgufPath(path: string): boolean {
  return ENDING.test(path);
}

/** Where one file or its parts are written. */
export interface OutputFiles {
  /** Absolute: the file, or what its parts are named after. */
  readonly path: string;
  /** Name of the file without its ending. */
  readonly name: string;
}

/**
 * Checks where a file is to be written; nothing is created.
 *
 * @throws UsageError where its folder does not exist, or a folder has its name
 */
export async function checkOutputFiles(out: string, option = '--out'): Promise<OutputFiles> {
  const path = resolve(out);
  const parent = await stat(dirname(path)).catch(() => undefined);
  if (!parent?.isDirectory()) {
    throw new UsageError(`"${option}" expected a file in a folder that exists, got ${shown(out)}`);
  }
  const own = await stat(path).catch(() => undefined);
  if (own?.isDirectory()) {
    throw new UsageError(`"${option}" expected a file to write, got the folder ${shown(out)}`);
  }
  return { path, name: basename(path).replace(ENDING, '') };
}

/**
 * Refuses to write over files.
 *
 * @throws UsageError where one is there and `isForced` false, or is the source
 */
export async function checkReplaced(
  { path }: OutputFiles,
  files: readonly ConvertedFile[],
  source: string,
  isForced: boolean,
): Promise<void> {
  const sourcePath = await realpath(source);
  for (const { name } of files) {
    const target = await realpath(join(dirname(path), name)).catch(() => undefined);
    if (target === undefined) continue;
    if (target === sourcePath) {
      throw new UsageError(`"--out" expected another file than the source, got ${shown(name)}`);
    }
    if (isForced) continue;
    throw new UsageError(`"--out" expected a new file, or --force, got ${shown(name)}`);
  }
}

/**
 * Writes the files, which appear whole or not at all.
 *
 * @throws as `writeFolder`; where one of several cannot be put in its place, none stays
 */
export async function writeFiles(
  { path }: OutputFiles,
  files: readonly ConvertedFile[],
  progress: WriteProgress,
): Promise<void> {
  await writeHidden(path, files, progress, (hidden) => {
    const placed: string[] = [];
    try {
      for (const { name } of files) {
        const target = join(dirname(path), name);
        renameSync(join(hidden, name), target);
        placed.push(target);
      }
    } catch (error) {
      for (const target of placed) rmSync(target, { force: true });
      throw error;
    }
  });
}
