/*
 * `npm run build:verify`, after the kernels were compiled: whether they are the bytes that
 * assembly/SHA256SUMS names. With `-- --write` they become what it names.
 */
import { readWasmSums, writeWasmSums } from './wasm-sums.ts';

if (process.argv.includes('--write')) writeWasmSums();
for (const { file, expected, built } of readWasmSums()) {
  const isSame = built === expected;
  process.stdout.write(isSame ? `${file} ${built}\n` : `${file} ${built}, expected ${expected}\n`);
  if (!isSame) process.exitCode = 1;
}
