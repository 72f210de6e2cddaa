import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUNTIMES } from './find.ts';

/** A project with nothing but the packed tarball installed, made by `npm run consumer`. */
export const CONSUMER = `${RUNTIMES}consumer`;

/** A copy of {@link CONSUMER} to work in; to be removed. */
export interface Consumer {
  readonly folder: string;
  remove(): void;
}

/**
 * A project of a user. It lies outside the repository, whose own node_modules (onnxruntime-web is
 * among them) would be found from any folder below.
 */
export function copyConsumer(): Consumer {
  if (!existsSync(CONSUMER)) throw new Error('the tarball is not installed (npm run consumer)');
  const folder = mkdtempSync(join(tmpdir(), 'tpa-consumer-'));
  cpSync(CONSUMER, folder, { recursive: true, verbatimSymlinks: true });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
