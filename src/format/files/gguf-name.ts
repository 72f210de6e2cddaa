import { TpaError, printable } from '../../base/errors.ts';

/** `GGUF`, little-endian: how every file begins. */
export const GGUF_MAGIC = 0x46554747;

/** How llama.cpp names the parts of a model. */
const PART = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** The largest published models have about 200. */
const MAX_PARTS = 1024;

/** Whether a file is a GGUF by its name. */
export function isGgufName(file: string): boolean {
  return /\.gguf$/i.test(file);
}

/**
 * The names of all files of a model, one of which is named.
 *
 * @throws TpaError `MODEL_NOT_FOUND` where it cannot be a part of so many
 */
export function ggufNames(file: string): readonly string[] {
  const [, stem, number, count, ending] = PART.exec(file) ?? [];
  if (count === undefined) return [file];
  const parts = Number(count);
  if (Number(number) < 1 || Number(number) > parts || parts > MAX_PARTS) {
    const message = `the GGUF file "${printable(file)}" expected the number of a part in 1..${Math.min(parts, MAX_PARTS)}, found ${number} of ${count}`;
    throw new TpaError('MODEL_NOT_FOUND', message, { data: { file: printable(file) } });
  }
  return Array.from(
    { length: parts },
    (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${count}${ending}`,
  );
}
