import { whenForgotten } from '../base/forgotten.ts';
import type { CheckedOptions } from './options.ts';
import type { SavedSession } from './write.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A snapshot as a stream that makes nothing before it is read. It gives the sequence back at its end,
 * or when it is cancelled or forgotten.
 */
export function snapshotStream(
  session: SavedSession,
  options: CheckedOptions,
): ReadableStream<Bytes> {
  const { sequence } = session;
  let chunks: AsyncGenerator<Bytes, void> | undefined;
  const source: UnderlyingDefaultSource<Bytes> = {
    async pull(controller) {
      try {
        chunks ??= await open(session, options);
        const { done, value } = await chunks.next();
        if (done !== true) return controller.enqueue(value);
        sequence.dispose();
        controller.close();
      } catch (error) {
        sequence.dispose();
        throw error;
      }
    },
    cancel: () => sequence.dispose(),
  };
  // not the stream: Chromium collects that object while it pipes to another one
  whenForgotten(source, () => sequence.dispose());
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** With code that is loaded where a snapshot is taken. */
async function open(session: SavedSession, options: CheckedOptions) {
  const { snapshotChunks } = await import('./snapshots.ts');
  return snapshotChunks(session, options);
}
