import { TpaError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

/** No separator, escape, drive or stream in any system's path syntax, and no leading dot. */
const BARE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/**
 * Checks that a file name cannot lead out of its directory.
 *
 * @throws TpaError `PATH_ESCAPE`
 */
export function checkBareName(file: string): void {
  if (BARE_NAME.test(file)) return;
  throw new TpaError('PATH_ESCAPE', `model file expected a bare name, found "${printable(file)}"`);
}
