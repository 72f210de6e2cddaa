import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const SUMS = new URL('../../assembly/SHA256SUMS', import.meta.url);
const BINARIES = new URL('../../dist/wasm/', import.meta.url);

/** A released binary: what assembly/SHA256SUMS says of it, and what was built. */
export interface WasmSum {
  readonly file: string;
  readonly expected: string;
  readonly built: string;
}

/** The sums of assembly/SHA256SUMS beside those of dist/wasm/. */
export function readWasmSums(): WasmSum[] {
  const lines = readFileSync(SUMS, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [expected = '', file = ''] = line.split(/ [ *]/);
    const built = createHash('sha256')
      .update(readFileSync(new URL(file, BINARIES)))
      .digest('hex');
    return { file, expected, built };
  });
}

/** Lets assembly/SHA256SUMS name the binaries as they were built. */
export function writeWasmSums(): void {
  const lines = readWasmSums().map(({ file, built }) => `${built}  ${file}\n`);
  writeFileSync(SUMS, lines.join(''));
}
