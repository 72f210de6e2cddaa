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
  const stream = new ReadableStream<Bytes>(
    {
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
    },
    { highWaterMark: 0 },
  );
  whenForgotten(stream, () => sequence.dispose());
  return stream;
}

/** With code that is loaded where a snapshot is taken. */
async function open(session: SavedSession, options: CheckedOptions) {
  const { snapshotChunks } = await import('./snapshots.ts');
  return snapshotChunks(session, options);
}
