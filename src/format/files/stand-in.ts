import { TpaError, type TpaErrorCode, printable } from '../../base/errors.ts';
import type { ByteSource } from './byte-source.ts';

/** What git-lfs leaves in a clone, by its present name and its first one. */
const POINTER = /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\//;
/** How pages begin that ask for a login or say that there is no such file. */
const PAGE = /^\s*<(?:!doctype|html|head|\?xml)/i;
/** Both are told by less. */
const LENGTH = 64;

/**
 * What text is there in place of a file, and the cure; undefined for all other bytes.
 *
 * @param bytes the first of the file
 */
export function standIn(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, LENGTH));
  if (POINTER.test(text)) {
    return 'a git-lfs pointer: run "git lfs pull" in the clone, or load from /resolve/, not /raw/';
  }
  if (PAGE.test(text)) {
    return 'a web page: the address may need a login, or have no such file';
  }
  return undefined;
}

/** @throws TpaError `code` where text {@link standIn | stands in} for the file */
export async function refuseStandIn(source: ByteSource, code: TpaErrorCode): Promise<void> {
  const found = standIn(await source.read(0, Math.min(source.size, LENGTH)));
  if (found === undefined) return;
  const name = printable(source.name);
  throw new TpaError(code, `"${name}" expected the file itself, found ${found}`, {
    data: { file: name },
  });
}
