import type { ModelFiles } from '../../../src/format/files/model-files.ts';

/** Bytes that were asked for. */
export interface Read {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * The files, each read of them put down in `reads`.
 *
 * @param hasReadInto whether they are read into arrays, as those of a directory are
 */
export function recordReads(files: ModelFiles, reads: Read[], hasReadInto: boolean): ModelFiles {
  return {
    ...files,
    async open(file) {
      const source = await files.open(file);
      if (source === undefined) return undefined;
      const read = (offset: number, length: number) => {
        reads.push({ file, offset, length });
        return source.read(offset, length);
      };
      if (!hasReadInto) return { ...source, read };
      return {
        ...source,
        read,
        async readInto(offset, target) {
          target.set(await read(offset, target.byteLength));
        },
      };
    },
  };
}
