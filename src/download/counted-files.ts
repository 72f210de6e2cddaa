import { isWeightsFile, type ModelFiles } from '../format/files/model-files.ts';
import { type ByteSource, tapped } from '../format/files/byte-source.ts';
import { type LoadProgress, ProgressMeter } from './load-progress.ts';

/** Told of every piece of weights that has been read. */
export type OnBytes = (file: string, loaded: number, total: number) => void;

/** The files of a model, the weights among which are counted. */
export interface CountedFiles extends ModelFiles {
  /** All weights are open: counting begins. */
  begin(): void;
  /** All have been read that will be. */
  finish(): void;
}

/** {@link countedFiles} that tell how far they have come, and how fast. */
export function meteredFiles(
  files: ModelFiles,
  onProgress: (progress: LoadProgress) => void,
): CountedFiles {
  const meter = new ProgressMeter(() => performance.now(), onProgress);
  return countedFiles(files, (...counts) => meter.update(...counts));
}

/**
 * Counts the bytes of weight files as they are read.
 *
 * @param onBytes what it throws ends the read
 */
export function countedFiles(files: ModelFiles, onBytes: OnBytes): CountedFiles {
  const read = new Map<ByteSource, number>();
  let hasBegun = false;
  let last = '';
  let told = -1;
  const tell = (file: string, isAll: boolean): void => {
    last = file;
    if (!hasBegun) return;
    let total = 0;
    let loaded = 0;
    for (const [source, bytes] of read) {
      total += source.size;
      // a piece that is read twice counts once
      loaded += isAll ? source.size : Math.min(bytes, source.size);
    }
    if (loaded === told) return;
    told = loaded;
    onBytes(file, loaded, total);
  };
  const count = (source: ByteSource, bytes: number): void => {
    read.set(source, read.get(source)! + bytes);
    tell(source.name, false);
  };
  return {
    name: files.name,
    gguf: files.gguf,
    async open(file) {
      const source = await files.open(file);
      const isCounted = files.gguf?.includes(file) ?? isWeightsFile(file);
      if (source === undefined || !isCounted) return source;
      read.set(source, 0);
      return tapped(source, (_, { byteLength }) => count(source, byteLength));
    },
    begin() {
      hasBegun = true;
    },
    finish() {
      tell(last, true);
    },
    close: () => files.close(),
  };
}
